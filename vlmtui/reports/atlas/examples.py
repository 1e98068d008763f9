"""Maps and top patches of the words chosen, from a second pass over the tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from vlmtui.display.pieces import visible
from vlmtui.reports.atlas.counts import AtlasCounts, complete_images, grids_by_shape
from vlmtui.reports.atlas.tables import Floats, Ints, Marks, TableBlock

RANKING = "patches with the word as top-1 first, then those with it second, and so on; within a rank by its score"
"""How patches are ranked. By the score alone, l2 would rank the patches of smallest norm first for every word."""
SIDE = 8
"""Rows and columns of the maps, whatever the size of the grids."""


@dataclass(frozen=True)
class PatchExample:
    """One entry of an image with a word: the word's rank among the entry's own words, from 0, and its score there."""

    place: int
    score: float
    order: int
    row: dict[str, Any]

    @property
    def rank(self) -> tuple[int, float, int]:
        """Sort key of top patches: see `RANKING`."""
        return self.place, -self.score, self.order

    @property
    def box(self) -> tuple[float, float, float, float] | None:
        """The box in pixels of the image; None for an entry without one."""
        corners = [self.row[name] for name in ("x0", "y0", "x1", "y1")]
        return None if any(corner is None for corner in corners) else tuple(map(float, corners))  # type: ignore[return-value]


@dataclass
class WordExamples:
    """A word with its map and top patches: one of the most frequent, or, with `sought`, one asked for in any spelling.

    `shares` float64 [SIDE, SIDE] is the share of patches in each square that have it as top-1, or for a word asked for
    among their top-k. `patches` are its top patches, ranked by `RANKING`.
    """

    ids: tuple[int, ...]
    sought: str | None = None
    patches: list[PatchExample] = field(default_factory=list)
    _word_weights: Floats = field(default_factory=lambda: np.zeros(SIDE * SIDE))
    _all_weights: Floats = field(default_factory=lambda: np.zeros(SIDE * SIDE))

    @property
    def shares(self) -> Floats:
        """The map [SIDE, SIDE], NaN where there is no patch."""
        with np.errstate(invalid="ignore"):
            shares = np.where(self._all_weights > 0, self._word_weights / self._all_weights, np.nan)
        return np.asarray(shares.reshape(SIDE, SIDE))

    def add_to_map(self, word_weights: Floats, all_weights: Floats) -> None:
        """Add patches to the map: weights of those with the word, and of all, both [squares]."""
        self._word_weights += word_weights
        self._all_weights += all_weights

    def add_patches(
        self, places: Ints, scores: Floats, rows: Ints, block: TableBlock, first_row: int, max_patches: int
    ) -> None:
        """Keep the top `max_patches` patches including a block's rows; `first_row` is the number of rows before it."""
        mask = np.isfinite(scores)
        if len(self.patches) == max_patches > 0:
            last = self.patches[-1]
            mask &= (places < last.place) | ((places == last.place) & (scores > last.score))
        places, scores, rows = places[mask], scores[mask], rows[mask]
        best = np.lexsort((rows, -scores, places))[:max_patches]
        new_patches = [
            PatchExample(int(places[i]), float(scores[i]), first_row + int(rows[i]), block.at(int(rows[i])))
            for i in best
        ]
        self.patches = sorted([*self.patches, *new_patches], key=lambda example: example.rank)[:max_patches]


@dataclass
class ChosenWords:
    """The words chosen: the most frequent ones, and those asked for."""

    most_frequent: list[WordExamples]
    sought: list[WordExamples]


def choose_words(counts: AtlasCounts, k: int, words: Sequence[str]) -> ChosenWords:
    """Choose the k words that are top-1 most often, and those asked for."""
    sought = []
    for word in words:
        folded = _folded(word)
        ids = tuple(
            id_
            for id_, (piece, text) in counts.names.items()
            if folded in (_folded(text), _folded(visible(piece, text))) or word == piece
        )
        sought.append(WordExamples(tuple(sorted(ids)), word))
    return ChosenWords([WordExamples((id_,)) for id_ in counts.first.ranked[:k]], sought)


def collect_examples(words: ChosenWords, blocks: Iterable[TableBlock], max_patches: int) -> None:
    """Fill in the map and the top `max_patches` patches of every word chosen."""
    first_row = 0
    for block in blocks:
        is_counted = ~block.failed & ~block.is_("kind", "newline")
        word_table = block.words
        mask = is_counted[word_table.row]
        row, place, ids, scores = (
            word_table.row[mask],
            word_table.place[mask],
            word_table.ids[mask],
            word_table.scores[mask],
        )
        weights = _weights(block, is_counted)
        total_weights = weights.sum(axis=0)
        size = int(ids.max()) + 1 if len(ids) else 0
        index_of_id = np.full(size, -1)
        for i, word in enumerate(words.most_frequent):
            if word.ids[0] < size:
                index_of_id[word.ids[0]] = i
        word_index = index_of_id[ids]
        order = np.argsort(word_index, kind="stable")
        bounds = np.searchsorted(word_index[order], np.arange(len(words.most_frequent) + 1))
        for i, word in enumerate(words.most_frequent):
            matches = order[bounds[i] : bounds[i + 1]]
            first = matches[place[matches] == 0]
            word.add_to_map(weights[row[first]].sum(axis=0), total_weights)
            word.add_patches(place[matches], scores[matches], row[matches], block, first_row, max_patches)
        for word in words.sought:
            matches = np.flatnonzero(np.isin(ids, word.ids))
            # for a row with several spellings, the first
            rows, first_matches = np.unique(row[matches], return_index=True)
            matches = matches[first_matches]
            word.add_to_map(weights[rows].sum(axis=0), total_weights)
            word.add_patches(place[matches], scores[matches], rows, block, first_row, max_patches)
        first_row += len(block)


def _weights(block: TableBlock, is_counted: Marks) -> Floats:
    """The share of every row's grid cell in each of SIDE × SIDE squares, float64 [rows, squares].

    The shares of a cell sum to one; they are zero for rows without a position, and for images with rows missing.
    """
    weights = np.zeros((len(block), SIDE * SIDE))
    for (num_rows, num_columns), rows, positions, _ in grids_by_shape(
        block, is_counted & complete_images(block)[block.picture]
    ):
        row_shares, column_shares = (
            _parts(positions // num_columns, num_rows),
            _parts(positions % num_columns, num_columns),
        )
        weights[rows] = (row_shares[:, :, None] * column_shares[:, None, :]).reshape(len(rows), SIDE * SIDE)
    return weights


def _parts(cell: Ints, count: int) -> Floats:
    """The share of each cell, of `count` along a side, in each of `SIDE` equal intervals [cells, SIDE]."""
    squares = np.arange(SIDE + 1) / SIDE
    ends = np.minimum((cell[:, None] + 1) / count, squares[None, 1:])
    begins = np.maximum(cell[:, None] / count, squares[None, :-1])
    return np.asarray(np.clip(ends - begins, 0, None) * count)


def _folded(word: str | None) -> str:
    return " ".join((word or "").split()).casefold()
