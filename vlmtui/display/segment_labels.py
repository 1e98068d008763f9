"""Labels of segments on terminal cells: each lies wholly inside its segment. Pure functions."""

from __future__ import annotations

from collections.abc import Sequence
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
    segment's cells is taken.
    """
    numbers = np.full((layout.rows, layout.cols), NO_SEGMENT, np.intp)
    for number, one in enumerate(large):
        for cell in one.cells:
            numbers[cell] = number
    halves = spread_to_pixels(numbers, layout)
    upper, lower = halves[: len(halves) // 2 * 2 : 2], halves[1::2]
    cells = np.where(upper == lower, upper, NO_SEGMENT)
    top, left = (part.start for part in layout.grid_slices())
    labels = []
    for number, one in enumerate(large):
        run = _widest_run(cells == number)
        if run is None or run[2] < width(one.word):
            continue
        y, first, length = run
        # a cell of the segment stays free on both sides, so that labels side by side do not touch
        text = f" {one.word} " if length >= width(one.word) + 4 else one.word
        x = first + (length - width(text)) // 2
        labels.append(SegmentLabel(left + x, top // 2 + y, text, middle(one)))
    return labels


def _widest_run(inside: NDArray[np.bool_]) -> tuple[int, int, int] | None:
    """The widest run of cells in a row, nearest to the middle row of all of them: (row, first, length)."""
    if not inside.any():
        return None
    padded = np.zeros((inside.shape[0], inside.shape[1] + 2), np.int8)
    padded[:, 1:-1] = inside
    steps = np.diff(padded, axis=1)
    rows, starts = np.nonzero(steps == 1)
    _, ends = np.nonzero(steps == -1)
    lengths = ends - starts
    there = np.flatnonzero(inside.any(axis=1))
    far = np.abs(rows - (there[0] + there[-1]) / 2)
    best = np.lexsort((starts, rows, far, -lengths))[0]
    return int(rows[best]), int(starts[best]), int(lengths[best])
