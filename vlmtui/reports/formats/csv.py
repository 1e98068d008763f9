"""`csv`: one row per entry and one column per field, with a header; a failed image is one row with its error.

Fields are separated by commas, quoted with double quotes where necessary, in UTF-8 with Unix line ends. The columns
depend on the query alone, not on the model or the image, so that tables can be concatenated. `image` is the exact name
of the image, so that it can be found again; all other texts are written as displayed, on one line each. Numbers are
those of the JSON report.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from vlmtui.display.pieces import plain
from vlmtui.query.options import Query
from vlmtui.reports.image_report import ReportOrFailure
from vlmtui.reports.per_image import ImageFailure
from vlmtui.reports.select.columns import cells, headings


def write_csv(results: Iterable[ReportOrFailure], query: Query, several: bool) -> Iterator[str]:
    """Write the table, each image's rows as soon as they are computed."""
    names = headings(query)
    yield from _lines(results, names, names.index("image") if "image" in names else None)


def write_csv_to_terminal(results: Iterable[ReportOrFailure], query: Query, several: bool) -> Iterator[str]:
    """Write the table for a terminal: image names are escaped too, so that they cannot send control sequences."""
    yield from _lines(results, headings(query), None)


def _lines(results: Iterable[ReportOrFailure], names: list[str], exact: int | None) -> Iterator[str]:
    yield csv_line(names)
    for result in results:
        if not isinstance(result, ImageFailure):
            yield from (csv_line(row, exact) for row in cells(result))
        elif "error" in names:
            about = {"image": result.name, "error": result.why}
            yield csv_line([about.get(name) for name in names], exact)


def csv_line(row: Sequence[Any], exact: int | None = None) -> str:
    """One row of the table; texts are escaped to one line each, except the cell `exact`."""
    shown = [plain(cell) if isinstance(cell, str) and i != exact else cell for i, cell in enumerate(row)]
    written = io.StringIO()
    # cells are quoted only for characters of the line terminator: with "\r\n", a \r in a name is quoted too
    csv.writer(written, lineterminator="\r\n").writerow(shown)
    return written.getvalue().removesuffix("\r\n") + "\n"
