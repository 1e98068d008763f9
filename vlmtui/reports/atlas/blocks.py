"""Blocks of an atlas's tables: their columns as arrays, their images and grids."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from vlmtui.reports.atlas.table_values import filled

NO_ROW = -1

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Marks = NDArray[np.bool_]


@dataclass(frozen=True)
class TableFilter:
    """The model, stage and metric to keep, of tables with several; None keeps all."""

    model: str | None = None
    stage: str | None = None
    metric: str | None = None


@dataclass(frozen=True)
class BlockWords:
    """All words of a block's rows: how many each row has, int64 [rows], and their ids, int64 [words]."""

    lengths: Ints
    ids: Ints

    def places(self, at: Ints) -> tuple[Ints, Ints]:
        """Rows, and ranks in the row, of the words at these indices of `ids`."""
        row = np.repeat(np.arange(len(self.lengths)), self.lengths)[at]
        return row, at - (np.cumsum(self.lengths) - self.lengths)[row]


class TableBlock:
    """Rows of a table, with all rows of each image; `numbers` are those of its rows among all rows of all tables.

    It has the columns that it was read with.
    """

    def __init__(self, rows: pa.Table, name: str, numbers: Ints, starts: Ints | None = None) -> None:
        self._rows, self._name = rows.unify_dictionaries().combine_chunks(), name
        self.numbers = numbers
        self.starts = np.flatnonzero(image_starts(self._rows)) if starts is None else starts
        """The first row of each image, int64 [images]."""

    def __len__(self) -> int:
        return int(self._rows.num_rows)

    def filtered(self, which: TableFilter) -> TableBlock:
        """The rows that a filter keeps, and those of failed images."""
        keep = np.ones(len(self), bool)
        for column, wanted in (("model", which.model), ("stage", which.stage), ("metric", which.metric)):
            if wanted is not None:
                keep &= self.is_(column, wanted) | self.failed
        return self if keep.all() else TableBlock(self._rows.filter(pa.array(keep)), self._name, self.numbers[keep])

    @cached_property
    def picture(self) -> Ints:
        """The index of each row's image, int64 [rows]."""
        return np.repeat(np.arange(len(self.starts)), np.diff(self.starts, append=len(self)))

    @cached_property
    def complete(self) -> Marks:
        """Which images have all their rows, bool [images]: their indices are 0 … n - 1."""
        if not len(self):
            return np.zeros(0, bool)
        largest_index = np.maximum.reduceat(self.whole("index"), self.starts)
        return np.asarray(largest_index == np.diff(self.starts, append=len(self)) - 1)

    @cached_property
    def failed(self) -> Marks:
        """Rows that hold the error of a failed image, bool [rows]."""
        return np.asarray(pc.is_valid(self._rows["error"]))

    @cached_property
    def counted(self) -> Marks:
        """Rows of entries that are counted: not those of failed images, nor newline tokens, bool [rows]."""
        return ~self.failed & ~self.is_("kind", "newline")

    @cached_property
    def placed(self) -> Marks:
        """Rows of entries whose positions are counted: of images that have all their rows, bool [rows]."""
        return self.counted & self.complete[self.picture]

    @cached_property
    def grids(self) -> list[tuple[tuple[int, int], Ints, Ints, Ints]]:
        """The grids by shape: (rows, columns), then for each placed entry its row in the block, its position in
        row-major order, and the index of its grid, in order of image and grid.

        The size of a grid is that of its last row and column with an entry.
        """
        row, col = self.whole("row"), self.whole("col")
        rows = np.flatnonzero(self.placed & (row >= 0) & (col >= 0))
        if not len(rows):
            return []
        numbers = self.whole("grid")[rows]
        key = self.picture[rows] * (int(numbers.max()) + 2) + numbers
        if (key[1:] < key[:-1]).any():  # as vlmtui writes them, grids follow each other
            order = np.argsort(key, kind="stable")
            rows, key = rows[order], key[order]
        starts = np.flatnonzero(np.concatenate([[True], key[1:] != key[:-1]]))
        grid = np.repeat(np.arange(len(starts)), np.diff(starts, append=len(key)))
        row, col = row[rows], col[rows]
        sizes = np.stack([np.maximum.reduceat(side, starts) + 1 for side in (row, col)], axis=1)
        if (sizes == sizes[0]).all():
            return [((int(sizes[0, 0]), int(sizes[0, 1])), rows, row * sizes[0, 1] + col, grid)]
        grids = []
        for size in np.unique(sizes, axis=0).tolist():
            matches = (sizes == size).all(axis=1)[grid]
            grids.append(((size[0], size[1]), rows[matches], row[matches] * size[1] + col[matches], grid[matches]))
        return grids

    def whole(self, column: str) -> Ints:
        """A column of integers, `NO_ROW` for null."""
        return filled(self._rows[column], NO_ROW).astype(np.int64)

    def number(self, column: str) -> Floats:
        """A column of floats, NaN for null."""
        return np.asarray(pc.cast(self._rows[column], pa.float64()).to_numpy())

    def is_(self, column: str, value: str) -> Marks:
        """Rows where a column of texts has a value, bool [rows]."""
        array = _coded(self._rows[column])
        values = array.dictionary.to_pylist()
        return np.asarray(filled(array.indices, NO_ROW) == (values.index(value) if value in values else len(values)))

    def kinds(self) -> list[tuple[str | None, ...]]:
        """The combinations of model, stage and metric that occur."""
        first = self.starts[~self.failed[self.starts]]
        columns = [_coded(self._rows[name]) for name in ("model", "stage", "metric")]
        codes = zip(*(filled(column.indices, NO_ROW)[first].tolist() for column in columns), strict=True)
        texts = [[*column.dictionary.to_pylist(), None] for column in columns]  # the code of null is -1
        return [tuple(map(list.__getitem__, texts, combination)) for combination in dict.fromkeys(codes)]

    def at(self, row: int) -> dict[str, Any]:
        """A row as a dictionary, without its words."""
        return {name: self._rows[name][row].as_py() for name in self._rows.column_names if name != "words"}

    @cached_property
    def _column(self) -> pa.Array:
        return self._rows["words"].combine_chunks()

    @cached_property
    def _flat(self) -> pa.Array:
        """All words, as structs."""
        return pc.list_flatten(self._column)

    @cached_property
    def words(self) -> BlockWords:
        """All words."""
        column = self._column
        lengths = np.asarray(pc.fill_null(pc.list_value_length(column), 0)).astype(np.int64)
        ids = filled(pc.struct_field(self._flat, "id"), NO_ROW).astype(np.int64, copy=False)
        return BlockWords(lengths, ids)

    @cached_property
    def scores(self) -> Floats:
        """The scores of all words, float64 [words]."""
        return np.asarray(pc.cast(pc.struct_field(self._flat, "score"), pa.float64()).to_numpy())

    def names(self, at: Ints) -> Iterator[tuple[str | None, str | None]]:
        """Piece and text of the words at these indices of `words`."""
        some = self._flat.take(pa.array(at))
        yield from zip(
            pc.struct_field(some, "piece").to_pylist(), pc.struct_field(some, "text").to_pylist(), strict=True
        )


def image_starts(rows: pa.Table) -> Marks:
    """Rows that begin an image, bool [rows]: the image changes, or its index starts over."""
    first = np.ones(len(rows), bool)
    if len(rows) > 1:
        other = np.zeros(len(rows) - 1, bool)
        for name in ("image", "model", "stage"):
            codes = filled(_coded(rows[name]).indices, NO_ROW)
            other |= codes[1:] != codes[:-1]
        index = filled(rows["index"], NO_ROW)
        first[1:] = other | (index[1:] <= index[:-1])
    return first


def _coded(column: pa.ChunkedArray) -> pa.DictionaryArray:
    """A column of texts as one array of codes, in which each text has one."""
    if not pa.types.is_dictionary(column.type):
        column = pc.dictionary_encode(column)
    return column.unify_dictionaries().combine_chunks()


def num_distinct(ordered: Ints) -> int:
    """How many distinct values there are, where equal ones follow each other."""
    return int(np.count_nonzero(np.diff(ordered))) + 1 if len(ordered) else 0
