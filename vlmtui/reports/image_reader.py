"""Image reader of reports: each image is read by a session, one after the other, and its report computed."""

from __future__ import annotations

from collections.abc import Callable, Generator
from concurrent.futures import Future
from dataclasses import replace
from typing import TYPE_CHECKING, cast

import numpy as np

from vlmtui.errors import UsageError
from vlmtui.image import ImageFile
from vlmtui.lenses.kinds import Words
from vlmtui.lenses.token_words import layer_words, token_words
from vlmtui.metrics import WordOrder
from vlmtui.query.chosen_lens import ChosenLens, lens_for
from vlmtui.query.options import Query, load_model
from vlmtui.query.patches import entries_of
from vlmtui.reading import FIRST_STAGE, PIXELS, ModelInfo, Reading, check_stage, default_stage, of_layers, of_patches
from vlmtui.reports.formats.parts.noise_baseline import agreements, check_null
from vlmtui.reports.image_report import ImageReport, ReportOrFailure
from vlmtui.reports.per_image import run_per_image
from vlmtui.reports.select.rows import ReportRows
from vlmtui.results.answers import Answer
from vlmtui.results.early_exit import NONE, no_exit_in_reading, token_of_patch, words_of_patches
from vlmtui.session.reconnecting import OnProgress

if TYPE_CHECKING:
    from vlmtui.session.client import SessionClient


def read_reports(
    sources: tuple[str, ...], query: Query, start: Callable[[], SessionClient], on_progress: OnProgress | None = None
) -> Generator[ReportOrFailure, None, None]:
    """Read images one after the other; an image that fails yields an `ImageFailure`, and the others follow.

    `start` starts the session once the file of a first image has been read; the session is closed when the generator
    ends. Raises errors that concern all images: a model that cannot be loaded, a stage it does not have, no session.
    """
    return run_per_image(sources, ReportReader(query, on_progress), start)


class ReportReader:
    """Reader of images that computes their reports at `stage`, which is set when the model has been loaded."""

    def __init__(self, query: Query, on_progress: OnProgress | None) -> None:
        self._query, self._on_progress = query, on_progress
        self.stage = ""

    @property
    def max_pixels(self) -> int:
        return self._query.read.max_pixels

    def load(self, client: SessionClient) -> Future[ModelInfo]:
        return load_model(client, self._query.load, self._on_progress)

    def ready(self, client: SessionClient, model: ModelInfo) -> None:
        stage = self._query.selection.stage
        self.stage = default_stage(model) if stage is None else check_stage(stage, model, pixels=True)
        if self._query.lens is not None:
            self._query.lens.check(self.stage, model)
            if self._query.lens.of_single and not self._query.selection.partial:
                raise UsageError(f"--lens {self._query.lens.name} is of single patches: name some, such as --patch 3,4")
        if self._query.search.null:
            check_null(self.stage, model, self._query.lens is not None and self._query.lens.of_words)

    def look(self, client: SessionClient, source: ImageFile, index: int) -> ImageReport:
        query = self._query
        reading = client.read(
            source, max_pixels=query.read.max_pixels, prompt=query.read.prompt, on_progress=self._on_progress
        ).result()
        return report_of(client, reading, query, self.stage, self._on_progress)

    def done(self, client: SessionClient) -> None:
        pass


def report_of(
    client: SessionClient, reading: Reading, query: Query, stage: str, on_progress: OnProgress | None = None
) -> ImageReport:
    """Compute the report of a reading at a stage, in the session that has read it with the query's model."""
    chosen = entries_of(reading, stage, query.selection.patches, query.selection.rows)
    # a condition compares an entry with all others (z-scores), so it is evaluated on every entry
    entries = chosen if query.selection.keep is None else entries_of(reading, stage)
    words = layers = None
    if of_layers(stage):
        layers = client.layers(reading.id, on_progress=on_progress).result()
    lens = query.lens
    projected = lens is not None and lens.of_words
    if projected and (wrong := no_exit_in_reading(reading)):
        raise UsageError(wrong)
    into = token_of_patch(reading.patch_places, reading.places) if projected else None
    of = entries if into is None else tuple(sorted({int(into[entry]) for entry in entries} - {NONE}))
    if entries and (projected or not of_patches(stage)):
        words = client.words(
            reading.id,
            query.search.metric,
            query.search.k,
            tokens=of if len(entries) < len(reading.places_at(stage)) else None,
            all_tokens=query.search.all_tokens,
            stage=stage,
            ridge=query.search.ridge,
            projected=projected,
            on_progress=on_progress,
        ).result()
    if words is not None and into is not None:
        words = words_of_patches(words, into, entries)
    values = answer = None
    if lens is not None and not (projected or lens.of_single):
        call = lens_for(lens, reading, stage)
        answer = answer_for(client, reading, lens, on_progress)
        some = entries if lens.kind is Words else None
        looked = client.look(
            reading.id,
            stage,
            call,
            entries=some,
            answer=answer.id if answer else "",
            k=query.search.k,
            on_progress=on_progress,
        ).result()
        values = looked if lens.of_values else None
        if lens.kind is Words:
            words = token_words(looked, entries, cast(WordOrder, lens.name))
    null = None
    if query.search.null and words is not None:
        null = client.null(
            reading.id,
            query.search.metric,
            query.search.k,
            query.search.all_tokens,
            stage,
            query.search.ridge,
            projected=projected,
            on_progress=on_progress,
        ).result()
    found = ImageReport(query, reading, stage, entries, words, layers, values, null, answer=answer)
    if lens is not None and lens.of_whole:
        found = replace(found, looked=looked)
    if query.selection.keep is not None:
        found = found.narrowed(query.selection.keep.keeps(ReportRows(found)) & np.isin(entries, chosen))
    if null is not None and stage == "tokens" and found.words is not None:
        agreeing = agreements(client, reading.id, found.words, query.search.k, on_progress)
        found = replace(found, agreements=agreeing)
    if query.selection.patches and stage in (PIXELS, FIRST_STAGE):
        anatomy = tuple(client.patch(reading.id, entry, on_progress).result() for entry in found.entries)
        found = replace(found, anatomy=anatomy)
    if lens is not None and lens.of_single:
        call = lens_for(lens, reading, stage, query.search.all_tokens)
        singles = tuple(
            client.look(reading.id, stage, call, entries=(at,), k=query.search.k, on_progress=on_progress).result()
            for at in found.entries
        )
        if lens.by_layer:
            by_layer = tuple(layer_words(one, at) for one, at in zip(singles, found.entries, strict=True))
            found = replace(found, by_layer=by_layer)
        else:
            found = replace(found, facts=singles)
    if query.output.vectors is not None:
        vectors = client.vectors(reading.id, stage, on_progress).result()
        found = replace(found, vectors=vectors[list(found.entries)])
    return found


def answer_for(
    client: SessionClient, reading: Reading, lens: ChosenLens, on_progress: OnProgress | None = None
) -> Answer | None:
    """The model's greedy answer to the prompt of a reading, for a lens that explains the answer; None for others."""
    if lens.description.subject != "answer":
        return None
    return client.answer(reading.id, on_progress=on_progress).result()
