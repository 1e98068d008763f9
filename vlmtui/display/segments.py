"""Segments: neighbouring patches of a grid with the same word. Pure functions over plain data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

Cell = tuple[int, int]
"""Row and column of a patch in its grid, from 0."""
_LARGE, _AREA = 8, 24 * 24


@dataclass(frozen=True)
class Segment:
    """Patches with one word, each beside, above or below another of them; at least one.

    `cells` are in reading order. `widest` is the longest run within a row, as (row, first column, length); of equal
    runs the one nearest the middle row, then the first in reading order.
    """

    word: str
    cells: tuple[Cell, ...]
    widest: tuple[int, int, int]

    @property
    def rows(self) -> tuple[int, int]:
        """The first and the last row."""
        return self.cells[0][0], self.cells[-1][0]

    @property
    def cols(self) -> tuple[int, int]:
        """The first and the last column."""
        cols = [col for _, col in self.cells]
        return min(cols), max(cols)


def segments(words: Sequence[Sequence[str | None]]) -> list[Segment]:
    """The segments of a grid of words [rows][columns], in reading order of their first patches.

    None is a patch without a word, or a cell without a patch: it is in no segment. Words are compared as given.
    """
    seen: set[Cell] = set()
    found = []
    for row, line in enumerate(words):
        for col, word in enumerate(line):
            if word is not None and (row, col) not in seen:
                cells = _connected(words, (row, col), word, seen)
                found.append(Segment(word, cells, _widest_run(cells)))
    return found


def least_cells(patches: int) -> int:
    """The patches of a segment that is large enough to be told of, and of a word with a colour of its own, in a grid of
    so many: eight at 24 × 24 and more."""
    return min(_LARGE, max(2, round(_LARGE * patches / _AREA)))


def _connected(words: Sequence[Sequence[str | None]], start: Cell, word: str, seen: set[Cell]) -> tuple[Cell, ...]:
    """The patches with this word that are connected with `start`, in reading order; they are added to `seen`."""
    cells, waiting = [], [start]
    seen.add(start)
    while waiting:
        row, col = waiting.pop()
        cells.append((row, col))
        for near in ((row - 1, col), (row + 1, col), (row, col - 1), (row, col + 1)):
            inside = 0 <= near[0] < len(words) and 0 <= near[1] < len(words[near[0]])
            if inside and near not in seen and words[near[0]][near[1]] == word:
                seen.add(near)
                waiting.append(near)
    return tuple(sorted(cells))


def _widest_run(cells: tuple[Cell, ...]) -> tuple[int, int, int]:
    """The longest run of neighbouring columns within one row, as `Segment.widest` describes it."""
    runs: list[tuple[int, int, int]] = []
    for row, col in cells:
        if runs and (runs[-1][0], runs[-1][1] + runs[-1][2]) == (row, col):
            runs[-1] = row, runs[-1][1], runs[-1][2] + 1
        else:
            runs.append((row, col, 1))
    middle = (cells[0][0] + cells[-1][0]) / 2
    return min(runs, key=lambda run: (-run[2], abs(run[0] - middle), run))
