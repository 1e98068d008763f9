"""Labels of segments on terminal cells: each lies wholly inside its segment. Pure functions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vlmtui.display.canvas import spread_to_pixels
from vlmtui.display.cell_layout import CellLayout
from vlmtui.display.pieces import width
from vlmtui.display.segments import Cell, Segment
from vlmtui.display.word_segments import middle

NO_SEGMENT = -1


@dataclass(frozen=True)
class SegmentLabel:
    """A label from the cell (x, y) on: its text, padded where there is room, and the middle patch of its segment."""

    x: int
    y: int
    text: str
    cell: Cell

    def covers(self, x: int, y: int) -> bool:
        """Whether it lies on a cell."""
        return y == self.y and self.x <= x < self.x + width(self.text)


def segment_labels(large: Sequence[Segment], layout: CellLayout) -> list[SegmentLabel]:
    """A label for each segment that has a run of cells as wide as its word, in the middle of its widest run.

    A cell belongs to a segment where both of its halves do. Of equally wide runs the one nearest the middle of the
    segment's cells is taken. A label that would touch another one in its row gives way to the next place, if there is
    one.
    """
    numbers = np.full((layout.rows, layout.cols), NO_SEGMENT, np.intp)
    for number, one in enumerate(large):
        for cell in one.cells:
            numbers[cell] = number
    halves = spread_to_pixels(numbers, layout)
    upper, lower = halves[: len(halves) // 2 * 2 : 2], halves[1::2]
    cells = np.where(upper == lower, upper, NO_SEGMENT)
    top, left = (part.start for part in layout.grid_slices())
    labels: list[SegmentLabel] = []
    taken = np.zeros((cells.shape[0], cells.shape[1] + 2), np.bool_)
    for number, one in enumerate(large):
        places = list(_places(_runs(cells == number), one.word))
        if not places:
            continue
        y, x, text = next((place for place in places if not _touches(taken, *place)), places[0])
        taken[y, x + 1 : x + 1 + width(text)] = True
        labels.append(SegmentLabel(left + x, top // 2 + y, text, middle(one)))
    return labels


def _places(runs: list[tuple[int, int, int]], word: str) -> Iterator[tuple[int, int, str]]:
    """Where a word may stand in runs, as (row, column, text): in the middle of each, then a cell beside it."""
    wide = width(word)
    for row, first, length in runs:
        if length < wide:
            return
        # a cell of the segment stays free on both sides, so that labels side by side do not touch
        text = f" {word} " if length >= wide + 4 else word
        spare = length - width(text)
        for at in dict.fromkeys((spare // 2, (spare + 1) // 2)):
            yield row, first + at, text


def _touches(taken: NDArray[np.bool_], y: int, x: int, text: str) -> bool:
    """Whether a label would lie beside another; `taken` has a column more on each side."""
    return bool(taken[y, x : x + width(text) + 2].any())


def _runs(inside: NDArray[np.bool_]) -> list[tuple[int, int, int]]:
    """The runs of cells in rows, the widest first, then the nearest to the middle row: (row, first, length)."""
    if not inside.any():
        return []
    padded = np.zeros((inside.shape[0], inside.shape[1] + 2), np.int8)
    padded[:, 1:-1] = inside
    steps = np.diff(padded, axis=1)
    rows, starts = np.nonzero(steps == 1)
    _, ends = np.nonzero(steps == -1)
    lengths = ends - starts
    there = np.flatnonzero(inside.any(axis=1))
    far = np.abs(rows - (there[0] + there[-1]) / 2)
    order = np.lexsort((starts, rows, far, -lengths))
    return [(int(rows[i]), int(starts[i]), int(lengths[i])) for i in order]
