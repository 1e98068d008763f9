"""Maps and top patches of the words chosen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import islice
from typing import Any

import numpy as np

from vlmtui.display.pieces import fold, fold_name, visible
from vlmtui.reports.atlas.blocks import Floats, Ints, TableBlock, num_distinct
from vlmtui.reports.atlas.counts import AtlasCounts
from vlmtui.reports.atlas.table_values import MOST_ID
from vlmtui.reports.atlas.tables import rows_at

RANKING = "patches with the word as top-1 first, then those with it second, and so on; within a rank by its score"
"""How patches are ranked. By the score alone, l2 would rank the patches of smallest norm first for every word."""
SIDE = 8
"""Rows and columns of the maps, whatever the size of the grids."""
_MORE = 12
"""Likely words beyond those that will be chosen: ranks in a sample are not those of all."""


@dataclass
class PatchExample:
    """One entry of an image with a word: the word's rank among the entry's own words, from 0, and its score there.

    `number` is that of its row among all rows of all tables; `row` holds the row's columns, once all tables are read.
    """

    place: int
    score: float
    number: int
    row: dict[str, Any] = field(default_factory=dict)

    @property
    def rank(self) -> tuple[int, float, int]:
        """Sort key of top patches: see `RANKING`."""
        return self.place, -self.score, self.number

    @property
    def box(self) -> tuple[float, float, float, float] | None:
        """The box in pixels of the image; None for an entry without one."""
        corners = [self.row[name] for name in ("x0", "y0", "x1", "y1")]
        return None if any(corner is None for corner in corners) else tuple(map(float, corners))  # type: ignore[return-value]


@dataclass
class WordExamples:
    """A word with its map and top patches: one of the most frequent, or, with `sought`, one asked for in any spelling.

    `ids` are its spellings, the most frequent first for one of the most frequent words. `first` and `among` count
    entries that have any of them as top-1 and among their words, `pictures_first` and `pictures_among` images.
    `shares` float64 [SIDE, SIDE] is the share of patches in each square that have it as top-1, or for a word asked for
    among their top-k. `patches` are its top patches, ranked by `RANKING`.
    """

    ids: tuple[int, ...]
    sought: str | None = None
    patches: list[PatchExample] = field(default_factory=list)
    first: int = 0
    among: int = 0
    pictures_first: int = 0
    pictures_among: int = 0
    _word_weights: Floats = field(default_factory=lambda: np.zeros(SIDE * SIDE))
    _all_weights: Floats = field(default_factory=lambda: np.zeros(SIDE * SIDE))

    @property
    def shares(self) -> Floats:
        """The map [SIDE, SIDE], NaN where there is no patch."""
        with np.errstate(invalid="ignore"):
            shares = np.where(self._all_weights > 0, self._word_weights / self._all_weights, np.nan)
        return np.asarray(shares.reshape(SIDE, SIDE))

    def count(self, first: Ints, among: Ints) -> None:
        """Count entries: the images, in order, of those with the word as top-1, and of those that have it at all."""
        self.first += len(first)
        self.among += len(among)
        self.pictures_first += num_distinct(first)
        self.pictures_among += num_distinct(among)

    def add_to_map(self, word_weights: Floats, all_weights: Floats) -> None:
        """Add patches to the map: weights of those with the word, and of all, both [squares]."""
        self._word_weights += word_weights
        self._all_weights += all_weights

    def add_patches(self, places: Ints, scores: Floats, numbers: Ints, max_patches: int) -> None:
        """Keep the top `max_patches` patches including these, in rows of these numbers."""
        mask = np.isfinite(scores)
        if len(self.patches) == max_patches > 0:
            last = self.patches[-1]
            mask &= (places < last.place) | ((places == last.place) & (scores > last.score))
        if not mask.any():
            return
        places, scores, numbers = places[mask], scores[mask], numbers[mask]
        best = np.lexsort((numbers, -scores, places))[:max_patches]
        new_patches = [PatchExample(int(places[i]), float(scores[i]), int(numbers[i])) for i in best]
        self.patches = sorted([*self.patches, *new_patches], key=lambda example: example.rank)[:max_patches]


@dataclass
class ChosenWords:
    """The words chosen: the most frequent ones, and those asked for."""

    most_frequent: list[WordExamples]
    sought: list[WordExamples]


def choose_words(counts: AtlasCounts, k: int, words: Sequence[str], folds: bool = False) -> ChosenWords:
    """Choose the k words that are top-1 most often, and those asked for.

    With `folds`, for which all names must be known, the spellings of a word are one; else each is a word of its own.
    """
    sought = [
        WordExamples(tuple(sorted(id_ for id_, name in counts.names.items() if _is_spelling(word, id_, *name))), word)
        for word in words
    ]
    most_frequent = _folded(counts) if folds else [(id_,) for id_ in counts.first.ranked]
    return ChosenWords([WordExamples(ids) for ids in most_frequent[:k]], sought)


def _is_spelling(word: str, id_: int, piece: str | None, text: str | None) -> bool:
    """Whether a row of the vocabulary is meant by a word that is asked for."""
    return fold_name(id_, piece, text) == fold(visible(None, " ".join(word.split()))) or word == piece


def _folded(counts: AtlasCounts) -> list[tuple[int, ...]]:
    """The spellings of every word that is top-1, the most frequent one first; words in order of frequency, ties by the
    lower id of that spelling."""
    spelled: dict[str, list[int]] = {}
    for id_, (piece, text) in counts.names.items():
        spelled.setdefault(fold_name(id_, piece, text), []).append(id_)
    words = [tuple(sorted(ids, key=lambda id_: (-counts.first.of(id_), id_))) for ids in spelled.values()]
    total = {ids: sum(map(counts.first.of, ids)) for ids in words}
    return sorted((ids for ids in words if total[ids]), key=lambda ids: (-total[ids], ids[0]))


class ExampleCollector:
    """Counts words, and finds the map of each and its top `max_patches` patches, without the columns of their rows."""

    def __init__(self, words: Sequence[WordExamples], max_patches: int) -> None:
        self._words, self._max_patches = words, max_patches
        self._is_chosen = np.zeros(MOST_ID, bool)
        self._is_chosen[[id_ for word in words for id_ in word.ids]] = True

    def add_spelling(self, word: WordExamples, id_: int) -> None:
        """Make an id that no block had so far a spelling of one of the words."""
        word.ids = *word.ids, id_
        self._is_chosen[id_] = True

    def add(self, block: TableBlock) -> None:
        """Collect from a block."""
        found = np.flatnonzero(self._is_chosen[block.words.ids])
        row, place = block.words.places(found)
        if not block.counted.all():
            found, row, place = (of[block.counted[row]] for of in (found, row, place))
        ids, scores = block.words.ids[found], block.scores[found]
        maps = _BlockMaps(block)
        for word in self._words:
            matches = np.flatnonzero(ids == word.ids[0] if len(word.ids) == 1 else np.isin(ids, word.ids))
            rows = row[matches]
            if (rows[1:] == rows[:-1]).any():  # for a row with several spellings, the first
                matches = matches[np.diff(rows, prepend=-1) > 0]
                rows = row[matches]
            first = rows[place[matches] == 0]
            word.count(block.picture[first], block.picture[rows])
            word.add_to_map(maps.of(first if word.sought is None else rows), maps.all)
            word.add_patches(place[matches], scores[matches], block.numbers[rows], self._max_patches)


class LikelyWords:
    """Collects examples while words are still counted: of the words asked for, and of those that a sample of the tables
    has most often.

    A spelling is known with the first block that has it, so that none is missed.
    """

    def __init__(self, sample: AtlasCounts, k: int, words: Sequence[str], folds: bool, max_patches: int) -> None:
        self._folds = folds
        self._sought = [WordExamples((), word) for word in words]
        likely = choose_words(sample, k + _MORE, (), folds).most_frequent
        self._likely = {_key(word.ids[0], sample, folds): WordExamples(() if folds else word.ids) for word in likely}
        self._collector = ExampleCollector([*self._sought, *self._likely.values()], max_patches)
        self._num_names = 0

    def add(self, block: TableBlock, counts: AtlasCounts) -> None:
        """Collect from a block, whose words were counted."""
        for id_ in islice(counts.names, self._num_names, None):
            for word in self._sought:
                if _is_spelling(word.sought or "", id_, *counts.names[id_]):
                    self._collector.add_spelling(word, id_)
            if self._folds and (name := _key(id_, counts, True)) in self._likely:
                self._collector.add_spelling(self._likely[name], id_)
        self._num_names = len(counts.names)
        self._collector.add(block)

    def examples(self, chosen: ChosenWords, counts: AtlasCounts) -> tuple[ChosenWords, list[WordExamples]]:
        """The words chosen, with their examples, and those without any yet: frequent words that the sample lacked."""
        most_frequent, missing = [], []
        for word in chosen.most_frequent:
            found = self._likely.get(_key(word.ids[0], counts, self._folds))
            most_frequent.append(word if found is None else replace(found, ids=word.ids))
            missing += [word] if found is None else []
        sought = [replace(found, ids=word.ids) for found, word in zip(self._sought, chosen.sought, strict=True)]
        return ChosenWords(most_frequent, sought), missing


def _key(id_: int, counts: AtlasCounts, folds: bool) -> int | str:
    """What the spellings of a word have in common."""
    return fold_name(id_, *counts.names[id_]) if folds else id_


def add_rows(words: ChosenWords, names: Sequence[str]) -> None:
    """Read the columns of the rows that the top patches are in, from the tables."""
    patches = [patch for word in (*words.most_frequent, *words.sought) for patch in word.patches]
    rows = rows_at(names, sorted({patch.number for patch in patches}))
    for patch in patches:
        patch.row = rows[patch.number]


class _BlockMaps:
    """The shares of grid cells in each of SIDE × SIDE squares, summed over rows of a block, float64 [squares].

    The shares of a cell sum to one; there are none for rows without a position, and for images with rows missing.
    """

    def __init__(self, block: TableBlock) -> None:
        self._cell = np.full(len(block), -1)
        """The cell of each row among those of all shapes, -1 for none."""
        shares, count = [np.zeros((0, SIDE * SIDE))], 0
        for shape, rows, positions, _ in block.grids:
            if shape[0] * shape[1] > len(block):  # its cells are more than the rows
                positions, cells = np.unique(positions, return_inverse=True)
                shares.append(_cell_shares(shape, positions))
                self._cell[rows] = count + cells
            else:
                shares.append(_shape_shares(shape))
                self._cell[rows] = count + positions
            count += len(shares[-1])
        self._shares = np.concatenate(shares)
        self.all = self.of(np.arange(len(block)))

    def of(self, rows: Ints) -> Floats:
        """The sum over some rows."""
        cells = self._cell[rows]
        counts = np.bincount(cells[cells >= 0], minlength=len(self._shares))
        return np.asarray(counts @ self._shares)


@lru_cache(maxsize=16)
def _shape_shares(shape: tuple[int, int]) -> Floats:
    return _cell_shares(shape, np.arange(shape[0] * shape[1]))


def _cell_shares(shape: tuple[int, int], positions: Ints) -> Floats:
    """The share of cells of a grid in each square, float64 [positions, squares]."""
    rows, cols = shape
    shares = _parts(positions // cols, rows)[:, :, None] * _parts(positions % cols, cols)[:, None, :]
    return np.asarray(shares.reshape(len(positions), SIDE * SIDE))


def _parts(cell: Ints, count: int) -> Floats:
    """The share of each cell, of `count` along a side, in each of `SIDE` equal intervals [cells, SIDE]."""
    squares = np.arange(SIDE + 1) / SIDE
    ends = np.minimum((cell[:, None] + 1) / count, squares[None, 1:])
    begins = np.maximum(cell[:, None] / count, squares[None, :-1])
    return np.asarray(np.clip(ends - begins, 0, None) * count)
