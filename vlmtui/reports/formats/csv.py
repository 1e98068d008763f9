"""`csv`: one row an entry, one column a field, with a heading; one row for an image that failed, with its error.

Comma, double quotes where they are needed, line ends as Unix has them, UTF-8. The columns depend on what was asked
alone, not on the model or the picture, so that tables can be put under each other. `image` is the picture's name as it
is, quoted where it has to be, so that it is found again; all other texts stand as they are shown, on one line each.
Numbers are those of the JSON report.
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
    """The table, an image's rows as soon as they are there."""
    names = headings(query)
    yield from _lines(results, names, names.index("image") if "image" in names else None)


def write_csv_to_terminal(results: Iterable[ReportOrFailure], query: Query, several: bool) -> Iterator[str]:
    """The table for a terminal: names of pictures are as they are shown too, so that none of them commands it."""
    yield from _lines(results, headings(query), None)


def _lines(results: Iterable[ReportOrFailure], names: list[str], exact_cell: int | None) -> Iterator[str]:
    yield csv_line(names)
    for result in results:
        if not isinstance(result, ImageFailure):
            yield from (csv_line(row, exact_cell) for row in cells(result))
        elif "error" in names:
            failure_fields = {"image": result.name, "error": result.why}
            yield csv_line([failure_fields.get(name) for name in names], exact_cell)


def csv_line(row: Sequence[Any], exact_cell: int | None = None) -> str:
    """A row of the table; its texts on one line each, but for the cell `exact_cell`, which is kept as it is."""
    cells = [plain(cell) if isinstance(cell, str) and i != exact_cell else cell for i, cell in enumerate(row)]
    buffer = io.StringIO()
    # a cell is quoted for the characters of the line end alone: with both of them, a \r in a name is quoted too
    csv.writer(buffer, lineterminator="\r\n").writerow(cells)
    return buffer.getvalue().removesuffix("\r\n") + "\n"
