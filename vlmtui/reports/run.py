"""Report runs: images in, one output format out, and errors of single images reported."""

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
    """The images of a report, where the output goes, and callbacks for messages.

    `several` means that more than one image was asked for, as by a folder. `say` receives the error of every image that
    failed, `tell` other notes for the user; with `debug` also which session is used.
    """

    sources: tuple[str, ...]
    where: SessionLocation
    output: str | None
    quiet: bool
    say: Callable[[VlmtuiError], object]
    tell: Callable[[str], object] = lambda note: None
    debug: bool = False
    several: bool = False
    begun: list[SessionClient] = field(default_factory=list)
    """A session started beforehand, for the first image."""

    @property
    def many(self) -> bool:
        """Whether several images were asked for, even if only one was found."""
        return self.several or len(self.sources) > 1

    def start(self, progress: OnProgress) -> SessionClient:
        """Connect to a session, and pass on its notes."""
        if self.begun:
            return self.begun.pop()
        client = connect(self.where, on_line=lambda sentence: progress(Progress(sentence)) if sentence else None)
        if client.note:
            self.tell(client.note)
        if self.debug:
            self.tell(f"the session is {client.where}" + (f", process {client.pid}" if client.pid else ""))
        return client

    def let_go(self) -> None:
        """Close the session started beforehand if no image was read in it."""
        while self.begun:
            self.begun.pop().close()


Collector = Callable[[Callable[[], SessionClient], OnProgress], Generator[_T | ImageFailure, None, None]]
"""(starts a session, receives progress) -> the result of every image."""


def run_report(order: ReportJob, query: Query, name: str) -> int:
    """Write the report of the images in the format of this name; return the exit status."""
    chosen = format_named(name)
    check_job(order, query, chosen)
    with describe_lens(order, query) as query:
        check_job(order, query, chosen)
        return _report(order, query, chosen)


@contextmanager
def describe_lens(order: ReportJob, query: Query) -> Iterator[Query]:
    """Have the session describe the query's lens, so that errors in a lens or its options come before any reading.

    The session is reused for the first image. A query without a lens, or with a built-in one, is yielded unchanged.
    """
    if query.lens is None or query.lens.known:
        yield query
        return
    progress = ProgressLine(order.quiet)
    order.begun.append(order.start(progress))
    try:
        lens = query.lens.described_by(order.begun[0])
        progress.clear()
        yield replace(query, lens=lens)
    finally:
        progress.clear()
        order.let_go()


def _report(order: ReportJob, query: Query, format: Format) -> int:
    check_known(format)
    format.check_query(query)
    to_terminal = order.output in (None, "-") and sys.stdout.isatty()

    def found(start: Callable[[], SessionClient], progress: OnProgress) -> Generator[Any | ImageFailure, None, None]:
        made = collect(format.content, order.sources, query, start, progress)
        return made if query.output.vectors is None else vectors.keep_vectors(made, query.output.vectors, order.tell)

    def pieces(made: Iterator[Any | ImageFailure]) -> Iterator[str | bytes]:
        return format.write(_with_notes(made, order, format.says_empty), query, order.many, to_terminal)

    if not (format.folder and folder.is_folder(order.output)):
        return write_contents(order, found, pieces, rows=format.of_rows)
    into = str(order.output)
    files = folder.image_files(into, order.sources, format.name)

    def kept(made: Iterator[Any | ImageFailure]) -> None:
        folder.make_folder(into)
        for file, result in zip(files, _with_notes(made, order, format.says_empty), strict=True):
            with target(file) as to:
                for piece in format.write([result], query, False):
                    to.write(piece)

    return _run_collector(order, found, kept)


def check_job(order: ReportJob, query: Query, format: Format) -> None:
    """Raise for a job that cannot be done, before anything is computed for it."""
    name = format.name
    to_terminal = order.output in (None, "-") and sys.stdout.isatty()
    if query.selection.stages and not format.takes(STAGES):
        there = f"--format {names(taking(STAGES))}"
        raise UsageError(f"--stages is for a page, and {name} shows one stage: name it with --stage, or {there}")
    if (option := query.output.drawing.asked) and not format.takes(DRAW):
        raise UsageError(f"{option} is for pictures: leave it out, or choose --format {names(taking(DRAW))}")
    if query.output.fields and not format.takes(FIELDS):
        raise UsageError(f"--fields is for tables: leave it out, or choose --format {names(with_fields())}")
    if (query.selection.rows or query.selection.keep is not None) and not format.takes(ROWS):
        raise UsageError(f"--rows and --where are for reports of some patches, and {name} shows all: leave them out")
    if query.lens is not None and query.lens.known:
        check_lens_kind(query.lens, format)
    if query.output.vectors is not None:
        if not format.of_rows:
            there = names(one for one in FORMATS if one.of_rows)
            raise UsageError(f"--vectors stands beside a report: choose --format {there}")
        vectors.check_vectors(query.output.vectors, order.output)
        if any(same_file(query.output.vectors, source) for source in order.sources):
            raise UsageError(f"--vectors {query.output.vectors} is the picture itself: name another file")
    if format.binary and to_terminal:
        raise UsageError(f"{name} is no text for a terminal: name a file for it with -o")
    if format.one_image and order.many and not (format.folder and folder.is_folder(order.output)):
        way = ", name a folder for them with -o FOLDER/" if format.folder else ""
        raise UsageError(f"{name} shows one picture: give one IMAGE{way}, or choose another --format")


def check_lens_kind(lens: ChosenLens, format: Format) -> None:
    """Raise `UsageError` for a format that cannot hold the lens's kind of result."""
    if format.holds(lens.kind.name):
        return
    there = names(one for one in FORMATS if one.of_rows and one.holds(lens.kind.name))
    if lens.of_single:
        raise UsageError(f"--lens {lens.name} is for reports of single patches: choose --format {there}")
    if lens.of_whole and format.of_rows:
        what = f"{lens.kind.one}, for which there is no column"
        raise UsageError(f"--lens {lens.name} gives {what}: choose --format {there}")


def _with_notes(
    found: Iterator[Any | ImageFailure], order: ReportJob, empty_said: bool
) -> Iterator[Any | ImageFailure]:
    """Pass the contents on unchanged, and give notes on the way.

    Once about an option of the query that has no effect, and at the end if no entry met its condition, unless the
    report says so itself.
    """
    told = False
    empty: bool | None = None  # None until an image has been read
    for result in found:
        if (report := report_in(result)) is not None:
            if not told and (unused := report.unused):
                order.tell(unused)
                told = True
            empty = empty is not False and report.none_kept
            if empty and not empty_said and not order.many:  # for a single image, before it is written
                order.tell(NONE_KEPT)
        yield result
    if empty and not empty_said and order.many:
        order.tell(NONE_KEPT)


def write_contents(
    order: ReportJob,
    found: Collector[_T],
    write: Callable[[Iterator[_T | ImageFailure]], Iterator[str | bytes]],
    *,
    rows: bool = False,
) -> int:
    """Write the results of the images as they are computed; return the exit status.

    For one image the status is that of its error, for several it is 1. `rows` marks a report that can also be written
    as a table.
    """
    check_output(order)
    made = 0

    def counted(results: Iterator[_T | ImageFailure]) -> Iterator[_T | ImageFailure]:
        nonlocal made
        for made, result in enumerate(results, 1):  # noqa: B007
            yield result

    def taken(results: Iterator[_T | ImageFailure]) -> None:
        with target(order.output) as to:
            for piece in write(_flush_each(counted(results), to)):
                to.write(piece)
            to.flush()

    try:
        return _run_collector(order, found, taken)
    except (KeyboardInterrupt, SystemExit):
        if made and at_once(order.output):
            order.tell(_nothing_kept_note(order, rows))
        raise
    except VlmtuiError as error:
        if at_once(order.output) and is_disk_full(error):
            raise VlmtuiError(f"{error}; {_nothing_kept_note(order, rows)}") from error
        raise


def _nothing_kept_note(order: ReportJob, rows: bool) -> str:
    """The note after an interrupted report: nothing was written, and which outputs keep partial results."""
    said = f"nothing of this report was kept in {order.output}"
    return (
        f"{said}: > {order.output} keeps what is done, and so does -o with a .parquet" if rows and order.many else said
    )


def _flush_each(results: Iterator[_T | ImageFailure], to: Target) -> Iterator[_T | ImageFailure]:
    for result in results:
        yield result
        # what is finished can be read while the next image is processed
        to.flush()


def _run_collector(order: ReportJob, found: Collector[_T], take: Callable[[Iterator[_T | ImageFailure]], None]) -> int:
    """Consume the results of the images and report errors; return the exit status."""
    progress = ProgressLine(order.quiet)
    failures: list[VlmtuiError] = []
    made = found(lambda: order.start(progress), progress)

    def heard() -> Iterator[_T | ImageFailure]:
        for result in made:
            progress.clear()
            if isinstance(result, ImageFailure):
                failures.append(result.error)
                order.say(error_naming_image(result) if order.many else result.error)
            yield result

    try:
        take(heard())
    finally:
        made.close()  # closes the session, even where the consumer stopped early
        progress.clear()
    if not failures:
        return 0
    return failures[0].exit_status if not order.many else 1


def check_output(order: ReportJob) -> None:
    """Raise for an output file that the report cannot be written to."""
    if order.output is None or order.output == "-":
        return
    check_target(order.output)
    check_sources(order.output, order.sources)


def error_naming_image(failure: ImageFailure) -> VlmtuiError:
    """The error of one of several images, with the image's name added."""
    text = str(failure.error)
    if failure.source in text:
        return failure.error
    error = type(failure.error)(f"{failure.source}: {text}")
    error.__cause__ = failure.error
    return error
