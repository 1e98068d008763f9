"""A report from start to end: pictures in, one format out, what failed said."""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from vlmtui.errors import UsageError, VlmtuiError
from vlmtui.files import is_disk_full
from vlmtui.query.chosen_lens import ChosenLens
from vlmtui.query.options import Query
from vlmtui.reports.formats import vectors
from vlmtui.reports.formats.base import DRAW, FIELDS, ROWS, STAGES, Format
from vlmtui.reports.formats.contents import collect, report_in
from vlmtui.reports.formats.registry import FORMATS, check_known, format_named, names, taking, with_fields
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
    """Which pictures a report is of, where it goes, and who hears of it.

    `several` says that more than one picture was asked for, as by a folder. `on_failure` is told of every picture that
    failed, `on_note` what else a person should know, with `debug` also which session it is.
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
    """A session that was started already, for the first picture."""

    @property
    def several_images(self) -> bool:
        """Whether it is of several pictures, also where only one of them was there."""
        return self.several or len(self.sources) > 1

    def start(self, progress: OnProgress) -> SessionClient:
        """A session for it; what there is to know of that one is told."""
        if self.started:
            return self.started.pop()
        client = connect(self.location, on_line=lambda sentence: progress(Progress(sentence)) if sentence else None)
        if client.note:
            self.on_note(client.note)
        if self.debug:
            self.on_note(f"the session is {client.where}" + (f", process {client.pid}" if client.pid else ""))
        return client

    def close_started(self) -> None:
        """End the session that was started already, where no picture was read in it."""
        while self.started:
            self.started.pop().close()


Collector = Callable[[Callable[[], SessionClient], OnProgress], Generator[_T | ImageFailure, None, None]]
"""(starts a session, is told of progress) -> what was made of every picture."""


def run_report(job: ReportJob, query: Query, name: str) -> int:
    """Write the report of the pictures in the format of that name; the exit status."""
    chosen_format = format_named(name)
    check_job(job, query, chosen_format)
    with describe_lens(job, query) as query:
        check_job(job, query, chosen_format)
        return _report(job, query, chosen_format)


@contextmanager
def describe_lens(job: ReportJob, query: Query) -> Iterator[Query]:
    """The query with its lens as a session describes it, which then reads the first picture: what is wrong with a lens
    or its options is said before any picture is read. A query without one, or with a built-in one, is as it was."""
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
        return format.write(_with_notes(contents, job, format.says_empty), query, job.several_images, to_terminal)

    if not (format.folder and folder.is_folder(job.output)):
        return write_contents(job, read_contents, format_pieces, rows=format.of_rows)
    output_folder = str(job.output)
    files = folder.image_files(output_folder, job.sources, format.name)

    def write_folder(contents: Iterator[Any | ImageFailure]) -> None:
        folder.make_folder(output_folder)
        for file, result in zip(files, _with_notes(contents, job, format.says_empty), strict=True):
            with target(file) as output:
                for piece in format.write([result], query, False):
                    output.write(piece)

    return _run_collector(job, read_contents, write_folder)


def check_job(job: ReportJob, query: Query, format: Format) -> None:
    """Raise what is wrong with an order before anything is done for it."""
    name = format.name
    to_terminal = job.output in (None, "-") and sys.stdout.isatty()
    if query.selection.stages and not format.takes(STAGES):
        alternatives = f"--format {names(taking(STAGES))}"
        raise UsageError(f"--stages is for a page, and {name} shows one stage: name it with --stage, or {alternatives}")
    if (option := query.output.drawing.asked) and not format.takes(DRAW):
        raise UsageError(f"{option} is for pictures: leave it out, or choose --format {names(taking(DRAW))}")
    if query.output.fields and not format.takes(FIELDS):
        raise UsageError(f"--fields is for tables: leave it out, or choose --format {names(with_fields())}")
    if (query.selection.rows or query.selection.condition is not None) and not format.takes(ROWS):
        raise UsageError(f"--rows and --where are for reports of some patches, and {name} shows all: leave them out")
    if query.lens is not None and query.lens.is_described:
        check_lens_kind(query.lens, format)
    if query.output.vectors is not None:
        if not format.of_rows:
            alternatives = names(candidate for candidate in FORMATS if candidate.of_rows)
            raise UsageError(f"--vectors stands beside a report: choose --format {alternatives}")
        vectors.check_vectors(query.output.vectors, job.output)
        if any(same_file(query.output.vectors, source) for source in job.sources):
            raise UsageError(f"--vectors {query.output.vectors} is the picture itself: name another file")
    if format.binary and to_terminal:
        raise UsageError(f"{name} is no text for a terminal: name a file for it with -o")
    if format.one_image and job.several_images and not (format.folder and folder.is_folder(job.output)):
        advice = ", name a folder for them with -o FOLDER/" if format.folder else ""
        raise UsageError(f"{name} shows one picture: give one IMAGE{advice}, or choose another --format")


def check_lens_kind(lens: ChosenLens, format: Format) -> None:
    """`UsageError` for a format that has no place for what a lens gives."""
    if format.holds(lens.kind.name):
        return
    alternatives = names(candidate for candidate in FORMATS if candidate.of_rows and candidate.holds(lens.kind.name))
    if lens.takes_one_entry:
        raise UsageError(f"--lens {lens.name} is for reports of single patches: choose --format {alternatives}")
    if lens.gives_image_result and format.of_rows:
        description = f"{lens.kind.one}, for which there is no column"
        raise UsageError(f"--lens {lens.name} gives {description}: choose --format {alternatives}")


def _with_notes(
    contents: Iterator[Any | ImageFailure], job: ReportJob, format_says_empty: bool
) -> Iterator[Any | ImageFailure]:
    """The contents themselves. Told is once what of the query had no use, and at the end that it kept nothing, where
    the report does not say so itself."""
    is_noted = False
    is_empty: bool | None = None  # None while no picture was read
    for result in contents:
        if (report := report_in(result)) is not None:
            if not is_noted and (unused := report.unused_option):
                job.on_note(unused)
                is_noted = True
            is_empty = is_empty is not False and report.none_kept
            if is_empty and not format_says_empty and not job.several_images:  # of one picture before it is written
                job.on_note(NONE_KEPT)
        yield result
    if is_empty and not format_says_empty and job.several_images:
        job.on_note(NONE_KEPT)


def write_contents(
    job: ReportJob,
    collect_contents: Collector[_T],
    write: Callable[[Iterator[_T | ImageFailure]], Iterator[str | bytes]],
    *,
    rows: bool = False,
) -> int:
    """Write what was made of the pictures, as it is made; the exit status.

    With one picture the status is its error's, with many 1. `rows` says that it is a report which can also be had as
    a table.
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
    """Who waited for a file is told that there is none, and what would have kept a part of it."""
    note = f"nothing of this report was kept in {job.output}"
    return (
        f"{note}: > {job.output} keeps what is done, and so does -o with a .parquet"
        if rows and job.several_images
        else note
    )


def _flush_each(results: Iterator[_T | ImageFailure], output: Target) -> Iterator[_T | ImageFailure]:
    for result in results:
        yield result
        # what is known may be read while the next picture is looked at
        output.flush()


def _run_collector(
    job: ReportJob, collect_contents: Collector[_T], consume: Callable[[Iterator[_T | ImageFailure]], None]
) -> int:
    """Have what was made of the pictures taken, and say what failed; the exit status."""
    progress = ProgressLine(job.quiet)
    failures: list[VlmtuiError] = []
    contents = collect_contents(lambda: job.start(progress), progress)

    def report_failures() -> Iterator[_T | ImageFailure]:
        for result in contents:
            progress.clear()
            if isinstance(result, ImageFailure):
                failures.append(result.error)
                job.on_failure(error_naming_image(result) if job.several_images else result.error)
            yield result

    try:
        consume(report_failures())
    finally:
        contents.close()  # ends the session, also where the reader has left in the middle
        progress.clear()
    if not failures:
        return 0
    return failures[0].exit_status if not job.several_images else 1


def check_output(job: ReportJob) -> None:
    """Raise what is wrong with the file that a report is to go to."""
    if job.output is None or job.output == "-":
        return
    check_target(job.output)
    check_sources(job.output, job.sources)


def error_naming_image(failure: ImageFailure) -> VlmtuiError:
    """The error of one of many pictures, which says of which."""
    text = str(failure.error)
    if failure.source in text:
        return failure.error
    error = type(failure.error)(f"{failure.source}: {text}")
    error.__cause__ = failure.error
    return error
