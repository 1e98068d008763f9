"""Columns of tables: the fields of a CSV or Parquet report, and the cells of CSV."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from vlmtui.lenses.kinds import Colours
from vlmtui.query.fields import SIMPLE, TEXTS, WHOLE
from vlmtui.query.options import Query
from vlmtui.reports.image_report import ImageReport, ReportOrFailure
from vlmtui.reports.per_image import ImageFailure
from vlmtui.reports.select.rows import ReportRows

STANDING = ("percentile", "random", "margin", "same")
_UNTABLED = ("agreement", "anatomy", "grids")


def simple(rows: ReportRows, field: str) -> list[Any]:
    """One of `SIMPLE` as plain Python values [rows], None where an entry has no value."""
    if field in TEXTS:
        return list(rows.texts(field))
    numbers = rows.numbers(field)
    is_finite = np.isfinite(numbers)
    is_integer = field in WHOLE
    return [
        (int(number) if is_integer else number) if has_value else None
        for number, has_value in zip(numbers.tolist(), is_finite, strict=True)
    ]


def of_table(query: Query) -> tuple[str, ...]:
    """The fields of a table: those asked for, or the default ones of the query, the same for every model and image."""
    if query.output.fields:
        return tuple(field for field in query.output.fields if field not in _UNTABLED)
    lens = ("value",) if has_values(query) else ()
    null = ("null",) if query.search.null else ()
    usual = ("image", "index", "kind", "grid", "row", "col", "box", "inside", "norm", "z")
    return (*usual, *lens, "words", *null, "error")


def of_parquet(query: Query) -> tuple[str, ...]:
    """The Parquet columns of the fields that a query names."""
    named = {"box": ("x0", "y0", "x1", "y1"), "value": ("value", "components"), "null": ("noise",)}
    return tuple(dict.fromkeys(name for field in of_table(query) for name in named.get(field, (field,))))


def has_values(query: Query) -> bool:
    """Whether the lens of a query gives every entry a value."""
    return query.lens is not None and query.lens.gives_entry_values


def headings(query: Query) -> list[str]:
    """The column names of a CSV table; a field that is a list has one column for each element."""
    return [name for field in of_table(query) for name in _names(field, query)]


def _names(field: str, query: Query) -> list[str]:
    ranks = range(1, query.search.k + 1)
    if field == "words":
        return [f"{part_name}{i}" for i in ranks for part_name in ("word", "score")]
    if field == "ids":
        return [f"id{i}" for i in ranks]
    if field == "box":
        return ["x0", "y0", "x1", "y1"]
    if field == "value" and query.lens is not None and query.lens.kind is Colours:
        return ["value1", "value2", "value3"]
    if field == "null":
        return [f"null_{name}" for name in STANDING]
    return [field]


def cells(report: ImageReport) -> Iterator[list[Any]]:
    """The rows of a CSV table, as wide as `headings`; None for an empty cell."""
    query, rows = report.query, ReportRows(report)
    columns = [_column(report, rows, field, len(_names(field, query))) for field in of_table(query)]
    for parts in zip(*columns, strict=True):
        yield [cell for part in parts for cell in part]


def table_rows(results: Iterable[ReportOrFailure], query: Query) -> Iterator[list[Any]]:
    """The rows of a CSV table of several images; a failed image is one row with its error, where that is asked for."""
    names = headings(query)
    for result in results:
        if not isinstance(result, ImageFailure):
            yield from cells(result)
        elif "error" in names:
            failure_fields = {"image": result.name, "error": result.why}
            yield [failure_fields.get(name) for name in names]


def _column(report: ImageReport, rows: ReportRows, field: str, num_cells: int) -> list[list[Any]]:
    """The cells of one field [rows][wide]."""
    if num_cells == 1 and field in SIMPLE:
        return [[value] for value in simple(rows, field)]
    lists = _lists(report, rows, field)
    return [[*values, *[None] * (num_cells - len(values))] for values in lists]


def _lists(report: ImageReport, rows: ReportRows, field: str) -> list[list[Any]]:
    """The values of a field that is a list, row by row."""
    words = report.words
    match field:
        case "box":
            return [list(place.box or ()) for place in rows.places]
        case "patches":
            return [[" ".join(map(str, place.patches))] for place in rows.places]
        case "value" if report.values is not None:
            return [[float(number) for number in report.values.numbers[entry]] for entry in report.entries]
        case "words" if words is not None:
            row_words = rows.words()
            scores = [[score for _, score in words.at(row)] for row in range(len(rows))]
            return [
                [cell for pair in zip(*words_and_scores, strict=True) for cell in pair]
                for words_and_scores in zip(row_words, scores, strict=True)
            ]
        case "ids" if words is not None:
            return [[id_ for id_, _ in words.at(row)] for row in range(len(rows))]
        case "null" if words is not None and report.null is not None:
            standings = [report.null.of(words, row) for row in range(len(rows))]
            return [[getattr(standing, name) for name in STANDING] if standing else [] for standing in standings]
    return [[] for _ in rows.places]
