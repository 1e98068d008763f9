"""Maps and top patches of the words chosen, from a second pass over the tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from vlmtui.display.pieces import visible
from vlmtui.reports.atlas.counts import AtlasCounts, complete_images, grids_by_shape
from vlmtui.reports.atlas.tables import Floats, Ints, Marks, TableBlock

RANKING = "those that have it first, then those that have it second, and so on; among these by its score"
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

    `said` float64 [SIDE, SIDE] is the share of patches in each square that have it as top-1, or for a word asked for
    among their top-k. `patches` are its top patches, ranked by `RANKING`.
    """

    ids: tuple[int, ...]
    sought: str | None = None
    patches: list[PatchExample] = field(default_factory=list)
    _said: Floats = field(default_factory=lambda: np.zeros(SIDE * SIDE))
    _there: Floats = field(default_factory=lambda: np.zeros(SIDE * SIDE))

    @property
    def said(self) -> Floats:
        """The map [SIDE, SIDE], NaN where there is no patch."""
        with np.errstate(invalid="ignore"):
            shares = np.where(self._there > 0, self._said / self._there, np.nan)
        return np.asarray(shares.reshape(SIDE, SIDE))

    def lay(self, said: Floats, there: Floats) -> None:
        """Add patches to the map: weights of those with the word, and of all, both [squares]."""
        self._said += said
        self._there += there

    def take(self, places: Ints, scores: Floats, rows: Ints, block: TableBlock, before: int, most: int) -> None:
        """Keep the top `most` patches including a block's rows; `before` is the number of rows before the block."""
        kept = np.isfinite(scores)
        if len(self.patches) == most > 0:
            last = self.patches[-1]
            kept &= (places < last.place) | ((places == last.place) & (scores > last.score))
        places, scores, rows = places[kept], scores[kept], rows[kept]
        best = np.lexsort((rows, -scores, places))[:most]
        found = [
            PatchExample(int(places[i]), float(scores[i]), before + int(rows[i]), block.at(int(rows[i]))) for i in best
        ]
        self.patches = sorted([*self.patches, *found], key=lambda one: one.rank)[:most]


@dataclass
class ChosenWords:
    """The words chosen: the most frequent ones, and those asked for."""

    most_said: list[WordExamples]
    sought: list[WordExamples]


def choose_words(counted: AtlasCounts, k: int, words: Sequence[str]) -> ChosenWords:
    """Choose the k words that are top-1 most often, and those asked for."""
    sought = []
    for word in words:
        wanted = _folded(word)
        ids = tuple(
            id_
            for id_, (piece, text) in counted.names.items()
            if wanted in (_folded(text), _folded(visible(piece, text))) or word == piece
        )
        sought.append(WordExamples(tuple(sorted(ids)), word))
    return ChosenWords([WordExamples((id_,)) for id_ in counted.first.ranked[:k]], sought)


def collect_examples(found: ChosenWords, blocks: Iterable[TableBlock], most: int) -> None:
    """Fill in the map and the top `most` patches of every word chosen."""
    before = 0
    for block in blocks:
        counted = ~block.failed & ~block.is_("kind", "newline")
        told = block.told
        kept = counted[told.row]
        row, place, ids, scores = told.row[kept], told.place[kept], told.ids[kept], told.scores[kept]
        weights = _weights(block, counted)
        everywhere = weights.sum(axis=0)
        size = int(ids.max()) + 1 if len(ids) else 0
        number = np.full(size, -1)
        for i, chosen in enumerate(found.most_said):
            if chosen.ids[0] < size:
                number[chosen.ids[0]] = i
        which = number[ids]
        order = np.argsort(which, kind="stable")
        cuts = np.searchsorted(which[order], np.arange(len(found.most_said) + 1))
        for i, chosen in enumerate(found.most_said):
            mine = order[cuts[i] : cuts[i + 1]]
            first = mine[place[mine] == 0]
            chosen.lay(weights[row[first]].sum(axis=0), everywhere)
            chosen.take(place[mine], scores[mine], row[mine], block, before, most)
        for chosen in found.sought:
            mine = np.flatnonzero(np.isin(ids, chosen.ids))
            rows, at = np.unique(row[mine], return_index=True)  # for a row with several spellings, the first
            mine = mine[at]
            chosen.lay(weights[rows].sum(axis=0), everywhere)
            chosen.take(place[mine], scores[mine], rows, block, before, most)
        before += len(block)


def _weights(block: TableBlock, counted: Marks) -> Floats:
    """The share of every row's grid cell in each of SIDE × SIDE squares, float64 [rows, squares].

    The shares of a cell sum to one; they are zero for rows without a position, and for images with rows missing.
    """
    weights = np.zeros((len(block), SIDE * SIDE))
    for (down, across), rows, at, _ in grids_by_shape(block, counted & complete_images(block)[block.picture]):
        tall, wide = _parts(at // across, down), _parts(at % across, across)
        weights[rows] = (tall[:, :, None] * wide[:, None, :]).reshape(len(rows), SIDE * SIDE)
    return weights


def _parts(cell: Ints, count: int) -> Floats:
    """The share of each cell, of `count` along a side, in each of `SIDE` equal intervals [cells, SIDE]."""
    squares = np.arange(SIDE + 1) / SIDE
    ends = np.minimum((cell[:, None] + 1) / count, squares[None, 1:])
    begins = np.maximum(cell[:, None] / count, squares[None, :-1])
    return np.asarray(np.clip(ends - begins, 0, None) * count)


def _folded(word: str | None) -> str:
    return " ".join((word or "").split()).casefold()
