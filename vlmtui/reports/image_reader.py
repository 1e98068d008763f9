"""Image reader of reports: each image is read by a session, one after the other, and its report computed."""

from __future__ import annotations

from collections.abc import Callable, Generator
from concurrent.futures import Future
from dataclasses import replace
from typing import TYPE_CHECKING, cast

import numpy as np

from vlmtui.errors import UsageError
from vlmtui.images.image_file import ImageFile
from vlmtui.lenses.folded_token_words import search_folded
from vlmtui.lenses.kinds import Words
from vlmtui.lenses.token_words import layer_words, token_words
from vlmtui.metrics import WordOrder
from vlmtui.query.chosen_lens import ChosenLens, lens_for
from vlmtui.query.options import Query, ReadOptions, load_model, read_image
from vlmtui.query.patches import entries_of
from vlmtui.reading import (
    FIRST_STAGE,
    PIXELS,
    ModelInfo,
    Reading,
    TokenWords,
    check_stage,
    default_stage,
    of_layers,
    of_patches,
)
from vlmtui.reports.formats.parts.noise_baseline import agreements, check_null
from vlmtui.reports.image_report import ImageReport, ReportOrFailure
from vlmtui.reports.lens_noise import with_noise_end
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
    def read(self) -> ReadOptions:
        return self._query.read

    def load(self, client: SessionClient) -> Future[ModelInfo]:
        return load_model(client, self._query.load, self._on_progress)

    def ready(self, client: SessionClient, model: ModelInfo) -> None:
        stage = self._query.selection.stage
        self.stage = default_stage(model) if stage is None else check_stage(stage, model, pixels=True)
        if self._query.lens is not None:
            self._query.lens.check(self.stage, model)
            if self._query.lens.takes_one_entry and not self._query.selection.partial:
                raise UsageError(
                    f"--lens {self._query.lens.name} is for single patches: name some, such as --patch 3,4"
                )
        if self._query.search.null:
            check_null(self.stage, model, self._query.lens is not None and self._query.lens.uses_projector)

    def look(self, client: SessionClient, source: ImageFile, index: int) -> ImageReport:
        query = self._query
        reading = read_image(client, source, query.read, self._on_progress).result()
        return report_of(client, reading, query, self.stage, self._on_progress)

    def done(self, client: SessionClient) -> None:
        pass


def report_of(
    client: SessionClient, reading: Reading, query: Query, stage: str, on_progress: OnProgress | None = None
) -> ImageReport:
    """Compute the report of a reading at a stage, in the session that has read it with the query's model."""
    selected = entries_of(reading, stage, query.selection.patches, query.selection.rows)
    # a condition compares an entry with all others (z-scores), so it is evaluated on every entry
    entries = selected if query.selection.condition is None else entries_of(reading, stage)
    words = layers = None
    if of_layers(stage):
        layers = client.layers(reading.id, on_progress=on_progress).result()
    lens = query.lens
    projected = lens is not None and lens.uses_projector
    if projected and (refusal := no_exit_in_reading(reading)):
        raise UsageError(refusal)
    patch_tokens = token_of_patch(reading.patch_places, reading.places) if projected else None
    searched_tokens = (
        entries if patch_tokens is None else tuple(sorted({int(patch_tokens[entry]) for entry in entries} - {NONE}))
    )
    folded = None
    if entries and (projected or not of_patches(stage)):

        def search(k: int) -> TokenWords:
            found = client.words(
                reading.id,
                query.search.metric,
                k,
                tokens=searched_tokens if len(entries) < len(reading.places_at(stage)) else None,
                all_tokens=query.search.all_tokens,
                stage=stage,
                ridge=query.search.ridge,
                projected=projected,
                on_progress=on_progress,
            ).result()
            return found if patch_tokens is None else words_of_patches(found, patch_tokens, entries)

        order: WordOrder = "logit" if of_layers(stage) else query.search.metric
        words, folded = (
            search_folded(search, query.search.k, order) if query.search.fold else (search(query.search.k), None)
        )
    values = answer = words_result = None
    if lens is not None and not (projected or lens.takes_one_entry):
        call = lens_for(lens, reading, stage, query.search)
        answer = answer_for(client, reading, lens, on_progress)
        requested = entries if lens.kind is Words else None
        result = client.look(
            reading.id,
            stage,
            call,
            entries=requested,
            answer=answer.id if answer else "",
            k=query.search.k,
            on_progress=on_progress,
        ).result()
        if lens.gives_entry_values:
            values = with_noise_end(client, reading.id, result, query.search, on_progress)
        if lens.kind is Words:
            words, words_result = token_words(result, entries, cast(WordOrder, lens.name)), result
            folded = None
    null = None
    in_brief = query.search.noise and words_result is None
    if (query.search.null or in_brief) and words is not None:
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
    report = ImageReport(
        query,
        reading,
        stage,
        entries,
        words,
        layers,
        values,
        null,
        answer=answer,
        words_result=words_result,
        folded=folded,
    )
    if lens is not None and lens.gives_image_result:
        report = replace(report, whole_result=result)
    if query.selection.condition is not None:
        report = report.narrowed(query.selection.condition.keeps(ReportRows(report)) & np.isin(entries, selected))
    if query.search.null and stage == "tokens" and report.words is not None:
        metric_agreements = agreements(client, reading.id, report.words, query.search.k, on_progress)
        report = replace(report, agreements=metric_agreements)
    if query.selection.patches and stage in (PIXELS, FIRST_STAGE):
        embeddings = tuple(client.patch(reading.id, entry, on_progress).result() for entry in report.entries)
        report = replace(report, patch_embeddings=embeddings)
    if lens is not None and lens.takes_one_entry:
        call = lens_for(lens, reading, stage, query.search)
        entry_results = tuple(
            client.look(
                reading.id, stage, call, entries=(entry_index,), k=query.search.k, on_progress=on_progress
            ).result()
            for entry_index in report.entries
        )
        if lens.by_layer:
            by_layer = tuple(
                layer_words(result_of_entry, entry_index)
                for result_of_entry, entry_index in zip(entry_results, report.entries, strict=True)
            )
            report = replace(report, layer_words=by_layer)
        else:
            report = replace(report, facts=entry_results)
    if query.output.vectors is not None:
        vectors = client.vectors(reading.id, stage, on_progress).result()
        report = replace(report, vectors=vectors[list(report.entries)])
    return report


def answer_for(
    client: SessionClient, reading: Reading, lens: ChosenLens, on_progress: OnProgress | None = None
) -> Answer | None:
    """The model's greedy answer to the prompt of a reading, for a lens that explains the answer; None for others."""
    if lens.description.subject != "answer":
        return None
    return client.answer(reading.id, on_progress=on_progress).result()
