"""Report runs: images in, one output format out, and errors of single images reported."""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from vlmtui.errors import UsageError, VlmtuiError
from vlmtui.files import is_disk_full
from vlmtui.metrics import RIDGE
from vlmtui.query.chosen_lens import ChosenLens
from vlmtui.query.options import Query
from vlmtui.reports.formats import vectors
from vlmtui.reports.formats.base import CSV_SAFE, DRAW, FIELDS, FOLD, ROWS, STAGES, Content, Format
from vlmtui.reports.formats.contents import collect, report_in
from vlmtui.reports.formats.registry import FORMATS, check_known, format_named, names, taking, with_fields
from vlmtui.reports.image_notes import ImageNotes
from vlmtui.reports.image_report import NONE_KEPT
from vlmtui.reports.output import folder
from vlmtui.reports.output.progress import ProgressLine
from vlmtui.reports.output.target import Target, at_once, check_sources, check_target, same_file, target
from vlmtui.reports.per_image import ImageFailure
from vlmtui.session.client import SessionClient
from vlmtui.session.discovery import SessionLocation, connect
from vlmtui.session.protocol import Progress
from vlmtui.session.reconnecting import OnProgress

_T = TypeVar("_T")


@dataclass(frozen=True)
class ReportJob:
    """The images of a report, where the output goes, and callbacks for messages.

    `several` means that more than one image was asked for, as by a folder. `on_failure` receives the error of every
    image that failed, `on_note` other notes for the user; with `debug` also which session is used.
    """

    sources: tuple[str, ...]
    location: SessionLocation
    output: str | None
    quiet: bool
    on_failure: Callable[[VlmtuiError], object]
    on_note: Callable[[str], object] = lambda note: None
    debug: bool = False
    several: bool = False
    started: list[SessionClient] = field(default_factory=list)
    """A session started beforehand, for the first image."""

    @property
    def several_images(self) -> bool:
        """Whether several images were asked for, even if only one was found."""
        return self.several or len(self.sources) > 1

    def start(self, progress: OnProgress) -> SessionClient:
        """Connect to a session, and pass on its notes."""
        if self.started:
            return self.started.pop()
        client = connect(self.location, on_line=lambda sentence: progress(Progress(sentence)) if sentence else None)
        if client.note:
            self.on_note(client.note)
        if self.debug:
            self.on_note(f"the session is {client.where}" + (f", process {client.pid}" if client.pid else ""))
        return client

    def close_started(self) -> None:
        """Close the session started beforehand if no image was read in it."""
        while self.started:
            self.started.pop().close()


Collector = Callable[[Callable[[], SessionClient], OnProgress], Generator[_T | ImageFailure, None, None]]
"""(starts a session, receives progress) -> the result of every image."""


def run_report(job: ReportJob, query: Query, name: str) -> int:
    """Write the report of the images in the format of this name; return the exit status."""
    chosen_format = format_named(name)
    check_job(job, query, chosen_format)
    query = chosen_format.usual(query, job.several_images)
    with describe_lens(job, query) as query:
        check_job(job, query, chosen_format)
        return _report(job, query, chosen_format)


@contextmanager
def describe_lens(job: ReportJob, query: Query) -> Iterator[Query]:
    """Have the session describe the query's lens, so that errors in a lens or its options come before any reading.

    The session is reused for the first image. A query without a lens, or with a built-in one, is yielded unchanged.
    """
    if query.lens is None or query.lens.is_described:
        yield query
        return
    progress = ProgressLine(job.quiet)
    job.started.append(job.start(progress))
    try:
        lens = query.lens.described_by(job.started[0])
        progress.clear()
        yield replace(query, lens=lens)
    finally:
        progress.clear()
        job.close_started()


def _report(job: ReportJob, query: Query, format: Format) -> int:
    check_known(format)
    format.check_query(query)
    to_terminal = job.output in (None, "-") and sys.stdout.isatty()

    def read_contents(
        start: Callable[[], SessionClient], progress: OnProgress
    ) -> Generator[Any | ImageFailure, None, None]:
        contents = collect(format.content, job.sources, query, start, progress)
        return (
            contents
            if query.output.vectors is None
            else vectors.keep_vectors(contents, query.output.vectors, job.on_note)
        )

    def format_pieces(contents: Iterator[Any | ImageFailure]) -> Iterator[str | bytes]:
        return format.write(_with_notes(contents, job, format), query, job.several_images, to_terminal)

    if not (format.folder and folder.is_folder(job.output)):
        return write_contents(job, read_contents, format_pieces, rows=format.of_rows)
    output_folder = str(job.output)
    files = folder.image_files(output_folder, job.sources, format.name)

    def write_folder(contents: Iterator[Any | ImageFailure]) -> None:
        folder.make_folder(output_folder)
        for file, result in zip(files, _with_notes(contents, job, format), strict=True):
            with target(file) as output:
                for piece in format.write([result], query, False):
                    output.write(piece)

    return _run_collector(job, read_contents, write_folder)


def check_job(job: ReportJob, query: Query, format: Format) -> None:
    """Raise for a job that cannot be done, before anything is computed for it."""
    name = format.name
    to_terminal = job.output in (None, "-") and sys.stdout.isatty()
    if query.selection.stages and not format.takes(STAGES):
        alternatives = f"--format {names(taking(STAGES))}"
        raise UsageError(f"--stages is for a page, and {name} shows one stage: name it with --stage, or {alternatives}")
    if (option := query.output.drawing.asked) and not format.takes(DRAW):
        raise UsageError(f"{option} is for images: leave it out, or choose --format {names(taking(DRAW))}")
    if query.output.fields and not format.takes(FIELDS):
        raise UsageError(f"--fields is for tables: leave it out, or choose --format {names(with_fields())}")
    if query.output.csv_safe and not format.takes(CSV_SAFE):
        raise UsageError(f"--csv-safe is for spreadsheets: leave it out, or choose --format {names(taking(CSV_SAFE))}")
    if query.search.fold and not format.takes(FOLD):
        raise UsageError(f"--fold is for reading, and {name} has every spelling: choose --format {names(taking(FOLD))}")
    if (query.selection.rows or query.selection.condition is not None) and not format.takes(ROWS):
        raise UsageError(f"--rows and --where are for reports of some patches, and {name} shows all: leave them out")
    if query.selection.patches and format.content is Content.ANIMATION:
        raise UsageError(f"--patch is for reports of some patches, and {name} shows all: leave it out")
    if query.search.ridge != RIDGE and query.search.metric != "ridge":
        raise UsageError("--ridge is the λ of --metric ridge: add that, or leave it out")
    if query.lens is not None and query.lens.is_described:
        check_lens_kind(query.lens, format)
    if query.output.vectors is not None:
        if not format.of_rows:
            alternatives = names(candidate for candidate in FORMATS if candidate.of_rows)
            raise UsageError(f"--vectors is written beside a report: choose --format {alternatives}")
        vectors.check_vectors(query.output.vectors, job.output)
        if any(same_file(query.output.vectors, source) for source in job.sources):
            raise UsageError(f"--vectors {query.output.vectors} is the image itself: name another file")
    if format.binary and to_terminal:
        raise UsageError(f"{name} cannot be written to a terminal: name a file for it with -o")
    if format.one_image and job.several_images and not (format.folder and folder.is_folder(job.output)):
        advice = ", name a folder for them with -o FOLDER/" if format.folder else ""
        raise UsageError(f"{name} shows one image: give one IMAGE{advice}, or choose another --format")


def check_lens_kind(lens: ChosenLens, format: Format) -> None:
    """Raise `UsageError` for a format that cannot hold the lens's kind of result."""
    if format.holds(lens.kind.name):
        return
    alternatives = names(candidate for candidate in FORMATS if candidate.of_rows and candidate.holds(lens.kind.name))
    if lens.takes_one_entry and not format.of_rows:
        raise UsageError(f"--lens {lens.name} is for reports of single patches: choose --format {alternatives}")
    if format.of_rows:
        description = f"{lens.kind.one}, which a table has no column for"
        raise UsageError(f"--lens {lens.name} gives {description}: choose --format {alternatives}")


def _with_notes(contents: Iterator[Any | ImageFailure], job: ReportJob, format: Format) -> Iterator[Any | ImageFailure]:
    """Pass the contents on unchanged, and give notes on the way.

    Once about an option of the query that has no effect, once what is to be known of a lens's numbers where the format
    has rows alone, and at the end if no entry met its condition, unless the report says so itself.
    """
    is_noted = is_lens_noted = False
    is_empty: bool | None = None  # None until an image has been read
    for result in contents:
        if not is_noted and (unused := getattr(result, "unused_option", "")):  # pages and failures have none
            job.on_note(unused)
            is_noted = True
        if (report := report_in(result)) is not None:
            if not is_lens_noted and format.takes(FIELDS) and report.values is not None and report.values.note:
                job.on_note(f"{report.values.call.name}: {report.values.note}")
                is_lens_noted = True
            is_empty = is_empty is not False and report.none_kept
            if (
                is_empty and not format.says_empty and not job.several_images
            ):  # for a single image, before it is written
                job.on_note(NONE_KEPT)
        yield result
    if is_empty and not format.says_empty and job.several_images:
        job.on_note(NONE_KEPT)


def write_contents(
    job: ReportJob,
    collect_contents: Collector[_T],
    write: Callable[[Iterator[_T | ImageFailure]], Iterator[str | bytes]],
    *,
    rows: bool = False,
) -> int:
    """Write the results of the images as they are computed; return the exit status.

    For one image the status is that of its error, for several it is 1. `rows` marks a report that can also be written
    as a table.
    """
    check_output(job)
    num_written = 0

    def count_results(results: Iterator[_T | ImageFailure]) -> Iterator[_T | ImageFailure]:
        nonlocal num_written
        for num_written, result in enumerate(results, 1):  # noqa: B007
            yield result

    def write_file(results: Iterator[_T | ImageFailure]) -> None:
        with target(job.output) as output:
            for piece in write(_flush_each(count_results(results), output)):
                output.write(piece)
            output.flush()

    try:
        return _run_collector(job, collect_contents, write_file)
    except (KeyboardInterrupt, SystemExit):
        if num_written and at_once(job.output):
            job.on_note(_nothing_kept_note(job, rows))
        raise
    except VlmtuiError as error:
        if at_once(job.output) and is_disk_full(error):
            raise VlmtuiError(f"{error}; {_nothing_kept_note(job, rows)}") from error
        raise


def _nothing_kept_note(job: ReportJob, rows: bool) -> str:
    """The note after an interrupted report: nothing was written, and which outputs keep partial results."""
    note = f"nothing of this report was kept in {job.output}"
    return (
        f"{note}: > {job.output} keeps what is done, and so does -o with a .parquet"
        if rows and job.several_images
        else note
    )


def _flush_each(results: Iterator[_T | ImageFailure], output: Target) -> Iterator[_T | ImageFailure]:
    for result in results:
        yield result
        # what is finished can be read while the next image is processed
        output.flush()


def _run_collector(
    job: ReportJob, collect_contents: Collector[_T], consume: Callable[[Iterator[_T | ImageFailure]], None]
) -> int:
    """Consume the results of the images and report errors; return the exit status."""
    progress = ProgressLine(job.quiet)
    failures: list[VlmtuiError] = []
    contents = collect_contents(lambda: job.start(progress), progress)
    notes = ImageNotes(job.on_note)

    def report_failures() -> Iterator[_T | ImageFailure]:
        for result in contents:
            progress.clear()
            if isinstance(result, ImageFailure):
                failures.append(result.error)
                job.on_failure(error_naming_image(result) if job.several_images else result.error)
            notes.about(result)
            yield result

    try:
        consume(report_failures())
    finally:
        contents.close()  # closes the session, even where the consumer stopped early
        progress.clear()
    if not failures:
        return 0
    return failures[0].exit_status if not job.several_images else 1


def check_output(job: ReportJob) -> None:
    """Raise for an output file that the report cannot be written to."""
    if job.output is None or job.output == "-":
        return
    check_target(job.output)
    check_sources(job.output, job.sources)


def error_naming_image(failure: ImageFailure) -> VlmtuiError:
    """The error of one of several images, with the image's name added."""
    text = str(failure.error)
    if failure.name in text or failure.source in text:
        return failure.error
    error = type(failure.error)(f"{failure.name}: {text}")
    error.__cause__ = failure.error
    return error
