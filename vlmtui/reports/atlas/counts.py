"""Counts over all images: words by token and by image, and outliers by position.

Memory is bounded by the size of the vocabulary and by `MOST_POSITIONS` grid positions.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from vlmtui.display.norm_statistics import THRESHOLD
from vlmtui.display.outlier_positions import EntryKind, GridShape, PositionCounts
from vlmtui.reading import of_patches
from vlmtui.reports.atlas.tables import MOST_ID, NO_ROW, Ints, Marks, TableBlock, check_one_kind

MOST_POSITIONS = 1 << 22
"""Grid positions counted, over all grid shapes."""
MOST_FAILED = 1_000
"""Most failed images that are named."""


class WordCounts:
    """Counts by word id; the array grows with the largest id."""

    def __init__(self) -> None:
        self._counts = np.zeros(0, np.int64)

    def add(self, ids: Ints) -> None:
        """Add one for each id."""
        more = np.bincount(ids, minlength=len(self._counts))
        more[: len(self._counts)] += self._counts
        self._counts = more

    def of(self, id_: int) -> int:
        """The count of an id."""
        return int(self._counts[id_]) if id_ < len(self._counts) else 0

    @property
    def ranked(self) -> list[int]:
        """The ids counted, most frequent first, ties by lower id."""
        ids = np.flatnonzero(self._counts)
        return [int(id_) for id_ in ids[np.argsort(-self._counts[ids], kind="stable")]]


@dataclass
class AtlasCounts:
    """Counts of words and outliers over all images.

    `entries` counts image tokens (patches at a vision stage) without newline tokens, `with_words` those that have
    words. `first` and `among` count entries by their top-1 word and by any of their top-k words; `pictures_first` and
    `pictures_among` count images likewise. `some` counts images with rows missing; their positions are not counted, nor
    those of `unlike` images, whose grid shapes came after `MOST_POSITIONS` was reached.
    """

    model: str | None = None
    stage: str | None = None
    metric: str | None = None
    k: int = 0
    pictures: int = 0
    failed: int = 0
    failures: list[tuple[str, str]] = field(default_factory=list)
    some: int = 0
    unlike: int = 0
    entries: int = 0
    with_words: int = 0
    first: WordCounts = field(default_factory=WordCounts)
    among: WordCounts = field(default_factory=WordCounts)
    pictures_first: WordCounts = field(default_factory=WordCounts)
    pictures_among: WordCounts = field(default_factory=WordCounts)
    names: dict[int, tuple[str | None, str | None]] = field(default_factory=dict)
    tallies: dict[GridShape, PositionCounts] = field(default_factory=dict)
    _kinds: list[tuple[str | None, ...]] = field(default_factory=list)
    _room: int = MOST_POSITIONS

    def add(self, block: TableBlock) -> None:
        """Count the images of a block. Raises `UsageError` where they are of another model, stage or metric."""
        self._failures(block)
        there = ~block.failed
        if not there.any():
            return
        self._kinds = list(dict.fromkeys([*self._kinds, *block.kinds()]))
        check_one_kind(self._kinds)
        self.model, self.stage, self.metric = self._kinds[0]
        self.pictures += len(np.unique(block.picture[there]))
        counted = there & ~block.is_("kind", "newline")
        self.entries += int(counted.sum())
        self._words(block, counted)
        self._outliers(block, counted)

    @property
    def shapes(self) -> list[PositionCounts]:
        """Outlier counts of every grid shape, the most frequent shape first."""
        return sorted(self.tallies.values(), key=lambda tally: (-tally.pictures, tally.shape))

    def _failures(self, block: TableBlock) -> None:
        rows = np.flatnonzero(block.failed)
        self.failed += len(rows)
        for row in rows[: MOST_FAILED - len(self.failures)].tolist():
            of = block.at(row)
            self.failures.append((of["image"] or "", of["error"]))

    def _words(self, block: TableBlock, counted: Marks) -> None:
        told = block.told
        kept = counted[told.row]
        row, place, ids = told.row[kept], told.place[kept], told.ids[kept]
        if not len(ids):
            return
        first = place == 0
        self.k = max(self.k, int(place.max()) + 1)
        self.with_words += int(first.sum())
        self.first.add(ids[first])
        self.among.add(ids)
        self.pictures_first.add(_once(block.picture[row[first]], ids[first]))
        self.pictures_among.add(_once(block.picture[row], ids))
        distinct, where = np.unique(told.ids, return_index=True)
        new = np.array([id_ not in self.names for id_ in distinct.tolist()], bool)
        self.names |= dict(zip(distinct[new].tolist(), block.names(where[new]), strict=True))

    def _outliers(self, block: TableBlock, counted: Marks) -> None:
        whole = complete_images(block)
        self.some += int((~whole[np.unique(block.picture[counted])]).sum())
        placed = counted & whole[block.picture]
        z = block.number("z")
        wild = np.isnan(z) | (np.abs(z) > THRESHOLD)
        kind: EntryKind = "patch" if self.stage is not None and of_patches(self.stage) else "token"
        for shape, rows, at, view in grids_by_shape(block, placed):
            self._tally(GridShape(kind, *shape), at, wild[rows], block.picture[rows], view)
        queries = np.flatnonzero(placed & block.is_("kind", "query"))
        if len(queries):
            pictures, begin, counts = np.unique(block.picture[queries], return_index=True, return_counts=True)
            at = np.arange(len(queries)) - np.repeat(begin, counts)
            for count in np.unique(counts).tolist():
                mine = np.repeat(counts == count, counts)
                picture = np.repeat(pictures, counts)[mine]
                self._tally(GridShape("query", count, 1), at[mine], wild[queries[mine]], picture, picture)

    def _tally(self, shape: GridShape, at: Ints, wild: Marks, picture: Ints, view: Ints) -> None:
        pictures = len(np.unique(picture))
        if shape not in self.tallies:
            if shape.size > self._room:
                self.unlike += pictures
                return
            self._room -= shape.size
        tally = self.tallies.setdefault(shape, PositionCounts.of(shape))
        tally.counts += np.bincount(at[wild], minlength=shape.size)
        tally.there += np.bincount(at, minlength=shape.size)
        tally.pictures += pictures
        tally.views += len(np.unique(view))


def complete_images(block: TableBlock) -> Marks:
    """Which images of a block have all their rows, bool [images]: their indices are 0 … n - 1."""
    count = np.bincount(block.picture)
    most = np.full(len(count), NO_ROW)
    np.maximum.at(most, block.picture, block.whole("index"))
    return np.asarray(most == count - 1)


def grids_by_shape(block: TableBlock, placed: Marks) -> list[tuple[tuple[int, int], Ints, Ints, Ints]]:
    """The grids of a block by shape: (rows, columns), then for each entry its row in the block, its position in
    row-major order, and the index of its grid.

    The size of a grid is that of its last row and column with an entry.
    """
    rows = np.flatnonzero(placed & (block.whole("row") >= 0) & (block.whole("col") >= 0))
    if not len(rows):
        return []
    number = block.whole("grid")[rows]
    _, grid = np.unique(block.picture[rows] * (int(number.max()) + 2) + number, return_inverse=True)
    row, col = block.whole("row")[rows], block.whole("col")[rows]
    shape = np.zeros((int(grid.max()) + 1, 2), np.int64)
    np.maximum.at(shape, grid, np.stack([row, col], axis=1) + 1)
    found = []
    for size in np.unique(shape, axis=0).tolist():
        mine = (shape[grid] == size).all(axis=1)
        found.append(((size[0], size[1]), rows[mine], row[mine] * size[1] + col[mine], grid[mine]))
    return found


def _once(picture: Ints, ids: Ints) -> Ints:
    """Word ids without repetitions within an image."""
    return np.unique(picture * MOST_ID + ids) % MOST_ID
