"""Selection: what a person has chosen to look at. Frozen, no Textual."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from vlmtui.display.cell_layout import FIT
from vlmtui.lenses.base import Lens
from vlmtui.lenses.folded_token_words import folds
from vlmtui.metrics import DEFAULT_METRIC, METRICS, Metric, WordOrder
from vlmtui.reading import ModelInfo
from vlmtui.tui.state.lens_choice import LensChoice, attributions, overlays
from vlmtui.tui.state.stages import ANSWER, llm_depth, vision_depth

NONE = "none"
NORMS = "norms"
WORDS = "words"
SEGMENTS = "segments"
"""The overlays that need no lens; the others are lenses, by their names."""
MAX_K = 50
ATTENTION = "attention"
ROLLOUT = "rollout"
GRADIENT = "gradient"
OCCLUSION = "occlusion"
"""Attributions of which the explorer has more to say than a map a token: each is asked for as its own lens."""
NO_ATTRIBUTION = "none"
ATTRIBUTIONS: tuple[str, ...] = (*attributions(), NO_ATTRIBUTION)
"""The lenses that look at an answer, by their names, and none of them."""
NAMED = {GRADIENT: "gradient × input", OCCLUSION: "occlusion map", NO_ATTRIBUTION: "nothing"}
"""Attributions that are called otherwise where there is room for it."""

# an image token or a vision patch by its index: see `vlmtui.tui.state.marks`
Mark = tuple[Literal["token", "patch"], int]


@dataclass(frozen=True)
class AnswerSelection:
    """How an answer is looked at: which of its tokens (None: all of it), by which attribution.

    `layer` (from 1) and `head` (from 0) are those of the attention, None for all. `mask` is the layer whose attention
    mask is drawn in the place of the image, None where the image is seen.
    """

    attribution: str = ATTRIBUTIONS[0]
    token: int | None = 0
    layer: int | None = None
    head: int | None = None
    mask: int | None = None

    def next_attribution(self, own: Sequence[str] = (), step: int = 1) -> AnswerSelection:
        """The next attribution, or for a `step` of −1 the one before, round and round; a person's `own` lenses come
        after the built-in ones."""
        return replace(self, attribution=_along([*ATTRIBUTIONS[:-1], *own, NO_ATTRIBUTION], self.attribution, step))

    def next_token(self, step: int, many: int) -> AnswerSelection:
        """Another of `many` tokens; before the first and after the last comes the whole answer."""
        at = -1 if self.token is None else self.token
        at = (at + 1 + step) % (many + 1) - 1
        return replace(self, token=None if at < 0 else at)


def _along(names: Sequence[str], name: str, step: int) -> str:
    """The name so many steps after another, round and round; from one that is not there the first, or the last."""
    at = names.index(name) if name in names else -1 if step > 0 else 0
    return names[(at + step) % len(names)]


ANSWER_DEFAULT = AnswerSelection()


@dataclass(frozen=True)
class Selection:
    """The choices: where the cursor stands, and through which lens.

    `row` and `col` count within the page `grid` (`EntryGrid.id`; None is the list of tokens that lie in no grid, one a
    row) at the current stage. `spot` is the point of the image, in pixels, that stays under the cursor from page to
    page and from stage to stage; None until one was left. `listed` is the row last looked at in the list. `by_layer`:
    at a stage of the language model, its top-1 after every layer instead of the words of this one. `marks` are what a
    person has marked, and `sought` is the word that is searched for. `early_exit`: vision stages are sent through the
    projector. `of_answer` is how the answer is looked at. `pixel` is the (row, column) of the pixel cursor within the
    patch at `pixels`, None where the cursor walks over patches. `texts` are scored against the image, and with
    `classes` its top classes are shown, where the model has the tower or the head for it. At `zoom` the patches of the
    page have so many times the width and the height that they have where all of them are in view; at `FIT` all are, as
    averages where single ones have no room. With `fold` the spellings of one word are one line.
    With `noise` words are compared with those of noise. With `top_1` segments are those of the metric's top-1, and not
    of the lens that they show first; with `own_words` those of a person's own lens of that name. `word` is the one that
    alone has its colour over words or segments, "" for all.
    """

    row: int = 0
    col: int = 0
    grid: int | None = 0
    stage: str = "tokens"
    metric: Metric = DEFAULT_METRIC
    k: int = 8
    overlay: str = NONE
    spot: tuple[float, float] | None = None
    listed: int = 0
    by_layer: bool = False
    marks: frozenset[Mark] = frozenset()
    sought: str = ""
    early_exit: bool = False
    of_answer: AnswerSelection = ANSWER_DEFAULT
    pixel: tuple[int, int] | None = None
    texts: tuple[str, ...] = ()
    classes: bool = False
    top_1: bool = False
    own_words: str = ""
    zoom: int = FIT
    as_seen: bool = False
    fold: bool = True
    noise: bool = True
    word: str = ""

    @property
    def order(self) -> WordOrder:
        """What words are ordered by at the stage: there is no choice of metric in the language model's layers."""
        return self.metric if llm_depth(self.stage) is None else "logit"

    @property
    def folds(self) -> bool:
        """Whether the lists of the stage are folded."""
        return self.fold and folds(self.order)

    @property
    def shows_layers(self) -> bool:
        """Whether the words panel shows all layers now."""
        return self.by_layer and llm_depth(self.stage) is not None

    @property
    def projected(self) -> bool:
        """Whether a vision stage is sent through the projector: an early exit."""
        return self.early_exit and vision_depth(self.stage) is not None

    def next_metric(self, first_words: bool = False, own: Sequence[str] = ()) -> Selection:
        """The next metric, round and round; with `first_words` those of the lens that segments show first come before
        the top-1 of the first metric, and are all there is beside the top-1 where there is no choice of metric. The
        lenses of a person's `own` come after the last."""
        after = self._metric_after(first_words)
        line = ("", *own)
        at = line.index(self.own_words) if self.own_words in own else 0
        none_left = first_words or llm_depth(self.stage) is not None
        ends = not after.top_1 if none_left else after.metric == METRICS[0]
        if own and (at or ends):
            following = line[(at + 1) % len(line)]
            return replace(self if following else after, own_words=following)
        return replace(after, own_words="")

    def _metric_after(self, first_words: bool) -> Selection:
        if first_words and not self.top_1:
            return replace(self, top_1=True)
        if llm_depth(self.stage) is not None:
            return replace(self, top_1=False)
        at = (METRICS.index(self.metric) + 1) % len(METRICS)
        return replace(self, metric=METRICS[at], top_1=self.top_1 and at > 0)

    def next_overlay(self, model: ModelInfo | None = None, own: Sequence[LensChoice] = (), step: int = 1) -> Selection:
        """The next overlay, or for a `step` of −1 the one before, round and round; without words for a model that has
        none, or before one was searched for.

        A person's `own` lenses come last.
        """
        if self.stage == ANSWER:
            of_answers = [one.name for one in own if one.of_answers]
            return replace(self, of_answer=self.of_answer.next_attribution(of_answers, step))
        words = () if model and model.wordless else (WORDS, SEGMENTS)
        lenses = [one.name for one in overlays(model) if self._offers(one, model)]
        there = [NONE, NORMS, *words, *lenses, *(one.name for one in own if self._fits(one, model))]
        return replace(self, overlay=_along(there, self.overlay, step))

    def _offers(self, lens: Lens, model: ModelInfo | None) -> bool:
        """Whether `o` comes by this lens: a word was searched for where it needs one, and it looks at this stage."""
        return (not lens.offer.word or bool(self.sought)) and not (model and lens.offer.refuses(self.stage, model))

    def _fits(self, lens: LensChoice, model: ModelInfo | None) -> bool:
        """Whether `o` comes by a person's own lens: it is no attribution, and it looks at this stage."""
        return not lens.of_answers and not (model and lens.refuses(self.stage, model))

    def with_k(self, k: int) -> Selection:
        """Another number of words, within bounds."""
        return replace(self, k=min(max(1, k), max(MAX_K, self.k)))
