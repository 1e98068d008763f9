"""Counts over all images: words by token and by image, and outliers by position.

Memory is bounded by the size of the vocabulary and by `MOST_POSITIONS` grid positions.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from vlmtui.display.norm_statistics import THRESHOLD
from vlmtui.display.outlier_positions import EntryKind, GridShape, PositionCounts
from vlmtui.reading import of_patches
from vlmtui.reports.atlas.blocks import Ints, Marks, TableBlock, num_distinct
from vlmtui.reports.atlas.table_values import MOST_ID
from vlmtui.reports.atlas.tables import check_one_kind

MOST_POSITIONS = 1 << 22
"""Grid positions counted, over all grid shapes."""
_MOST_MARKS = 1 << 26
MOST_FAILED = 1_000
"""Most failed images that are named."""


class WordCounts:
    """Counts by word id; the array grows with the largest id."""

    def __init__(self) -> None:
        self._counts = np.zeros(0, np.int64)

    def add(self, counts: Ints) -> None:
        """Add counts by id, int64 [ids]."""
        if len(counts) > len(self._counts):
            self._counts = np.concatenate([self._counts, np.zeros(len(counts) - len(self._counts), np.int64)])
        self._counts[: len(counts)] += counts

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
    `pictures_among` count images likewise. `incomplete` counts images with rows missing; their positions are not
    counted, nor those of `uncounted` images, whose grid shapes came after `MOST_POSITIONS` was reached.
    """

    model: str | None = None
    stage: str | None = None
    metric: str | None = None
    k: int = 0
    pictures: int = 0
    failed: int = 0
    failures: list[tuple[str, str]] = field(default_factory=list)
    incomplete: int = 0
    uncounted: int = 0
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

    def add(self, block: TableBlock, named: bool = True) -> None:
        """Count the images of a block; `named`: keep the names of its words, which it must have been read with.

        Raises `UsageError` where they are of another model, stage or metric.
        """
        self._failures(block)
        is_read = ~block.failed
        if not is_read.any():
            return
        self._kinds = list(dict.fromkeys([*self._kinds, *block.kinds()]))
        check_one_kind(self._kinds)
        self.model, self.stage, self.metric = self._kinds[0]
        self.pictures += num_distinct(block.picture[is_read])
        self.entries += int(block.counted.sum())
        self._words(block, named)
        self._outliers(block)

    @property
    def shapes(self) -> list[PositionCounts]:
        """Outlier counts of every grid shape, the most frequent shape first."""
        return sorted(self.tallies.values(), key=lambda tally: (-tally.pictures, tally.shape))

    def _failures(self, block: TableBlock) -> None:
        rows = np.flatnonzero(block.failed)
        self.failed += len(rows)
        for row in rows[: MOST_FAILED - len(self.failures)].tolist():
            failed_row = block.at(row)
            self.failures.append((failed_row["image"] or "", failed_row["error"]))

    def add_names(self, block: TableBlock, wanted: Iterable[int] | None = None) -> None:
        """Keep the names of a block's words, or of the `wanted` ones, where they are not known yet."""
        ids = block.words.ids
        if not len(ids):
            return
        is_new = np.ones(int(ids.max()) + 1, bool)
        if wanted is not None:
            is_new[:] = False
            is_new[[id_ for id_ in wanted if id_ < len(is_new)]] = True
        is_new[[id_ for id_ in self.names if id_ < len(is_new)]] = False
        matches = np.flatnonzero(is_new[ids])
        distinct, first = np.unique(ids[matches], return_index=True)
        self.names |= dict(zip(distinct.tolist(), block.names(matches[first]), strict=True))

    def _words(self, block: TableBlock, named: bool) -> None:
        if named:
            self.add_names(block)
        ids, lengths = block.words.ids, block.words.lengths
        if not block.counted.all():
            ids, lengths = ids[np.repeat(block.counted, lengths)], np.where(block.counted, lengths, 0)
        if not len(ids):
            return
        has_words = lengths > 0
        first = ids[(np.cumsum(lengths) - lengths)[has_words]]
        self.k = max(self.k, int(lengths.max()))
        self.with_words += len(first)
        for ids_, per_row, by_entry, by_picture in (
            (first, has_words, self.first, self.pictures_first),
            (ids, lengths, self.among, self.pictures_among),
        ):
            counts = np.bincount(ids_)
            by_entry.add(counts)
            by_picture.add(_pictures_with(ids_, np.add.reduceat(per_row, block.starts, dtype=np.int64), counts))

    def _outliers(self, block: TableBlock) -> None:
        has_entries = np.zeros(len(block.starts), bool)
        has_entries[block.picture[block.counted]] = True
        self.incomplete += int((has_entries & ~block.complete).sum())
        z = block.number("z")
        is_outlier = np.isnan(z) | (np.abs(z) > THRESHOLD)
        kind: EntryKind = "patch" if self.stage is not None and of_patches(self.stage) else "token"
        for shape, rows, positions, views in block.grids:
            self._tally(GridShape(kind, *shape), positions, is_outlier[rows], block.picture[rows], views)
        queries = np.flatnonzero(block.placed & block.is_("kind", "query"))
        if len(queries):
            pictures, begin, counts = np.unique(block.picture[queries], return_index=True, return_counts=True)
            positions = np.arange(len(queries)) - np.repeat(begin, counts)
            for count in np.unique(counts).tolist():
                matches = np.repeat(counts == count, counts)
                picture = np.repeat(pictures, counts)[matches]
                self._tally(
                    GridShape("query", count, 1), positions[matches], is_outlier[queries[matches]], picture, picture
                )

    def _tally(self, shape: GridShape, positions: Ints, is_outlier: Marks, picture: Ints, view: Ints) -> None:
        pictures = num_distinct(picture)
        if shape not in self.tallies:
            if shape.size > self._room:
                self.uncounted += pictures
                return
            self._room -= shape.size
        tally = self.tallies.setdefault(shape, PositionCounts.of(shape))
        tally.counts += np.bincount(positions[is_outlier], minlength=shape.size)
        tally.there += np.bincount(positions, minlength=shape.size)
        tally.pictures += pictures
        tally.views += num_distinct(view)


def _pictures_with(ids: Ints, per_picture: Ints, counts: Ints) -> Ints:
    """In how many images each id is, int64 [ids], of words in order of their images: `per_picture` is how many words
    each image has, `counts` how many each id has."""
    pictures, distinct = np.arange(len(per_picture)), np.flatnonzero(counts)
    if len(pictures) * len(distinct) > _MOST_MARKS:
        once = np.unique(np.repeat(pictures, per_picture) * MOST_ID + ids) % MOST_ID
        return np.bincount(once, minlength=len(counts))
    # a mark for each image and id, where sorting would take ten times as long
    code = np.zeros(len(counts), np.int64)
    code[distinct] = np.arange(len(distinct))
    at = np.repeat(pictures * len(distinct), per_picture)
    at += code[ids]
    marks = np.zeros(len(pictures) * len(distinct), np.uint8)
    marks[at] = 1
    found = np.zeros(len(counts), np.int64)
    found[distinct] = marks.reshape(len(pictures), -1).sum(axis=0, dtype=np.min_scalar_type(len(pictures)))
    return found
