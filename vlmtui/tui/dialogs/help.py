"""Help: the keys, the overlays, and what the numbers of the screen are."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding
from textual.widgets import Static

from vlmtui.display.norm_statistics import THRESHOLD
from vlmtui.display.pieces import plain
from vlmtui.tui.dialogs.dialog import LEAVES, Dialog
from vlmtui.tui.overlays.listing import overlays_of
from vlmtui.tui.state.results import Results

_MEANINGS = (
    (
        "Counting",
        "Rows, columns, patches, tokens and heads are counted from 0, as in reports. vision.0 is what enters the "
        "first block of the vision tower, vision.1 what that block gives; the layers of the language model begin with "
        "llm.1.",
    ),
    (
        "How sure a word is",
        "Above noise means that the top-1 word is nearer than 95% of the top-1 words of the same search in the "
        "patches of this image with its pixels shuffled; within noise, that shuffled patches do as well. Neither says "
        "that the word is right or wrong. By which metric: cosine, the default, compares directions alone; l2 and dot "
        "weigh lengths too, and a warning says where these decide. A word that is above noise by cosine and that most "
        "metrics agree on is as sure as lists can make it; of others the language model's layers (w) may tell more. "
        "Metrics agree: how many of l2, cosine, centred cosine, dot and omp have the same top-1. "
        "Margin: by how much it leads the second. ° marks a hub word, which is in the lists of more than half of "
        "the image's tokens and says little of any one. ×2: two spellings of the word are in the list.",
    ),
    (
        "Words",
        "Bars begin where 95% of noise ends, so that what is within noise has none; the first has a full bar. "
        "Until the noise is known, and for logits, the last has a fifth of it, those between in proportion. The "
        "overlay segments shows local-words first: words whose patches lie together more than chance would have "
        "it, voted for by the lists of each patch's neighbours. So a patch may be part of a word that is not its "
        "own top-1; m goes on to the top-1 by each metric.",
    ),
    (
        "Numbers",
        "Of the pixel under the cursor each channel's level, from 0 to 255, in decimal and binary; after → the same "
        "normalised, which is what the model gets. Below it all pixels of that row: their levels, and normalised by "
        "channel, red above 0 and blue below.",
    ),
    (
        "Norms",
        "The height of a bar is the L2 norm of the patch after that layer; behind it are the 5–95% band and the "
        "median of all patches. The vision tower is on the left and the language model on the right, with "
        f"separate scales. An outlier has a robust z-score beyond ±{THRESHOLD}: that far from the median, in median "
        "absolute deviations made comparable with standard deviations. ▲ and ▼ say the side, here and on its patch.",
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
        "Colours are the cosine of every patch with the word, grey where noise has as much. Whether the word is there "
        "the lists tell first: not found means that it is among the words of no patch, and all of these have others "
        "nearer, even where a few patches are above noise. Yellow is as near as any word is to any patch, or nearer; "
        "‹ and › say that there are numbers beyond the scale. A word of several pieces is in no list, and not found "
        "where nothing is above noise. ‿ marks a piece that goes on from the one before.",
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
)
"""Of what the screen says, by its name."""


class HelpPage(Dialog[None]):
    """The keys."""

    BINDINGS = [Binding("question_mark,q", "leave", "leave")]

    def __init__(self, keys: Sequence[tuple[str, Sequence[tuple[str, str]]]], results: Results) -> None:
        super().__init__("Keys")
        self.add_class("page")
        self.border_subtitle = LEAVES
        self.can_focus = True
        self._keys, self._results = keys, results

    def compose(self) -> ComposeResult:
        yield self.title()
        for heading, rows in self._keys:
            yield Static(Text(heading), classes="help-title")
            yield Static(_table(rows))
        yield Static(Text("Overlays"), classes="help-title")
        yield Static(_table(overlays_of(self._results)))
        yield Static(_help_text())


def _table(rows: Sequence[tuple[str, str]]) -> Table:
    """Each key with what it does, or each overlay with what it is, which goes on below itself where it needs more
    lines."""
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(style="bold", max_width=18)
    table.add_column(ratio=1)
    for name, meaning in rows:
        table.add_row(Text(plain(name)), Text(plain(meaning)))
    return table


def _help_text() -> Text:
    text = Text()
    for name, meaning in _MEANINGS:
        text.append(f"\n{name}: ", "bold")
        text.append(f"{meaning}\n")
    return text
