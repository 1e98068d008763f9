"""Local words: those words of an image's top-k lists whose patches lie together, and where. Pure data and functions.

Each grid (the whole image, a tile) is treated by itself. A word whose patches lie together more than chance is local;
each patch then gets the local word with the highest vote of its neighbourhood, or none.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from vlmtui.geometry import Place
from vlmtui.results.join_counts import REACH, adjusted_p_values, join_test

Ints = NDArray[np.int64]
Doubles = NDArray[np.float64]

NONE = -1
"""The id of no word."""
FALSE_DISCOVERIES = 0.05
"""The share of false discoveries among local words that is allowed in a grid."""
FEWEST = 5
"""A word in fewer lists of a grid is not tested: two or three neighbours say little, and each test costs power."""
_WIDE = 24 * 24
"""The patches of a grid from which on the neighbourhood's Gaussian has the radius 2, below it 1."""


class LocalWord(msgspec.Struct, frozen=True, kw_only=True):
    """A local word of a grid.

    `word` is its name for all spellings, `id` the vocabulary row of the most frequent one. `lists` of the grid's
    patches have it in their list, with `joins` neighbouring pairs among them; `concentration` is how many times the
    mean of chance that is, `p` the p-value adjusted for all words tested. `patches` have it as their local word, in
    `rows` and `cols`, first and last.
    """

    id: int
    word: str
    grid: int
    patches: int
    rows: tuple[int, int] | None
    cols: tuple[int, int] | None
    lists: int
    joins: int
    concentration: float
    p: float


class LocalWords(msgspec.Struct, frozen=True, kw_only=True):
    """The local words of an image, those of most patches first; `tested` words were in enough lists.

    `own` is the share (0–1) of the patches with a local word that have it in their own list, None where there is none.
    `lists` says how the lists were searched.
    """

    tested: int
    own: float | None
    words: tuple[LocalWord, ...]
    lists: dict[str, Any] = {}

    @property
    def note(self) -> str:
        """What a reader must know beside the words."""
        if self.own is None:
            return "no word lies together more than chance"
        if self.own == 1:
            return "each of these patches has its word in its own list"
        percent = min(99, max(1, round(100 * self.own))) if self.own else 0
        return f"{percent}% of these patches have their word in their own list"


@dataclass(frozen=True)
class PatchLocalWords:
    """The local word of every entry, int64 [entries], `NONE` for an entry without one; its `votes` float64 [entries],
    NaN without one; and whether it is in the entry's `own` list, bool [entries]."""

    found: LocalWords
    ids: Ints
    votes: Doubles
    own: NDArray[np.bool_]


def find_local_words(ids: Ints, spellings: Mapping[int, str], places: Sequence[Place]) -> PatchLocalWords:
    """The local words of entries at `places` with the lists `ids` [entries, k], best first; negative ids are no words.

    `spellings` names every id so that all spellings of one word have one name.
    """
    entries = len(ids)
    chosen, votes, own = np.full(entries, NONE), np.full(entries, np.nan), np.zeros(entries, bool)
    grids: dict[int, list[int]] = {}
    for entry, place in enumerate(places):
        if place.grid is not None and place.row is not None and place.col is not None:
            grids.setdefault(place.grid, []).append(entry)
    words: list[LocalWord] = []
    tested = 0
    for grid, members in sorted(grids.items()):
        cells = np.array([(places[entry].row, places[entry].col) for entry in members], np.int64)
        lists = _Lists.of(ids[members], spellings)
        there, count = _grid_words(lists, cells)
        tested += count
        if not there:
            continue
        winner, vote = _votes(there, cells)
        rows = np.array(members)
        with_word = winner >= 0
        at, which = rows[with_word], winner[with_word]
        chosen[at] = np.array([one.id for one in there])[which]
        votes[at] = vote[with_word]
        for number, one in enumerate(there):
            mine = winner == number
            own[rows[mine]] = np.isin(np.flatnonzero(mine), one.patches)
            words.append(one.described(grid, cells[mine]))
    words.sort(key=lambda word: (-word.patches, -word.concentration, word.grid, word.id))
    share = float(own[chosen >= 0].mean()) if (chosen >= 0).any() else None
    return PatchLocalWords(LocalWords(tested=tested, own=share, words=tuple(words)), chosen, votes, own)


@dataclass(frozen=True)
class _Lists:
    """The lists of a grid's patches as pairs: the word number `words[i]`, by `names`, is in the list of the patch
    `patches[i]`, at `ranks[i]` from 0; each pair once. `ids` are the words' most frequent spellings."""

    names: list[str]
    ids: list[int]
    words: Ints
    patches: Ints
    ranks: Ints

    @classmethod
    def of(cls, ids: Ints, spellings: Mapping[int, str]) -> _Lists:
        """The lists [patches, k] of word ids, the best spelling of each word counted."""
        patches, ranks = np.nonzero(ids >= 0)
        spelled = ids[patches, ranks]
        numbers: dict[str, int] = {}
        uses = Counter(spelled.tolist())
        for id_ in sorted(uses):
            numbers.setdefault(spellings[id_], len(numbers))
        best = [NONE] * len(numbers)
        for id_ in sorted(uses):  # of equally frequent spellings the lower id
            number = numbers[spellings[id_]]
            if best[number] == NONE or uses[id_] > uses[best[number]]:
                best[number] = id_
        occurring = np.array(sorted(uses), np.int64)
        number_of = np.array([numbers[spellings[id_]] for id_ in sorted(uses)], np.int64)
        words = number_of[np.searchsorted(occurring, spelled)] if len(spelled) else spelled
        # a list with two spellings of a word has it at the better rank, which comes first
        _, first = np.unique(words * max(len(ids), 1) + patches, return_index=True)
        return cls(list(numbers), best, words[first], patches[first], ranks[first])


@dataclass(frozen=True)
class _GridWord:
    """A local word with the patches that have it in their lists, at these ranks."""

    id: int
    word: str
    patches: Ints
    ranks: Ints
    joins: int
    concentration: float
    p: float

    def described(self, grid: int, cells: Ints) -> LocalWord:
        """The word with the cells [n, 2] that got it."""
        spans = [(int(cells[:, axis].min()), int(cells[:, axis].max())) if len(cells) else None for axis in (0, 1)]
        return LocalWord(
            id=self.id,
            word=self.word,
            grid=grid,
            patches=len(cells),
            rows=spans[0],
            cols=spans[1],
            lists=len(self.patches),
            joins=self.joins,
            concentration=self.concentration,
            p=self.p,
        )


def _grid_words(lists: _Lists, cells: Ints) -> tuple[list[_GridWord], int]:
    """The local words of a grid, and how many words were tested."""
    sizes = np.bincount(lists.words, minlength=len(lists.names))
    enough = np.flatnonzero(sizes >= FEWEST)
    if not len(enough):
        return [], 0
    kept = np.isin(lists.words, enough)
    words = np.searchsorted(enough, lists.words[kept])
    patches, ranks = lists.patches[kept], lists.ranks[kept]
    test = join_test(cells, words, patches, len(enough))
    p = adjusted_p_values(test.p)
    found = []
    for number in np.flatnonzero((p <= FALSE_DISCOVERIES) & (test.joins > test.expected)).tolist():
        mine = words == number
        found.append(
            _GridWord(
                id=lists.ids[enough[number]],
                word=lists.names[enough[number]],
                patches=patches[mine],
                ranks=ranks[mine],
                joins=int(test.joins[number]),
                concentration=float(test.joins[number] / test.expected[number]),
                p=float(p[number]),
            )
        )
    return found, len(enough)


def _votes(words: Sequence[_GridWord], cells: Ints) -> tuple[Ints, Doubles]:
    """The number of the word with the highest vote at every patch, `NONE` for a patch that no vote reaches, and the
    vote.

    A patch with the word at rank r (from 0) in its list votes log(concentration) / √(1 + r) for it, at a patch d
    away times exp(−d² / radius²), within the window of neighbours. Of equal votes the first word's wins.
    """
    rows, cols = (int(cells[:, axis].max()) + 1 for axis in (0, 1))
    radius = 2 if rows * cols >= _WIDE else 1
    at = np.full((rows + 2 * REACH, cols + 2 * REACH), NONE)
    at[cells[:, 0] + REACH, cells[:, 1] + REACH] = np.arange(len(cells))
    number = np.concatenate([np.full(len(word.patches), i) for i, word in enumerate(words)])
    voters = np.concatenate([word.patches for word in words])
    weight = np.concatenate([np.log(word.concentration) / np.sqrt(1 + word.ranks) for word in words])
    keys, given = [], []
    for down in range(-REACH, REACH + 1):
        for right in range(-REACH, REACH + 1):
            to = at[cells[voters, 0] + REACH + down, cells[voters, 1] + REACH + right]
            there = to >= 0
            keys.append(to[there] * len(words) + number[there])
            given.append(weight[there] * np.exp(-(down**2 + right**2) / radius**2))
    pairs, inverse = np.unique(np.concatenate(keys), return_inverse=True)
    votes = np.bincount(inverse, weights=np.concatenate(given))
    patches, which = np.divmod(pairs, len(words))
    order = np.lexsort((which, -votes, patches))
    reached, first = np.unique(patches[order], return_index=True)
    winner, vote = np.full(len(cells), NONE), np.full(len(cells), np.nan)
    winner[reached], vote[reached] = which[order][first], votes[order][first]
    return winner, vote
