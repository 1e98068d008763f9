"""Words of a grid by how many patches have them, and their segments from the largest on. Pure functions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from vlmtui.display.pieces import fold
from vlmtui.display.segments import Cell, Segment, least_cells, segments

_BESIDE = ((-1, 0), (1, 0), (0, -1), (0, 1))


@dataclass(frozen=True)
class WordSegments:
    """Segments of a grid of words, the largest first, then in reading order.

    `counts` are the patches of each word, most first, of equal ones the first in reading order. `patches` counts the
    grid's, also those without a word.
    """

    segments: tuple[Segment, ...]
    counts: dict[str, int]
    patches: int

    @property
    def least(self) -> int:
        """The patches that a frequent word, or a large segment, has at least."""
        return least_cells(self.patches)

    @property
    def large(self) -> tuple[Segment, ...]:
        """The segments that have a label where there is room for it."""
        return tuple(one for one in self.segments if len(one.cells) >= self.least)

    @property
    def frequent(self) -> dict[str, int]:
        """The words that have a colour each, and their patches."""
        return {word: many for word, many in self.counts.items() if many >= self.least}

    @property
    def grey(self) -> float:
        """The share of the patches that have no such word: they share one grey."""
        return 1 - sum(self.frequent.values()) / self.patches if self.patches else 0.0

    def one_word(self, word: str) -> str:
        """A word that is to be seen alone; "" where no patch has it, and all words are seen."""
        return word if word in self.counts else ""

    @cached_property
    def _at(self) -> dict[Cell, int]:
        return {cell: rank for rank, one in enumerate(self.segments) for cell in one.cells}

    @cached_property
    def touching(self) -> dict[str, set[str]]:
        """The other frequent words that patches beside those of each frequent word have."""
        frequent, found = self.frequent, {word: set[str]() for word in self.frequent}
        for one in self.segments:
            if one.word in frequent:
                beside = ((row + down, col + across) for row, col in one.cells for down, across in _BESIDE)
                words = {self.segments[self._at[cell]].word for cell in beside if cell in self._at}
                found[one.word] |= words & frequent.keys() - {one.word}
        return found

    def at(self, cell: Cell) -> Segment | None:
        """The segment of a patch; None where it has no word."""
        rank = self._at.get(cell)
        return None if rank is None else self.segments[rank]

    @cached_property
    def in_turn(self) -> tuple[Segment, ...]:
        """All segments in the order in which they are gone through: word by word, the most frequent first, as in the
        legend, the large ones of each and in any case its largest; then all others so."""
        words = {word: rank for rank, word in enumerate(self.counts)}
        largest: dict[str, Segment] = {}
        for one in self.segments:
            largest.setdefault(one.word, one)

        def small(one: Segment) -> bool:
            return len(one.cells) < self.least and one is not largest[one.word]

        # of one word they are in the order of their size before, and stay so
        return tuple(sorted(self.segments, key=lambda one: (small(one), words[one.word])))

    def next(self, cell: Cell, step: int) -> Segment | None:
        """The segment to go to from a patch: the next in turn for a `step` of 1, the one before for −1, round and
        round; from a patch that is the middle of none, the first. None where there are no segments."""
        return _following(self.in_turn, cell, step)

    def next_of(self, word: str, cell: Cell, step: int = 1) -> Segment | None:
        """As `next`, of the segments of one word alone."""
        return _following([one for one in self.segments if one.word == word], cell, step)


def _following(ordered: Sequence[Segment], cell: Cell, step: int) -> Segment | None:
    """The segment `step` places after the one whose middle a patch is, round and round; the first from any other."""
    here = next((i for i, one in enumerate(ordered) if middle(one) == cell), None)
    return ordered[0 if here is None else (here + step) % len(ordered)] if ordered else None


def middle(segment: Segment) -> Cell:
    """The patch in the middle of the widest run of a segment."""
    row, first, length = segment.widest
    return row, first + (length - 1) // 2


def word_segments(words: Sequence[Sequence[str | None]], folds: bool = False) -> WordSegments:
    """Words of a whole grid [rows][columns] in display form as segments; None is a cell without a word.

    Where they are to be folded, all spellings of a word are the most frequent one, of equal ones the first in reading
    order.
    """
    if folds:
        words = _folded(words)
    found = sorted(segments(words), key=lambda one: (-len(one.cells), one.cells[0]))
    counted = Counter(word for line in words for word in line if word is not None)
    return WordSegments(tuple(found), dict(counted.most_common()), sum(map(len, words)))


def _folded(words: Sequence[Sequence[str | None]]) -> list[list[str | None]]:
    spelled: dict[str, str] = {}
    for word, _ in Counter(word for line in words for word in line if word is not None).most_common():
        spelled.setdefault(fold(word), word)
    return [[None if word is None else spelled[fold(word)] for word in line] for line in words]
