"""Image report: everything that a report contains for one image at one stage, independent of the output format."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from vlmtui.lenses.captions import LensResult
from vlmtui.lenses.folded_token_words import FoldedTokenWords, narrowed_words
from vlmtui.lenses.kinds import Words
from vlmtui.metrics import DEFAULT_METRIC, WordOrder
from vlmtui.query.options import Query
from vlmtui.reading import (
    PIXELS,
    Floats,
    LayerNorms,
    Reading,
    TokenLayerWords,
    TokenWords,
    llm_layer,
    of_layers,
    of_patches,
)
from vlmtui.reports.per_image import ImageFailure
from vlmtui.results.answers import Answer
from vlmtui.results.hub_words import hub_words
from vlmtui.results.noise_baseline import MetricAgreement, NoiseBaseline
from vlmtui.results.patch_embedding import PatchEmbeddingResult

NONE_KEPT = "no patch matches --where"


@dataclass(frozen=True)
class ImageReport:
    """Everything reported of one image at one stage.

    `entries` are the indices into `reading.places_at(stage)` that are reported. In their order come `words` (None where
    the stage has no words), `patch_embeddings` (where single patches are reported as they enter the tower), `vectors`
    [entries, hidden] float32, `layer_words` (the words after every layer), `agreements` (of metrics, at `tokens` with
    `null`) and `facts`. `layers` are the norms of the language model's layers, at one of them. `values` is the lens's
    result for all entries of the stage, `words_result` its result where that is the words, `null` the noise baseline,
    and `whole_result` a lens's result for the whole image: maps by token of the `answer`, a matrix, or scores.
    `folded` are the words with one line for all spellings of a word, where the format shows them so.
    """

    query: Query
    reading: Reading
    stage: str
    entries: tuple[int, ...]
    words: TokenWords | None
    layers: LayerNorms | None = None
    values: LensResult | None = None
    null: NoiseBaseline | None = None
    patch_embeddings: tuple[PatchEmbeddingResult, ...] = ()
    vectors: Floats | None = None
    layer_words: tuple[TokenLayerWords, ...] = ()
    agreements: tuple[MetricAgreement, ...] = ()
    whole_result: LensResult | None = None
    facts: tuple[LensResult, ...] = ()
    answer: Answer | None = None
    words_result: LensResult | None = None
    folded: FoldedTokenWords | None = None

    def narrowed(self, mask: NDArray[np.bool_]) -> ImageReport:
        """The report restricted to the entries where `mask` [entries] is true."""
        words = None if self.words is None else narrowed_words(self.words, mask)
        folded = None if self.folded is None else self.folded.narrowed(mask)
        entries = tuple(entry for entry, is_kept in zip(self.entries, mask, strict=True) if is_kept)
        return replace(self, entries=entries, words=words, folded=folded)

    @property
    def norms(self) -> Floats:
        """L2 norms of all entries of the stage, in the order of `reading.places_at(stage)`."""
        if self.layers is not None and of_layers(self.stage):
            norms: Floats = self.layers.norms[llm_layer(self.stage) - 1]
            return norms
        return self.reading.norms_at(self.stage)

    @property
    def hubs(self) -> dict[int, float]:
        """Hub words by their ids, with their shares of the unfolded lists; none where not all entries are reported."""
        if self.words is None or self.query.selection.partial:
            return {}
        return hub_words(self.words.ids)

    @property
    def projected(self) -> bool:
        """Whether the words are those of a vision stage sent through the projector (the projector lens)."""
        lens = self.query.lens
        return self.words is not None and of_patches(self.stage) and not (lens and not lens.uses_projector)

    @property
    def overlay(self) -> LensResult | None:
        """The lens's result that can be drawn over the image: numbers, colours, or maps by token of the answer."""
        result = self.values or self.whole_result
        return result if result is not None and result.drawn else None

    @property
    def has_lens_result(self) -> bool:
        """Whether the report has a result of a lens."""
        lens = self.query.lens
        has_result = self.values is not None or self.whole_result is not None or bool(self.layer_words or self.facts)
        return has_result or self.projected or (lens is not None and lens.kind is Words and self.words is not None)

    @property
    def word_order(self) -> WordOrder:
        """The metric, or the logit, that orders the stage's words."""
        if self.words is not None and self.query.lens is not None and self.query.lens.kind is Words:
            return self.words.metric
        return "logit" if of_layers(self.stage) else self.query.search.metric

    @property
    def unused_option(self) -> str:
        """A note on an option of the query that has no effect at this stage; "" where all have one."""
        metric, lens, reason = self.query.search.metric, self.query.lens, self.reading.model.wordless
        if self.stage == PIXELS:
            reason = "pixels have no words"
        elif of_layers(self.stage):
            reason = "words there are ordered by their logits"
        elif of_patches(self.stage) and not reason and not (lens and lens.uses_projector):
            reason = "a vision stage has words only with --lens projector"
        return f"--metric {metric} is not used at {self.stage}: {reason}" if reason and metric != DEFAULT_METRIC else ""

    @property
    def none_kept(self) -> bool:
        """Whether nothing is reported because no entry meets the query's condition."""
        return self.query.selection.condition is not None and not self.entries

    @property
    def hidden(self) -> int:
        """The dimension of the stage's vectors."""
        if self.stage == PIXELS:
            return 3 * math.prod(self.reading.patch_size)
        return self.reading.model.vision_hidden if of_patches(self.stage) else self.reading.hidden


ReportOrFailure = ImageReport | ImageFailure
