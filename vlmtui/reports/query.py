"""What reports are made of: every picture asked for, read by a session, one after the other."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, cast

import msgspec
import numpy as np
from numpy.typing import NDArray

from vlmtui.errors import UsageError
from vlmtui.image import MAX_PIXELS, ImageFile
from vlmtui.lenses.kinds import Words
from vlmtui.lenses.worded import layer_words, token_words
from vlmtui.lenses.wording import LensResult
from vlmtui.reading import (
    FIRST_STAGE,
    METRICS,
    PIXELS,
    RIDGE,
    Floats,
    LayerNorms,
    Metric,
    ModelInfo,
    Reading,
    TokenLayerWords,
    TokenWords,
    WordOrder,
    check_stage,
    default_stage,
    llm_layer,
    of_layers,
    of_patches,
)
from vlmtui.reports.formats.noise_baseline import agreements, check_null
from vlmtui.reports.per_image import Failure, each
from vlmtui.reports.select.drawing import Drawing
from vlmtui.reports.select.lens_option import Through, lens_for
from vlmtui.reports.select.patches import PatchWords, entries_of
from vlmtui.reports.select.rows import Rows
from vlmtui.reports.select.where import Condition
from vlmtui.results.answers import Answer
from vlmtui.results.early_exit import NONE, no_exit, on_patches, tokens_of
from vlmtui.results.noise_baseline import MetricAgreement, NoiseBaseline
from vlmtui.results.patch_embedding import PatchEmbedding
from vlmtui.session.discovery import SessionLocation
from vlmtui.session.protocol import Progress

if TYPE_CHECKING:
    from vlmtui.session.client import SessionClient

OnProgress = Callable[[Progress], None]
NONE_KEPT = "no patch fulfils --where"


@dataclass(frozen=True)
class Query:
    """What was asked: which model, in which session, and what of every picture. The command line's words, checked.

    `stages` are those that a page shows besides `stage`; `all` among them means every one that has words. `patches`,
    `rows` of the grid and `keep` say which entries a report is about, all without them; `fields` which of the fields
    of an entry it has, those of its format without them. `vectors` is the file for the vectors themselves, `drawing` is
    for formats that are pictures.
    """

    model: str
    revision: str | None = None
    processor: str | None = None
    device: str = "auto"
    dtype: str = "auto"
    k: int = 8
    metric: Metric = "l2"
    ridge: float = RIDGE
    stage: str | None = None
    stages: tuple[str, ...] = ()
    all_tokens: bool = False
    patches: tuple[PatchWords, ...] = ()
    rows: tuple[range, ...] = ()
    keep: Condition | None = None
    fields: tuple[str, ...] = ()
    vectors: str | None = None
    lens: Through | None = None
    null: bool = False
    prompt: str | None = None
    max_pixels: int = MAX_PIXELS
    where: SessionLocation = field(default_factory=SessionLocation)
    drawing: Drawing = field(default_factory=Drawing)

    @property
    def some(self) -> bool:
        """Whether it is about some of a stage's entries only."""
        return bool(self.patches or self.rows) or self.keep is not None


@dataclass(frozen=True)
class Seen:
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

    def narrowed(self, kept: NDArray[np.bool_]) -> Seen:
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
        return "logit" if of_layers(self.stage) else self.query.metric

    @property
    def unused(self) -> str:
        """What of the query has no use at this stage, for a person; "" where all of it has."""
        metric, lens, why = self.query.metric, self.query.lens, self.reading.model.wordless
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
        return self.query.keep is not None and not self.entries

    @property
    def hidden(self) -> int:
        """The width of the stage's vectors."""
        if self.stage == PIXELS:
            return 3 * math.prod(self.reading.patch_size)
        return self.reading.model.vision_hidden if of_patches(self.stage) else self.reading.hidden


Result = Seen | Failure


def results(
    sources: tuple[str, ...], query: Query, start: Callable[[], SessionClient], on_progress: OnProgress | None = None
) -> Generator[Result, None, None]:
    """Read the pictures one after the other; one that fails is a `Failure`, and the rest go on.

    `start` is called when there is a first picture worth a session, which is closed at the end, however that comes.
    Raises what concerns all pictures: a model that cannot be loaded, a stage it has not, no session to be had.
    """
    return each(sources, Report(query, on_progress), start)


class Report:
    """Reads a picture, and finds what the query asks for: at `stage`, which is known when the model is."""

    def __init__(self, query: Query, on_progress: OnProgress | None) -> None:
        self._query, self._on_progress = query, on_progress
        self.stage = ""

    @property
    def max_pixels(self) -> int:
        return self._query.max_pixels

    def load(self, client: SessionClient) -> Future[ModelInfo]:
        return load(client, self._query, self._on_progress)

    def ready(self, client: SessionClient, model: ModelInfo) -> None:
        stage = self._query.stage
        self.stage = default_stage(model) if stage is None else check_stage(stage, model, pixels=True)
        if self._query.lens is not None:
            self._query.lens.check(self.stage, model)
            if self._query.lens.of_single and not self._query.some:
                raise UsageError(f"--lens {self._query.lens.name} is of single patches: name some, such as --patch 3,4")
        if self._query.null:
            check_null(self.stage, model, self._query.lens is not None and self._query.lens.of_words)

    def look(self, client: SessionClient, source: ImageFile, index: int) -> Seen:
        query = self._query
        reading = client.read(
            source, max_pixels=query.max_pixels, prompt=query.prompt, on_progress=self._on_progress
        ).result()
        return seen(client, reading, query, self.stage, self._on_progress)

    def done(self, client: SessionClient) -> None:
        pass


def load(client: SessionClient, query: Query, on_progress: OnProgress | None) -> Future[ModelInfo]:
    """Have a session begin to load the model of a query."""
    return client.load(
        query.model,
        revision=query.revision,
        processor=query.processor,
        device=query.device,
        dtype=query.dtype,
        on_progress=on_progress,
    )


def seen(
    client: SessionClient, reading: Reading, query: Query, stage: str, on_progress: OnProgress | None = None
) -> Seen:
    """What a query asks of a reading at a stage; of `query.model` it is, and of the session that `client` holds."""
    chosen = entries_of(reading, stage, query.patches, query.rows)
    # what a condition keeps depends on the other entries
    entries = chosen if query.keep is None else entries_of(reading, stage)
    words = layers = None
    if of_layers(stage):
        layers = client.layers(reading.id, on_progress=on_progress).result()
    projected = query.lens is not None and query.lens.of_words
    if projected and (wrong := no_exit(reading)):
        raise UsageError(wrong)
    into = tokens_of(reading.patch_places, reading.places) if projected else None
    of = entries if into is None else tuple(sorted({int(into[entry]) for entry in entries} - {NONE}))
    if entries and (projected or not of_patches(stage)):
        words = client.words(
            reading.id,
            query.metric,
            query.k,
            tokens=of if len(entries) < len(reading.places_at(stage)) else None,
            all_tokens=query.all_tokens,
            stage=stage,
            ridge=query.ridge,
            projected=projected,
            on_progress=on_progress,
        ).result()
    if words is not None and into is not None:
        words = on_patches(words, into, entries)
    through = query.lens
    values = answer = None
    if through is not None and not (projected or through.of_single):
        lens = lens_for(through, reading, stage)
        answer = answered(client, reading, through, on_progress)
        some = entries if through.kind is Words else None
        looked = client.look(
            reading.id,
            stage,
            lens,
            entries=some,
            answer=answer.id if answer else "",
            k=query.k,
            on_progress=on_progress,
        ).result()
        values = looked if through.of_values else None
        if through.kind is Words:
            words = token_words(looked, entries, cast(WordOrder, through.name))
    null = None
    if query.null and words is not None:
        null = client.null(
            reading.id,
            query.metric,
            query.k,
            query.all_tokens,
            stage,
            query.ridge,
            projected=projected,
            on_progress=on_progress,
        ).result()
    found = Seen(query, reading, stage, entries, words, layers, values, null, answer=answer)
    if through is not None and through.of_whole:
        found = replace(found, looked=looked)
    if query.keep is not None:
        found = found.narrowed(query.keep.keeps(Rows(found)) & np.isin(entries, chosen))
    if null is not None and stage == "tokens" and found.words is not None:
        agreeing = agreements(client, reading.id, found.words, query.k, on_progress)
        found = replace(found, agreements=agreeing)
    if query.patches and stage in (PIXELS, FIRST_STAGE):
        anatomy = tuple(client.patch(reading.id, entry, on_progress).result() for entry in found.entries)
        found = replace(found, anatomy=anatomy)
    if through is not None and through.of_single:
        lens = lens_for(through, reading, stage, query.all_tokens)
        singles = tuple(
            client.look(reading.id, stage, lens, entries=(at,), k=query.k, on_progress=on_progress).result()
            for at in found.entries
        )
        if through.by_layer:
            by_layer = tuple(layer_words(one, at) for one, at in zip(singles, found.entries, strict=True))
            found = replace(found, by_layer=by_layer)
        else:
            found = replace(found, facts=singles)
    if query.vectors is not None:
        vectors = client.vectors(reading.id, stage, on_progress).result()
        found = replace(found, vectors=vectors[list(found.entries)])
    return found


def answered(
    client: SessionClient, reading: Reading, through: Through, on_progress: OnProgress | None = None
) -> Answer | None:
    """The model's answer to the prompt of a reading, greedy, for a lens that looks at that; None for another."""
    if through.description.subject != "answer":
        return None
    return client.answer(reading.id, on_progress=on_progress).result()
