"""Batches of images read by a session, which is started again when an image made it die."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np

from vlmtui.errors import SessionError, UsageError, VlmtuiError
from vlmtui.images.image_file import ImageFile
from vlmtui.query.options import Query
from vlmtui.query.patches import entries_of
from vlmtui.reading import FIRST_STAGE, PIXELS, ModelInfo
from vlmtui.reports.image_notes import notes_about
from vlmtui.reports.image_reader import ReportReader
from vlmtui.reports.image_report import ImageReport
from vlmtui.reports.per_image import run_task
from vlmtui.reports.select.rows import ReportRows
from vlmtui.results.early_exit import (
    no_exit_in_reading,
    token_of_patch,
    words_of_patches,
)
from vlmtui.session.client import SessionClient
from vlmtui.session.protocol import Outcome
from vlmtui.session.reconnecting import OnProgress

DEATHS = 20
"""Sessions that may die in a row without reading an image; after that the images are not the cause."""

PendingBatch = Future[tuple[Outcome, ...]] | Future[list[ImageReport | VlmtuiError]]


class BatchReader:
    """Reads batches of images in a session.

    `start` starts a session, for the first image and where one has died; `hold` is called with the model that was
    loaded, and may raise; `add_note` is called with the source of an image and a note about it, and once with "" and a
    note about an option that has no effect.
    """

    def __init__(
        self,
        query: Query,
        start: Callable[[], SessionClient],
        hold: Callable[[ModelInfo], object],
        on_progress: OnProgress | None = None,
        add_note: Callable[[str, str], object] = lambda source, note: None,
    ) -> None:
        self._add_note = add_note
        self._options_told = False
        self._query, self._start, self._hold, self._on_progress = query, start, hold, on_progress
        self._report = ReportReader(query, on_progress)
        self._client: SessionClient | None = None
        self._deaths = 0
        self._one_by_one = ThreadPoolExecutor(1, thread_name_prefix="image-sender")

    def close(self) -> None:
        """End the session."""
        self._one_by_one.shutdown(wait=False, cancel_futures=True)
        self._leave()

    def ask(self, pictures: Sequence[ImageFile]) -> PendingBatch:
        """Send images to the session; several batches may be sent before `answers` is called for the first.

        Raises what concerns all images: no session, a model that cannot be loaded, a stage it does not have.
        """
        client = self._open()
        query = self._query
        if not can_batch(query, self._report.stage):
            return self._one_by_one.submit(self._each, client, pictures)
        return client.read_many(
            pictures,
            self._report.stage,
            query.search.metric,
            query.search.k,
            query.search.all_tokens,
            query.search.ridge,
            _uses_projector(query),
            query.read.max_pixels,
            query.read.prompt,
            query.read.levels,
        )

    def answers(self, pictures: Sequence[ImageFile], asked: PendingBatch) -> list[ImageReport | VlmtuiError]:
        """Wait for a batch: the report or the error of every image.

        Where the session dies, the batch is sent again, and then each image alone: the one that makes another session
        die has failed. Raises what `ask` raises, and `SessionError` after `DEATHS` sessions.
        """
        try:
            return self._taken(asked)
        except SessionError as error:
            self._died(error)
        try:
            return self._taken(self.ask(pictures))
        except SessionError as error:
            self._died(error)
        return [self._alone(picture) for picture in pictures]

    def _alone(self, picture: ImageFile) -> ImageReport | VlmtuiError:
        try:
            return self._taken(self.ask([picture]))[0]
        except SessionError as error:
            self._died(error)
            return error

    def _taken(self, asked: PendingBatch) -> list[ImageReport | VlmtuiError]:
        found: list[ImageReport | VlmtuiError] = []
        for one in asked.result():
            found.append(report_of(self._query, self._report.stage, one) if isinstance(one, Outcome) else one)
        for one_read in found:
            for source, note in notes_about(one_read):
                self._add_note(source, note)
        self._deaths = 0
        one_seen = next((one for one in found if isinstance(one, ImageReport)), None)
        if one_seen is not None and not self._options_told:
            if one_seen.unused_option:
                self._add_note("", one_seen.unused_option)
            self._options_told = True
        return found

    def _each(self, client: SessionClient, pictures: Sequence[ImageFile]) -> list[ImageReport | VlmtuiError]:
        found: list[ImageReport | VlmtuiError] = []
        for index, picture in enumerate(pictures):
            try:
                found.append(run_task(self._report, client, picture, index))
                client.forget_all()
            except SessionError:
                raise
            except VlmtuiError as error:
                found.append(error)
        return found

    def _open(self) -> SessionClient:
        if self._client is not None and self._client.alive:
            return self._client
        self._leave()
        self._client = self._start()
        model = self._report.load(self._client).result()
        self._hold(model)
        self._report.ready(self._client, model)
        return self._client

    def _died(self, error: SessionError) -> None:
        self._deaths += 1
        if self._deaths >= DEATHS:
            raise SessionError(f"{DEATHS} model sessions ended in a row, the last one with: {error}")

    def _leave(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None


def can_batch(query: Query, stage: str) -> bool:
    """Whether a query at a stage can be answered for many images at once."""
    values = query.lens is not None and not _uses_projector(query)
    anatomy = bool(query.selection.patches) and stage in (PIXELS, FIRST_STAGE)
    return not (values or anatomy or query.search.null)


def report_of(query: Query, stage: str, outcome: Outcome) -> ImageReport | VlmtuiError:
    """The report of an image that was read in a batch, or its error."""
    if outcome.reading is None:
        return outcome.error or SessionError("the session returned no result for it")
    reading, words = outcome.reading, outcome.words
    every = entries_of(reading, stage)
    try:
        chosen = entries_of(reading, stage, query.selection.patches, query.selection.rows)
        if _uses_projector(query):
            if wrong := no_exit_in_reading(reading):
                raise UsageError(wrong)
            if words is not None:
                words = words_of_patches(words, token_of_patch(reading.patch_places, reading.places), every)
        found = ImageReport(query, reading, stage, every, words, outcome.layers)
        if not query.selection.partial:
            return found
        kept = np.isin(every, chosen)
        return found.narrowed(
            kept if query.selection.condition is None else kept & query.selection.condition.keeps(ReportRows(found))
        )
    except VlmtuiError as error:
        return error


def _uses_projector(query: Query) -> bool:
    return query.lens is not None and query.lens.uses_projector
