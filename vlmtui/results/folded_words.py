"""Folded words: lists in which the spellings of one word, by case and leading space, are one line. Pure functions.

Of a word the best spelling is listed, with its score. The first lines of a list are the same however far it goes on,
so that more words may be searched for until there are enough lines.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

TIMES = "×"
"""Before the number of a word's spellings."""
FOLD_RULE = f"spellings of one word are one line with the best one, {TIMES} their number in the list"


class FoldedLine(NamedTuple):
    """A line of a folded list: the `rank` of its best spelling in the list, from 0, and the number of its spellings
    down to the list's last line."""

    rank: int
    spellings: int


def fold_list(names: Sequence[Hashable], k: int) -> tuple[FoldedLine, ...]:
    """The first k lines of a list of words, best first, by their names: the same for all spellings of a word.

    Fewer where the list is too short. Spellings beyond the first one of line k are not counted, so that the lines do
    not depend on how far the list goes on.
    """
    ranks: dict[Hashable, int] = {}
    counts: dict[Hashable, int] = {}
    for rank, name in enumerate(names):
        if len(ranks) == k:
            break
        ranks.setdefault(name, rank)
        counts[name] = counts.get(name, 0) + 1
    return tuple(FoldedLine(rank, counts[name]) for name, rank in ranks.items())


class FoldedLists(NamedTuple):
    """The folded lists of several tokens: `ranks` int64 [tokens, k], or [tokens, n] where n words are fewer, -1 beyond
    the end of a list, and `spellings` of the same shape, 0 there. `whole` bool [tokens]: there are k lines, or no more
    words than those listed."""

    ranks: NDArray[np.int64]
    spellings: NDArray[np.int64]
    whole: NDArray[np.bool_]


def fold_lists(ids: NDArray[np.int64], names: Mapping[int, Hashable], k: int) -> FoldedLists:
    """Fold the lists `ids` [tokens, n] of words with these names; a list that has an id of -1 ends there."""
    wide = min(k, ids.shape[1])  # k may be beyond any vocabulary
    ranks, spellings = np.full((len(ids), wide), -1, np.int64), np.zeros((len(ids), wide), np.int64)
    whole = np.zeros(len(ids), bool)
    for row, words in enumerate(ids.tolist()):
        there = words[: words.index(-1)] if -1 in words else words
        lines = fold_list([names[id_] for id_ in there], k)
        whole[row] = len(lines) == k or len(there) < len(words)
        for number, line in enumerate(lines):
            ranks[row, number], spellings[row, number] = line
    return FoldedLists(ranks, spellings, whole)


def spellings_mark(spellings: int) -> str:
    """What follows a word of so many spellings: ` ×3`, "" for one."""
    return f" {TIMES}{spellings}" if spellings > 1 else ""


def next_depth(asked: int, k: int) -> int:
    """How many words to search for to have k lines, where `asked` (0 for none) were too few."""
    return min(2 * max(asked, k), (1 << 63) - 1)  # what a session takes
