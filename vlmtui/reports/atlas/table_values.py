"""Values of a table: those that no report has, as an edit by hand may leave, are named by row and column."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from vlmtui.display.pieces import plain
from vlmtui.errors import VlmtuiError

MOST_ID = 1 << 24
"""Upper bound of word ids: no vocabulary has so many rows."""

_FROM = {"width": 1, "height": 1, "index": 0, "grid": 0, "row": 0, "col": 0}
"""The smallest value of columns of integers."""
_FINITE = ("x0", "y0", "x1", "y1", "norm", "z")
_THERE = ("image", "width", "height", "model", "stage", "index", "kind")
"""Columns that are null only for an image that failed."""
_TEXTS = {
    "kind": re.compile("patch|newline|query"),
    "stage": re.compile(r"tokens|pixels|(?:vision|llm)\.\d{1,4}"),
}
_IDS = "words.id"

_Marks = NDArray[np.bool_]


def check_values(rows: pa.RecordBatch, name: str, before: int) -> None:
    """Raise `VlmtuiError` for the first value that no report has, among these rows of the file `name`.

    `before` is how many rows of the file come before them. Columns that are not there are not checked.
    """
    if not len(rows):
        return
    failed = np.asarray(pc.is_valid(rows["error"]))
    found = [(int(np.argmax(wrong)), column) for column, wrong in _wrong(rows, failed) if wrong.any()]
    if not found:
        return
    row, column = min(found, key=lambda one: one[0])
    if column == _IDS:
        value = next(one["id"].as_py() for one in rows["words"][row] if _no_id(one["id"].as_py()))
    else:
        value = rows[column][row].as_py()
    raise VlmtuiError(
        f"{plain(name)} has {_shown(value)} as {column} in row {before + row + 1:,}, which no report has: write the "
        "table again with vlmtui report"
    )


def _wrong(rows: pa.RecordBatch, failed: _Marks) -> Iterator[tuple[str, _Marks]]:
    """For each column which of the rows are wrong, bool [rows]."""
    for column in rows.schema.names:
        values = rows[column]
        wrong = np.zeros(len(rows), bool)
        if column in _THERE and values.null_count:
            wrong |= np.asarray(pc.is_null(values)) & ~failed
        if column in _FROM:
            wrong |= filled(values, _FROM[column]) < _FROM[column]
        elif column in _FINITE:
            numbers = filled(values, 0.0)
            wrong |= ~np.isfinite(numbers)
            if column == "norm":
                wrong |= numbers < 0
        elif column in _TEXTS:
            wrong |= _unlike(values, _TEXTS[column])
        elif column == "words":
            yield _IDS, _wrong_ids(values)
            continue
        yield column, wrong


def filled(column: pa.Array | pa.ChunkedArray, value: float) -> NDArray[Any]:
    """Numbers with a value for null."""
    return np.asarray(column if not column.null_count else pc.fill_null(column, value))


def _true(marks: pa.Array) -> _Marks:
    return np.asarray(pc.fill_null(marks, False))


def _unlike(values: pa.Array, pattern: re.Pattern[str]) -> _Marks:
    """The texts that a pattern does not match; each distinct one is looked at once."""
    if not pa.types.is_dictionary(values.type):
        values = pc.dictionary_encode(values)
    unlike = [one is None or pattern.fullmatch(one) is None for one in values.dictionary.to_pylist()]
    if not any(unlike):
        return np.zeros(len(values), bool)
    return np.asarray(pc.fill_null(pc.take(pa.array(unlike), values.indices), False))


def _wrong_ids(words: pa.Array) -> _Marks:
    """The rows with a word whose id is null, negative or beyond every vocabulary."""
    ids = pc.struct_field(pc.list_flatten(words), "id")
    wrong = np.zeros(len(words), bool)
    span = pc.min_max(ids)
    if len(ids) and (ids.null_count or span["min"].as_py() < 0 or span["max"].as_py() >= MOST_ID):
        bad = ~_true(pc.and_(pc.greater_equal(ids, 0), pc.less(ids, MOST_ID)))
        wrong[np.asarray(pc.list_parent_indices(words))[bad]] = True
    return wrong


def _no_id(value: int | None) -> bool:
    return value is None or not 0 <= value < MOST_ID


def _shown(value: str | float | None) -> str:
    """A value for a sentence."""
    return "null" if value is None else plain(str(value)[:60])
