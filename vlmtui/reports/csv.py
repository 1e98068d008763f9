"""`csv`: one row an entry, one column a field, with a heading; one row for an image that failed, with its error.

Comma, double quotes where they are needed, line ends as Unix has them, UTF-8. The columns depend on what was asked
alone, not on the model or the picture, so that tables can be put under each other. Words and names stand as they are
shown, on one line each; numbers are those of the JSON report.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from vlmtui.display.pieces import plain
from vlmtui.reports.each import Failure
from vlmtui.reports.fields import cells, headings
from vlmtui.reports.source import Query, Result


def write(results: Iterable[Result], query: Query, several: bool) -> Iterator[str]:
    """The table, an image's rows as soon as they are there."""
    names = headings(query)
    yield line(names)
    for result in results:
        if not isinstance(result, Failure):
            yield from map(line, cells(result))
        elif "error" in names:
            about = {"image": result.name, "error": result.why}
            yield line([about.get(name) for name in names])


def line(row: Sequence[Any]) -> str:
    """A row as one line of the table."""
    written = io.StringIO()
    csv.writer(written, lineterminator="\n").writerow([plain(cell) if isinstance(cell, str) else cell for cell in row])
    return written.getvalue()
