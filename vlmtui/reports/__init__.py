"""Reports: what one reading says, as text, as JSON, as a page. Knows no torch and no terminal interface.

A format is a function from results, made one after the other, to pieces of text, written as they are made.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from vlmtui.errors import UsageError
from vlmtui.query.options import Query
from vlmtui.reports.formats import csv, json, text
from vlmtui.reports.image_reader import read_reports
from vlmtui.reports.image_report import ImageReport, ReportOrFailure
from vlmtui.reports.output.target import format_by
from vlmtui.reports.per_image import Failure

__all__ = [
    "ANSI",
    "BINARY",
    "DRAWN",
    "ENDINGS",
    "FORMATS",
    "GIF",
    "HTML",
    "OF_FIELDS",
    "OF_ONE",
    "PARQUET",
    "PNG",
    "SVG",
    "Failure",
    "ImageReport",
    "Query",
    "ReportOrFailure",
    "Writer",
    "check_format",
    "format_for",
    "read_reports",
]

Writer = Callable[[Iterable[ReportOrFailure], Query, bool], Iterator[str | bytes]]
"""(results, what was asked, whether of several images) -> the report, piece by piece.

Every one takes its results to their end, also those of one image: what `--vectors` names is written there.
"""


def _table(results: Iterable[ReportOrFailure], query: Query, several: bool) -> Iterator[str | bytes]:
    from vlmtui.reports.formats import parquet

    yield from parquet.write(results, query, several)


PARQUET, GIF, HTML, PNG, SVG, ANSI = "parquet", "gif", "html", "png", "svg", "ansi"

FORMATS: dict[str, Writer] = {
    "text": text.write,
    "json": json.write,
    "jsonl": json.write_lines,
    "csv": csv.write,
    PARQUET: _table,
}
"""Formats of any number of pictures, entry by entry."""

OF_ONE = (HTML, PNG, SVG, GIF)
"""Formats of one picture: a page (`vlmtui.reports.page`), a picture (`vlmtui.reports.images`), its stages in time
(`vlmtui.reports.formats.gif`)."""

DRAWN = (PNG, SVG, ANSI)
"""Formats that are pictures; `ansi` is one for a terminal, of any number of pictures."""

BINARY = (PARQUET, *OF_ONE)
"""Formats that are not written to a terminal."""

OF_FIELDS = ("csv", "json", "jsonl", PARQUET)
"""Formats that `--fields` chooses from."""

ENDINGS = {".txt": "text"} | {f".{name}": name for name in ("json", "jsonl", "csv", PARQUET, *OF_ONE)} | {".ans": ANSI}
"""The format that a file's ending asks for."""


def format_for(name: str | None) -> str:
    """The format of a report that is to go to the file `name`, where none is asked for: its ending's, or text.

    `UsageError` for an ending that is of no format.
    """
    return format_by(name, ENDINGS)


def check_format(name: str) -> Writer:
    """The writer of a format, or a `UsageError` that names those there are."""
    try:
        return FORMATS[name]
    except KeyError:
        raise UsageError(f"no report format {name!r}: choose {', '.join((*FORMATS, ANSI, *OF_ONE))}") from None
