"""What reports are made of: every picture asked for, read by a session, one after the other."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from vlmtui.errors import ReadingGoneError, SessionError, VlmtuiError
from vlmtui.image import MAX_PIXELS, SourceBytes, decode, read_source
from vlmtui.reading import (
    RIDGE,
    Floats,
    Layers,
    Metric,
    ModelInfo,
    Order,
    Reading,
    Words,
    check_stage,
    default_stage,
    llm_layer,
    of_layers,
    of_patches,
)
from vlmtui.reports.lenses import Through, lens_for
from vlmtui.reports.patches import PatchWords, entries_at
from vlmtui.session.messages import Progress
from vlmtui.session.opening import Where
from vlmtui.values import Values

if TYPE_CHECKING:
    from vlmtui.session.client import SessionClient

OnProgress = Callable[[Progress], None]

_READ_AGAIN = 3


@dataclass(frozen=True)
class Query:
    """What was asked: which model, in which session, and what of every picture. The command line's words, checked."""

    model: str
    revision: str | None = None
    processor: str | None = None
    device: str = "auto"
    dtype: str = "auto"
    k: int = 8
    metric: Metric = "l2"
    ridge: float = RIDGE
    stage: str | None = None
    all_tokens: bool = False
    patch: PatchWords | None = None
    lens: Through | None = None
    prompt: str | None = None
    max_pixels: int = MAX_PIXELS
    where: Where = field(default_factory=Where)


@dataclass(frozen=True)
class Seen:
    """A picture that was read.

    `entries` are the indices among `reading.places_at(stage)` that the report is about; `words` holds theirs, in
    that order, and is None where the stage has no words; `layers` where it is one of the language model's layers.
    `values` are what the lens asked for made of all of the stage's entries.
    """

    query: Query
    reading: Reading
    stage: str
    entries: tuple[int, ...]
    words: Words | None
    layers: Layers | None = None
    values: Values | None = None

    @property
    def norms(self) -> Floats:
        """L2 norms of all of the stage's entries, in the order of `reading.places_at(stage)`."""
        if self.layers is not None and of_layers(self.stage):
            norms: Floats = self.layers.norms[llm_layer(self.stage) - 1]
            return norms
        return self.reading.norms_at(self.stage)

    @property
    def order(self) -> Order:
        """What the stage's words are ordered by."""
        return "logit" if of_layers(self.stage) else self.query.metric

    @property
    def hidden(self) -> int:
        """The width of the stage's vectors."""
        return self.reading.model.vision_hidden if of_patches(self.stage) else self.reading.hidden


@dataclass(frozen=True)
class Failure:
    """A picture of which nothing can be reported, and why."""

    source: str
    error: VlmtuiError


Result = Seen | Failure


def results(
    sources: tuple[str, ...], query: Query, start: Callable[[], SessionClient], on_progress: OnProgress | None = None
) -> Generator[Result, None, None]:
    """Read the pictures one after the other; one that fails is a `Failure`, and the rest go on.

    `start` is called when there is a first picture worth a session, which is closed at the end, however that comes.
    Raises what concerns all pictures: a model that cannot be loaded, a stage it has not, no session to be had.
    """
    client: SessionClient | None = None
    model: ModelInfo | None = None
    try:
        for name in sources:
            try:
                source = read_source(name)
                if client is None:
                    client = start()
                    loading = client.load(
                        query.model,
                        revision=query.revision,
                        processor=query.processor,
                        device=query.device,
                        dtype=query.dtype,
                        on_progress=on_progress,
                    )
                if model is None:
                    # the session is busy with torch and the model meanwhile: a bad picture need not wait for them
                    decode(source.data, source.source, query.max_pixels)
            except VlmtuiError as error:
                if isinstance(error, SessionError):
                    raise
                yield Failure(name, error)
                continue
            if model is None:
                model = loading.result()
                stage = default_stage(model) if query.stage is None else check_stage(query.stage, model)
            try:
                seen = _look(client, source, query, stage, on_progress)
            except VlmtuiError as error:
                if isinstance(error, SessionError):
                    # this picture was its end (memory, most often); the next one may do with a new one
                    client.close()
                    client = model = None
                yield Failure(name, error)
            else:
                yield seen
    finally:
        if client is not None:
            client.close()


def _look(client: SessionClient, source: SourceBytes, query: Query, stage: str, on_progress: OnProgress | None) -> Seen:
    """One picture read, and the words of the entries asked for."""
    for _ in range(_READ_AGAIN):
        try:
            return _look_once(client, source, query, stage, on_progress)
        except ReadingGoneError:
            continue  # another front end has used the session in between
    return _look_once(client, source, query, stage, on_progress)


def _look_once(
    client: SessionClient, source: SourceBytes, query: Query, stage: str, on_progress: OnProgress | None
) -> Seen:
    reading = client.read(source, max_pixels=query.max_pixels, prompt=query.prompt, on_progress=on_progress).result()
    entries = entries_at(reading, stage, query.patch)
    words = layers = None
    if of_layers(stage):
        layers = client.layers(reading.id, on_progress=on_progress).result()
    if entries and not of_patches(stage):
        words = client.words(
            reading.id,
            query.metric,
            query.k,
            tokens=entries if query.patch else None,
            all_tokens=query.all_tokens,
            stage=stage,
            ridge=query.ridge,
            on_progress=on_progress,
        ).result()
    values = None
    if query.lens is not None:
        lens = lens_for(query.lens, reading, stage)
        values = client.values(reading.id, stage, lens, on_progress=on_progress).result()
    return Seen(query, reading, stage, entries, words, layers, values)
