"""Image reports: all that a report says of one image at one stage, before it is written in a format."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import msgspec
import numpy as np
from numpy.typing import NDArray

from vlmtui.lenses.kinds import Words
from vlmtui.lenses.lens_text import LensResult
from vlmtui.metrics import METRICS, WordOrder
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
from vlmtui.results.noise_baseline import MetricAgreement, NoiseBaseline
from vlmtui.results.patch_embedding import PatchEmbedding

NONE_KEPT = "no patch fulfils --where"


@dataclass(frozen=True)
class ImageReport:
    """A picture that was read.

    `entries` are the indices among `reading.places_at(stage)` that the report is about; `words` holds theirs, in
    that order, and is None where the stage has no words; `layers` where it is one of the language model's layers.
    `values` are what the lens asked for made of all of the stage's entries, and `null` the words of noise. `anatomy`
    is that of each entry, where the report is of one patch as it enters the tower; `vectors` are the entries' own
    [entries, hidden], and `by_layer` each one's words after every layer, where they were asked for. `agreements` are
    of each entry, at `tokens`, where there is `null`. `looked` is what a lens made of the image as a whole (maps by
    token of the `answer`, a matrix, scores), `facts` what it says of each entry.
    """

    query: Query
    reading: Reading
    stage: str
    entries: tuple[int, ...]
    words: TokenWords | None
    layers: LayerNorms | None = None
    values: LensResult | None = None
    null: NoiseBaseline | None = None
    anatomy: tuple[PatchEmbedding, ...] = ()
    vectors: Floats | None = None
    by_layer: tuple[TokenLayerWords, ...] = ()
    agreements: tuple[MetricAgreement, ...] = ()
    looked: LensResult | None = None
    facts: tuple[LensResult, ...] = ()
    answer: Answer | None = None

    def narrowed(self, kept: NDArray[np.bool_]) -> ImageReport:
        """The report of those entries alone that are kept [entries]."""
        words = self.words
        if words is not None:
            explained = None if words.explained is None else words.explained[kept]
            ids = words.ids[kept]
            there = set(ids.ravel().tolist())
            words = msgspec.structs.replace(
                words,
                tokens=words.tokens[kept],
                ids=ids,
                scores=words.scores[kept],
                explained=explained,
                # how wide words are shown depends on those that there are
                pieces={i: piece for i, piece in words.pieces.items() if i in there},
                texts={i: text for i, text in words.texts.items() if i in there},
                special=words.special & there,
            )
        entries = tuple(entry for entry, keep in zip(self.entries, kept, strict=True) if keep)
        return replace(self, entries=entries, words=words)

    @property
    def norms(self) -> Floats:
        """L2 norms of all of the stage's entries, in the order of `reading.places_at(stage)`."""
        if self.layers is not None and of_layers(self.stage):
            norms: Floats = self.layers.norms[llm_layer(self.stage) - 1]
            return norms
        return self.reading.norms_at(self.stage)

    @property
    def projected(self) -> bool:
        """Whether the words are those of a vision stage sent through the projector: an early exit."""
        through = self.query.lens
        return self.words is not None and of_patches(self.stage) and not (through and not through.of_words)

    @property
    def overlay(self) -> LensResult | None:
        """What of a lens can be laid over the image: numbers, colours, or maps by token of the answer."""
        found = self.values or self.looked
        return found if found is not None and found.drawn else None

    @property
    def said(self) -> bool:
        """Whether a lens has said anything."""
        through = self.query.lens
        there = self.values is not None or self.looked is not None or bool(self.by_layer or self.facts)
        return there or self.projected or (through is not None and through.kind is Words and self.words is not None)

    @property
    def order(self) -> WordOrder:
        """What the stage's words are ordered by."""
        if self.words is not None and self.query.lens is not None and self.query.lens.kind is Words:
            return self.words.metric
        return "logit" if of_layers(self.stage) else self.query.search.metric

    @property
    def unused(self) -> str:
        """What of the query has no use at this stage, for a person; "" where all of it has."""
        metric, lens, why = self.query.search.metric, self.query.lens, self.reading.model.wordless
        if self.stage == PIXELS:
            why = "pixels have no words"
        elif of_layers(self.stage):
            why = "words there are ordered by their logits"
        elif of_patches(self.stage) and not why and not (lens and lens.of_words):
            why = "a vision stage has words with --lens projector alone"
        return f"--metric {metric} is not used at {self.stage}: {why}" if why and metric != METRICS[0] else ""

    @property
    def none_kept(self) -> bool:
        """Whether there is nothing to report because no entry fulfils the query's condition."""
        return self.query.selection.keep is not None and not self.entries

    @property
    def hidden(self) -> int:
        """The width of the stage's vectors."""
        if self.stage == PIXELS:
            return 3 * math.prod(self.reading.patch_size)
        return self.reading.model.vision_hidden if of_patches(self.stage) else self.reading.hidden


ReportOrFailure = ImageReport | ImageFailure
