"""`csv`: one row per entry and one column per field, with a header; a failed image is one row with its error.

Fields are separated by commas, quoted with double quotes where necessary, in UTF-8 with Unix line ends. The columns
depend on the query alone, not on the model or the image, so that tables can be concatenated. `image` is the exact name
of the image, so that it can be found again; all other texts are written as displayed, on one line each. Numbers are
those of the JSON report. Texts are written as they are, also those that a spreadsheet would compute (`=`, `+`, `-`, `@`
at their beginning) unless `--csv-safe` quotes them.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from typing import Any

from vlmtui.display.pieces import plain
from vlmtui.query.options import Query
from vlmtui.reports.image_report import ReportOrFailure
from vlmtui.reports.select.columns import headings, table_rows

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""Beginnings of a text that a spreadsheet would compute."""


def write_csv(results: Iterable[ReportOrFailure], query: Query, several: bool) -> Iterator[str]:
    """Write the table, each image's rows as soon as they are computed."""
    names = headings(query)
    yield from _lines(results, query, names.index("image") if "image" in names else None)


def write_csv_to_terminal(results: Iterable[ReportOrFailure], query: Query, several: bool) -> Iterator[str]:
    """Write the table for a terminal: image names are escaped too, so that they cannot send control sequences."""
    yield from _lines(results, query, None)


def _lines(results: Iterable[ReportOrFailure], query: Query, exact_cell: int | None) -> Iterator[str]:
    safe = query.output.csv_safe
    yield csv_line(headings(query))
    for row in table_rows(results, query):
        yield csv_line(map(spreadsheet_safe, row) if safe else row, exact_cell)


def spreadsheet_safe(cell: Any) -> Any:
    """A cell that a spreadsheet does not take for a formula: a text that begins like one has a quote before it."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell


def csv_lines(rows: Iterable[Iterable[Any]], safe: bool = False) -> Iterator[str]:
    """Rows of a table of another command; with `safe` no cell is a formula of a spreadsheet."""
    for row in rows:
        yield csv_line(map(spreadsheet_safe, row) if safe else row)


def csv_line(row: Iterable[Any], exact_cell: int | None = None) -> str:
    """One row of the table; texts are escaped to one line each, except the cell `exact_cell`."""
    cells = [plain(cell) if isinstance(cell, str) and i != exact_cell else cell for i, cell in enumerate(row)]
    buffer = io.StringIO()
    # cells are quoted only for characters of the line terminator: with "\r\n", a \r in a name is quoted too
    csv.writer(buffer, lineterminator="\r\n").writerow(cells)
    return buffer.getvalue().removesuffix("\r\n") + "\n"
