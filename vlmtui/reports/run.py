"""A report from start to end: pictures in, one format out, what failed said."""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TypeVar

from vlmtui.errors import UsageError, VlmtuiError
from vlmtui.files import is_disk_full
from vlmtui.query.chosen_lens import ChosenLens
from vlmtui.query.drawing import LARGEST, LAYERS, NORMS, SMALLEST
from vlmtui.query.options import Query
from vlmtui.reports import (
    ANSI,
    BINARY,
    DRAWN,
    FORMATS,
    GIF,
    HTML,
    OF_FIELDS,
    OF_ONE,
    PARQUET,
    PNG,
    SVG,
    check_format,
    page,
)
from vlmtui.reports.formats import csv, gif, vectors
from vlmtui.reports.image_reader import read_reports
from vlmtui.reports.image_report import NONE_KEPT, ImageReport, ReportOrFailure
from vlmtui.reports.output import folder
from vlmtui.reports.output.progress import ProgressLine
from vlmtui.reports.output.target import Target, at_once, check_sources, check_target, same_file, target
from vlmtui.reports.per_image import Failure
from vlmtui.session.client import SessionClient
from vlmtui.session.discovery import SessionLocation, connect
from vlmtui.session.protocol import Progress
from vlmtui.session.reconnecting import OnProgress

_T = TypeVar("_T")
BY_LAYER = ("text", "json", "jsonl")
"""Formats that have the words of every layer."""
TABLES = ("csv", PARQUET)
"""Formats that have a column for numbers, colours and words alone."""
INTO_FOLDER = (PNG, SVG)
"""Formats that a folder takes of several pictures, a file each."""


@dataclass(frozen=True)
class Order:
    """Which pictures a report is of, where it goes, and who hears of it.

    `several` says that more than one picture was asked for, as by a folder. `say` is told of every picture that failed,
    `tell` what else a person should know, with `debug` also which session it is.
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
    """A session that was started already, for the first picture."""

    @property
    def many(self) -> bool:
        """Whether it is of several pictures, also where only one of them was there."""
        return self.several or len(self.sources) > 1

    def start(self, progress: OnProgress) -> SessionClient:
        """A session for it; what there is to know of that one is told."""
        if self.begun:
            return self.begun.pop()
        client = connect(self.where, on_line=lambda sentence: progress(Progress(sentence)) if sentence else None)
        if client.note:
            self.tell(client.note)
        if self.debug:
            self.tell(f"the session is {client.where}" + (f", process {client.pid}" if client.pid else ""))
        return client

    def let_go(self) -> None:
        """End the session that was started already, where no picture was read in it."""
        while self.begun:
            self.begun.pop().close()


Found = Callable[[Callable[[], SessionClient], OnProgress], Generator[_T | Failure, None, None]]
"""(starts a session, is told of progress) -> what was made of every picture."""


def run_report(order: Order, query: Query, format: str) -> int:
    """Write the report of the pictures; the exit status."""
    check(order, query, format)
    with described(order, query) as query:
        check(order, query, format)
        return _report(order, query, format)


@contextmanager
def described(order: Order, query: Query) -> Iterator[Query]:
    """The query with its lens as a session describes it, which then reads the first picture: what is wrong with a lens
    or its options is said before any picture is read. A query without one, or with a built-in one, is as it was."""
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


def _report(order: Order, query: Query, format: str) -> int:
    sources = order.sources
    if format == HTML:
        return deliver(order, lambda start, progress: page.looked(sources, query, start, progress), page.write)
    if format == GIF:
        return deliver(order, lambda start, progress: gif.played(sources, query, start, progress), gif.write)
    if format in DRAWN:
        return _draw(order, query, format)
    write = check_format(format)
    if format == "csv" and order.output in (None, "-") and sys.stdout.isatty():
        write = csv.write_shown

    def found(start: Callable[[], SessionClient], progress: OnProgress) -> Generator[ReportOrFailure, None, None]:
        made = read_reports(sources, query, start, progress)
        return made if query.output.vectors is None else vectors.kept(made, query.output.vectors, order.tell)

    def itself(seen: ImageReport) -> ImageReport:
        return seen

    def noted(some: Iterator[ImageReport | Failure]) -> Iterator[ImageReport | Failure]:
        return _noted(some, order, itself, empty_said=format == "text")

    return deliver(order, found, lambda some: write(noted(some), query, order.many), rows=True)


def check(order: Order, query: Query, format: str) -> None:
    """Raise what is wrong with an order before anything is done for it."""
    if query.selection.stages and format != HTML:
        raise UsageError(
            f"--stages is for a page, and {format} shows one stage: name it with --stage, or --format html"
        )
    if (option := query.output.drawing.asked) and format not in DRAWN:
        raise UsageError(f"{option} is for pictures: leave it out, or choose --format {', '.join(DRAWN)}")
    if query.output.fields and format not in OF_FIELDS:
        raise UsageError(f"--fields is for tables: leave it out, or choose --format {', '.join(OF_FIELDS)}")
    if (query.selection.rows or query.selection.keep is not None) and format in (HTML, GIF):
        raise UsageError(f"--rows and --where are for reports of some patches, and {format} shows all: leave them out")
    if query.lens is not None and query.lens.known:
        check_kind(query.lens, format)
    if query.output.vectors is not None:
        if format not in FORMATS:
            raise UsageError(f"--vectors stands beside a report: choose --format {', '.join(FORMATS)}")
        vectors.check_vectors(query.output.vectors, order.output)
        if any(same_file(query.output.vectors, source) for source in order.sources):
            raise UsageError(f"--vectors {query.output.vectors} is the picture itself: name another file")
    if format in BINARY and order.output in (None, "-") and sys.stdout.isatty():
        raise UsageError(f"{format} is no text for a terminal: name a file for it with -o")
    if format in OF_ONE and order.many and not (format in INTO_FOLDER and folder.is_folder(order.output)):
        way = ", name a folder for them with -o FOLDER/" if format in INTO_FOLDER else ""
        raise UsageError(f"{format} shows one picture: give one IMAGE{way}, or choose another --format")


def check_kind(lens: ChosenLens, format: str) -> None:
    """`UsageError` for a format that has no place for what a lens gives."""
    there = ", ".join(BY_LAYER)
    if lens.of_single and format not in (*BY_LAYER, HTML):
        raise UsageError(f"--lens {lens.name} is for reports of single patches: choose --format {there}")
    if lens.of_whole and format in TABLES:
        what = f"{lens.kind.one}, for which there is no column"
        raise UsageError(f"--lens {lens.name} gives {what}: choose --format {there}")


def _noted(
    found: Iterator[_T | Failure], order: Order, of: Callable[[_T], ImageReport], *, empty_said: bool = False
) -> Iterator[_T | Failure]:
    """The results themselves. Told is once what of the query had no use, and at the end that it kept nothing, where
    the report does not say so itself."""
    told = False
    empty: bool | None = None  # None while no picture was read
    for result in found:
        if not isinstance(result, Failure):
            if not told and (unused := of(result).unused):
                order.tell(unused)
                told = True
            empty = empty is not False and of(result).none_kept
            if empty and not empty_said and not order.many:  # of one picture before it is written
                order.tell(NONE_KEPT)
        yield result
    if empty and not empty_said and order.many:
        order.tell(NONE_KEPT)


def _draw(order: Order, query: Query, format: str) -> int:
    from vlmtui.reports.images import ansi, files
    from vlmtui.reports.images.content import Shown, shown

    def found(start: Callable[[], SessionClient], progress: OnProgress) -> Generator[Shown | Failure, None, None]:
        return shown(order.sources, query, start, progress)

    def noted(drawn: Iterator[Shown | Failure]) -> Iterator[Shown | Failure]:
        return _noted(drawn, order, lambda shown: shown.seen)

    if format == ANSI:
        if query.output.drawing.show in (LAYERS, NORMS):
            raise UsageError(
                f"ansi shows words or heat: leave --draw {query.output.drawing.show} out, or choose --format png"
            )
        return deliver(order, found, lambda drawn: ansi.write(noted(drawn)))
    if query.output.drawing.size is not None and query.output.drawing.size < SMALLEST:
        raise UsageError(
            f"--size {query.output.drawing.size} is too small for a picture: give {SMALLEST} to {LARGEST} pixels"
        )
    write = files.write_png if format == PNG else files.write_svg
    if order.output is None or not folder.is_folder(order.output):
        return deliver(order, found, lambda drawn: write(noted(drawn)))
    names, into = folder.files_in(order.output, order.sources, format), order.output

    def kept(drawn: Iterator[Shown | Failure]) -> None:
        folder.make(into)
        for name, result in zip(names, noted(drawn), strict=True):
            with target(name) as to:
                for piece in write([result]):
                    to.write(piece)

    return _attend(order, found, kept)


def deliver(
    order: Order,
    found: Found[_T],
    write: Callable[[Iterator[_T | Failure]], Iterator[str | bytes]],
    *,
    rows: bool = False,
) -> int:
    """Write what was made of the pictures, as it is made; the exit status.

    With one picture the status is its error's, with many 1. `rows` says that it is a report which can also be had as
    a table.
    """
    check_output(order)
    made = 0

    def counted(results: Iterator[_T | Failure]) -> Iterator[_T | Failure]:
        nonlocal made
        for made, result in enumerate(results, 1):  # noqa: B007
            yield result

    def taken(results: Iterator[_T | Failure]) -> None:
        with target(order.output) as to:
            for piece in write(_flushed(counted(results), to)):
                to.write(piece)
            to.flush()

    try:
        return _attend(order, found, taken)
    except (KeyboardInterrupt, SystemExit):
        if made and at_once(order.output):
            order.tell(_nothing_kept(order, rows))
        raise
    except VlmtuiError as error:
        if at_once(order.output) and is_disk_full(error):
            raise VlmtuiError(f"{error}; {_nothing_kept(order, rows)}") from error
        raise


def _nothing_kept(order: Order, rows: bool) -> str:
    """Who waited for a file is told that there is none, and what would have kept a part of it."""
    said = f"nothing of this report was kept in {order.output}"
    return (
        f"{said}: > {order.output} keeps what is done, and so does -o with a .parquet" if rows and order.many else said
    )


def _flushed(results: Iterator[_T | Failure], to: Target) -> Iterator[_T | Failure]:
    for result in results:
        yield result
        # what is known may be read while the next picture is looked at
        to.flush()


def _attend(order: Order, found: Found[_T], take: Callable[[Iterator[_T | Failure]], None]) -> int:
    """Have what was made of the pictures taken, and say what failed; the exit status."""
    progress = ProgressLine(order.quiet)
    failures: list[VlmtuiError] = []
    made = found(lambda: order.start(progress), progress)

    def heard() -> Iterator[_T | Failure]:
        for result in made:
            progress.clear()
            if isinstance(result, Failure):
                failures.append(result.error)
                order.say(named(result) if order.many else result.error)
            yield result

    try:
        take(heard())
    finally:
        made.close()  # ends the session, also where the reader has left in the middle
        progress.clear()
    if not failures:
        return 0
    return failures[0].exit_status if not order.many else 1


def check_output(order: Order) -> None:
    """Raise what is wrong with the file that a report is to go to."""
    if order.output is None or order.output == "-":
        return
    check_target(order.output)
    check_sources(order.output, order.sources)


def named(failure: Failure) -> VlmtuiError:
    """The error of one of many pictures, which says of which."""
    text = str(failure.error)
    if failure.source in text:
        return failure.error
    named = type(failure.error)(f"{failure.source}: {text}")
    named.__cause__ = failure.error
    return named
