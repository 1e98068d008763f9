"""Text of the help: what the panels of the first screen say, line by line, and what the numbers of others are."""

from __future__ import annotations

from vlmtui.display.norm_statistics import THRESHOLD

_WORDS = (
    ("WORDS", "The words of the vocabulary nearest to the patch by the metric of the heading (m: the next)."),
    (
        "above noise",
        "The top-1 word is nearer than 95% of the top-1 words of the same search in the patches of this image with its "
        "pixels shuffled. It may still be wrong.",
    ),
    (
        "within noise",
        "Shuffled patches do as well: the word is nearer than less than 95% of theirs. It may still be right.",
    ),
    ("3 of 5 agree", "How many of the metrics l2, cosine, centred cosine, dot and omp have the same top-1."),
    ("margin", "By how much the top-1 leads the second."),
    (
        "°",
        "A common (hub) word: in the lists of more than half of the image's tokens, so it says little of any one: "
        "dim, and never bold. Above or within noise is always said of the top-1, even where that is common.",
    ),
    ("×2", "Two spellings of the word are in the list (F lists each)."),
    (
        "bars",
        "They begin where 95% of noise ends, so that what is within noise has none; the first is full. For logits the "
        "last has a fifth of it, those between in proportion.",
    ),
)
_ANSWER = (
    (
        "ANSWER",
        "Its tokens (< and > choose one), each with the natural logarithm of its probability: 0 is certain, -0.7 one "
        "in two, -2.3 one in ten; the bar is the probability. The whole answer has the sum.",
    ),
    (
        "attention map",
        "The map at first: how much each image token was looked at. × is an attention sink, which draws attention for "
        "any token of the answer. That a patch was looked at does not say that the answer depends on it.",
    ),
    (
        "occlusion (O)",
        "What the answer depends on: how much likelihood the chosen token loses (red) or gains (blue) where a block of "
        "patches is replaced. No large effect: no block makes it a fifth less likely, or a quarter likelier.",
    ),
    ("x", "The answer again without the patches that are marked (Space), and by how much each token changes."),
    ("o", "The other maps of the answer. Words and segments are overlays of tokens ([ goes there)."),
)
_NORMS_AND_PATCH = (
    (
        "NORMS",
        "A bar is the L2 norm of the patch after that layer; behind it are the 5–95% band and the median of all "
        "patches. The vision tower is on the left and the language model on the right, with separate scales.",
    ),
    (
        "▲ ▼ outlier",
        f"Its robust z-score is beyond ±{THRESHOLD}: that far above or below the median, in median absolute deviations "
        "made comparable with standard deviations. The marks are on its patch, too.",
    ),
    (
        "PATCH",
        "Its pixels in the file (x, then y), their mean colour, the size at which the model saw it, and the layers "
        "that its vector has gone through.",
    ),
    (
        "below the image",
        "What its colours are, and their scale. Of a word that is searched for (/), first of all in how many lists it "
        "is, which tells whether it is there: • is on patches whose list has it first; grey are those whose list has "
        "it not, and those where noise has as much.",
    ),
)
FIRST_SCREEN, ANSWER_SCREEN = _WORDS + _NORMS_AND_PATCH, _ANSWER + _NORMS_AND_PATCH
"""Each thing that the panels say at the start, and beside an answer, and what it is."""
MEANINGS = (
    (
        "Which metric to trust",
        "Cosine, the default, compares directions alone; l2 and dot weigh lengths too, and a warning says where these "
        "decide. A word that is above noise by cosine and that most metrics agree on is as sure as lists can make it; "
        "of others the language model's layers (w) may tell more.",
    ),
    (
        "Segments",
        "The overlay segments shows local-words first: words whose patches lie together more than chance would have "
        "it, voted for by the lists of each patch's neighbours. So a patch may be part of a word that is not its "
        "own top-1, and common words (°) give way to others; m goes on to the top-1 by each metric.",
    ),
    (
        "Top-1 per layer (logit lens)",
        "For the token under the cursor the word of the largest logit after every layer, that logit, and the "
        "entropy of the softmax over all words in nats, shown by the bar: the surer the model, the shorter. The "
        "word is stable from the first layer after which it no longer changes.",
    ),
    (
        "Sums of words",
        "omp: a few words whose sum approximates the vector, in the order picked, and how much of its norm they "
        "explain so far; grey bars are negative. ridge and pinv: the same with all words at once.",
    ),
    (
        "Find",
        "Colours are the cosine of every patch with the word: grey where noise has as much, or where the list of the "
        "patch has it not, since others are nearer. • is where the list has it first, if patches are large enough for "
        "it. The line below says how many tokens have the word first, and how many in their list. Doubtful: it is in "
        "some lists, but first in none, common words (°) left out. Not found: it is in no list, even where a few "
        "patches are above noise. Undecided: it is of several pieces, which no list can have, and nothing is above "
        "noise. Yellow is the word's own highest where some list has it first, and "
        "else as near as any word is to any patch; ‹ and › say that there are numbers beyond the scale. "
        "‿ marks a piece that goes on from the one before.",
    ),
    (
        "Similarity",
        "The cosine of every patch with the one under the cursor, or with the mean of the marked ones' unit "
        "vectors, at this stage. Colours span the middle 96% of all patches' values: ‹ or › at an end of the "
        "scale means that values lie beyond it, a bright one that the value here does.",
    ),
    (
        "Projector lens",
        "The projector applied to a vision stage it was not trained on. A patch has the words of the token it "
        "becomes part of, as if the vision tower ended there. At vision stages find uses it too.",
    ),
    (
        "Attention",
        "What an answer depends on the occlusion map (O) measures, in a forward pass a block; the others are quicker, "
        "and say where the model looked. From the position that predicts the chosen token of the answer to every image "
        "token; the rest goes to text. An attention sink (×) has a large share of it for any token. Rollout: the "
        "layers' mean attention, multiplied through with the residual stream. Gradient × input: red where more of the "
        "image token would make the chosen token likelier. Occlusion map: by how much its log-probability falls where "
        "each block of patches is replaced.",
    ),
    (
        "Pixels",
        "Of the pixel under the cursor each channel's level, from 0 to 255, in decimal and binary; after → the same "
        "normalised, which is what the model gets. Below it all pixels of that row: their levels, and normalised by "
        "channel, red above 0 and blue below.",
    ),
    (
        "Counting",
        "Rows, columns, patches, tokens and heads are counted from 0, as in reports. vision.0 is what enters the "
        "first block of the vision tower, vision.1 what that block gives; the layers of the language model begin with "
        "llm.1.",
    ),
)
"""Of what else the screen says, by its name."""
