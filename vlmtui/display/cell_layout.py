"""Layout of a grid of patches on terminal cells: its fit, its zoom, and the part of it that is in view.

A cell is one column wide and two half-rows high, so that a half-cell is a square pixel. A patch has the same whole
number of columns and half-rows everywhere; it may begin in the lower half of a cell.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from vlmtui.geometry import Box

Window = tuple[int, int, int, int]
"""A part of a layout in whole cells: (x, y, across, down)."""
NEAR = 1.15
"""The factor by which a patch's shape on the screen may differ from its shape in the file and count as the same."""
LONGEST = 4.0
"""Beyond 1:4 a patch is not drawn to shape, since a strip one cell wide shows nothing."""
ZOOMS = (1, 2, 4, 8)
FIT = 0
"""The zoom at which all of a grid is seen: as it is at 1 where that has room, else shrunk to averages."""
LARGEST = 0.75
"""Of the view's width and height a patch has at most so much, enlarged."""


@dataclass(frozen=True)
class CellLayout:
    """The layout of a rows × cols grid, each patch `wide` columns × `high` half-rows.

    The margins around the grid show the part of the image that the model does not see: `left` and `right` in columns,
    `top` and `bottom` in half-rows, `top` even. `zoom` is how often it was enlarged. With a `window`, that part of the
    layout is in view; without, all of it. Positions given and taken are within what is in view. A layout for which
    there is no room may be `shrunk` to fewer columns and half-rows (even), none of which is one patch alone.
    """

    rows: int
    cols: int
    wide: int
    high: int
    left: int
    top: int
    right: int
    bottom: int
    zoom: int = 1
    window: Window | None = None
    shrunk: tuple[int, int] | None = None

    @property
    def full(self) -> CellLayout:
        """The layout that was shrunk."""
        return replace(self, shrunk=None, zoom=1) if self.shrunk else self

    @property
    def whole(self) -> CellLayout:
        """The same layout, all of it in view."""
        return replace(self, window=None) if self.window else self

    @property
    def half_rows(self) -> int:
        """Half-rows of the whole layout; where they are odd the lower half of the last cells is empty."""
        return self.shrunk[1] if self.shrunk else self.top + self.rows * self.high + self.bottom

    @property
    def size(self) -> tuple[int, int]:
        """Cells of the whole layout, margins included: (across, down)."""
        across = self.shrunk[0] if self.shrunk else self.left + self.cols * self.wide + self.right
        return across, (self.half_rows + 1) // 2

    @property
    def corner(self) -> tuple[int, int]:
        """The cell of the whole layout that is in view at the upper left."""
        return self.window[:2] if self.window else (0, 0)

    @property
    def width(self) -> int:
        """Cells across that are in view."""
        return self.window[2] if self.window else self.size[0]

    @property
    def height(self) -> int:
        """Cells down that are in view."""
        return self.window[3] if self.window else self.size[1]

    @property
    def has_blank(self) -> bool:
        """Whether the lower half of the last cells in view is empty."""
        return self.half_rows % 2 == 1 and self.corner[1] + self.height == self.size[1]

    def extent(self, row: int, col: int) -> tuple[int, int, int, int]:
        """The columns and half-rows of a patch: (x, y, columns, half-rows); they may lie out of view."""
        x, y = self.corner
        left, top = self.left + col * self.wide - x, self.top + row * self.high - 2 * y
        if self.shrunk is None:
            return left, top, self.wide, self.high
        across, down = self._shrinkage
        start, end = math.floor(left * across), math.ceil((left + self.wide) * across)
        above, below = math.floor(top * down), math.ceil((top + self.high) * down)
        return start, above, end - start, below - above

    def region(self, row: int, col: int) -> tuple[int, int, int, int]:
        """The cells in view that a patch touches: (x, y, across, down), across or down 0 where there are none."""
        x, y, wide, high = self.extent(row, col)
        left, right = max(x, 0), min(x + wide, self.width)
        top, bottom = max(y // 2, 0), min((y + high + 1) // 2, self.height)
        return left, top, max(0, right - left), max(0, bottom - top)

    def cell_rows(self, row: int) -> range:
        """The rows of cells that lie wholly inside a row of patches; they may lie out of view."""
        _, y, _, high = self.extent(row, 0)
        return range((y + 1) // 2, (y + high) // 2)

    def is_whole(self, row: int, col: int) -> bool:
        """Whether all of a patch is in view."""
        x, y, wide, high = self.extent(row, col)
        return x >= 0 and y >= 0 and x + wide <= self.width and y + high <= 2 * self.height

    def patch_at(self, x: int, y: int) -> tuple[int, int] | None:
        """The (row, col) of the patch at the cell (x, y), by its upper half, or where that is a margin by its lower;
        None in a margin."""
        upper = self.patch_at_half(x, 2 * y)
        return upper if upper is not None else self.patch_at_half(x, 2 * y + 1)

    def patch_at_half(self, x: int, half_row: int) -> tuple[int, int] | None:
        """The (row, col) of the patch at a half-cell; None in a margin."""
        if self.shrunk is not None:
            across, down = self._shrinkage
            return self.full.patch_at_half(math.floor((x + 0.5) / across), math.floor((half_row + 0.5) / down))
        left, top = self.corner
        col, row = (x + left - self.left) // self.wide, (half_row + 2 * top - self.top) // self.high
        return (row, col) if 0 <= row < self.rows and 0 <= col < self.cols else None

    def share_at(self, x: float, half_row: float) -> tuple[float, float]:
        """A position as shares of the grid's width and height, below 0 and beyond 1 in a margin."""
        if self.shrunk is not None:
            return self.full.share_at(x / self._shrinkage[0], half_row / self._shrinkage[1])
        left, top = self.corner
        across, down = (x + left - self.left) / self.wide, (half_row + 2 * top - self.top) / self.high
        return across / self.cols, down / self.rows

    def patch_columns(self) -> NDArray[np.intp]:
        """The column of patches at each column of cells in view that is of the grid."""
        return _steps(self.left, self.wide, self.cols, self.corner[0], self.width)

    def patch_rows(self) -> NDArray[np.intp]:
        """The row of patches at each half-row in view that is of the grid."""
        return _steps(self.top, self.high, self.rows, 2 * self.corner[1], 2 * self.height)

    def grid_slices(self) -> tuple[slice, slice]:
        """The half-rows and columns in view that are of the grid."""
        x, y = self.corner
        return (
            _slice(self.top, self.rows * self.high, 2 * y, 2 * self.height),
            _slice(self.left, self.cols * self.wide, x, self.width),
        )

    def seen_box(self, grid_box: Box) -> Box:
        """The part of the file that is in view, margins included; `grid_box` is the grid's."""
        x0, y0, x1, y1 = grid_box
        left, top = self.share_at(0, 0)
        right, bottom = self.share_at(self.width, 2 * self.height)
        return x0 + left * (x1 - x0), y0 + top * (y1 - y0), x0 + right * (x1 - x0), y0 + bottom * (y1 - y0)

    @property
    def _shrinkage(self) -> tuple[Fraction, Fraction]:
        """What a column and a half-row of the full layout take of the shrunk one."""
        return Fraction(self.size[0], self.full.size[0]), Fraction(self.half_rows, self.full.half_rows)

    def in_view(self) -> tuple[range, range]:
        """The rows and columns of patches that are wholly in view."""
        if self.shrunk is not None:
            return range(self.rows), range(self.cols)
        rows = [row for row in range(self.rows) if self._holds(2 * self.corner[1], self.top, self.high, row, down=True)]
        cols = [col for col in range(self.cols) if self._holds(self.corner[0], self.left, self.wide, col, down=False)]
        return _range(rows), _range(cols)

    def _holds(self, corner: int, start: int, size: int, at: int, down: bool) -> bool:
        begin = start + at * size - corner
        return begin >= 0 and begin + size <= (2 * self.height if down else self.width)


def _range(numbers: list[int]) -> range:
    return range(numbers[0], numbers[-1] + 1) if numbers else range(0)


def _slice(start: int, count: int, corner: int, room: int) -> slice:
    """Where `count` from `start` on are seen in `room` from `corner` on."""
    return slice(min(max(0, start - corner), room), min(max(0, start + count - corner), room))


def _steps(start: int, size: int, count: int, corner: int, room: int) -> NDArray[np.intp]:
    seen = _slice(start, count * size, corner, room)
    return (np.arange(seen.start, seen.stop) + corner - start) // size


def shape_difference(layout: CellLayout, grid_box: Box) -> float:
    """How much wider a patch is on the screen than in the file, as a factor."""
    return layout.wide / layout.high / _aspect(layout.rows, layout.cols, grid_box)


def is_near(difference: float) -> bool:
    """Whether a shape that differs by such a factor counts as the same."""
    return abs(math.log(difference)) <= math.log(NEAR) + 1e-9


def _aspect(rows: int, cols: int, grid_box: Box) -> float:
    """The width of a patch in the file in its heights."""
    x0, y0, x1, y1 = grid_box
    return min(max((x1 - x0) / cols / ((y1 - y0) / rows), 1 / LONGEST), LONGEST)


@lru_cache(maxsize=64)
def fit_patches(
    view: tuple[int, int],
    rows: int,
    cols: int,
    grid_box: Box,
    picture: tuple[int, int],
    split: tuple[int, int] = (1, 1),
    zoom: int = 1,
) -> CellLayout:
    """The layout of a grid with the largest patches that fit `view` (cells across, cells down), `zoom` times enlarged.

    The shape of a patch is within 15% of its shape in the file where such a size fits, else the nearest that fits.
    `picture` is the image's (width, height) in pixels. The margins use the remaining room, at most the size of the
    image there and at least two half-cells. Where not even the smallest patch fits, the layout is larger than the view.
    Patch sizes divisible into `split` parts (down, across) are preferred slightly. A zoom at which a patch would be
    larger than three quarters of the view gives way to the largest at which it is not. At the zoom `FIT` a layout that
    is larger than the view is shrunk to it.
    """
    aspect = _aspect(rows, cols, grid_box)

    def layout(wide: int, high: int) -> CellLayout:
        return _with_margins(rows, cols, wide, high, grid_box, picture, view)

    best: tuple[tuple[bool, float, float], CellLayout] | None = None
    for high in range(1, max(1, 2 * view[1] // rows) + 1):
        for wide in _widths(high, aspect, view[0] // cols):
            candidate = layout(wide, high)
            if candidate.size[0] > view[0] or candidate.size[1] > view[1]:
                continue
            distance = abs(math.log(wide / high / aspect))
            area = wide * high * (0.8 if wide % split[1] or high % split[0] else 1.0)
            near = is_near(wide / high / aspect)
            rank = (near, area, -distance) if near else (near, -distance, area)
            if best is None or rank > best[0]:
                best = rank, candidate
    smallest = max(1, round(aspect)), max(1, round(1 / aspect))
    fitted = best[1] if best else layout(*smallest)
    if zoom == FIT and best is None:
        return _shrunk(fitted, view)
    while zoom > 1:
        enlarged = _enlarged(fitted, zoom, grid_box)
        if enlarged.wide <= LARGEST * view[0] and enlarged.high <= LARGEST * 2 * view[1]:
            return enlarged
        zoom //= 2
    return fitted


def _shrunk(layout: CellLayout, view: tuple[int, int]) -> CellLayout:
    """A layout in as much of the view as has its shape; it stays itself where it is not larger."""
    across, down = layout.size[0], layout.half_rows
    scale = min(Fraction(view[0], across), Fraction(2 * view[1], down))
    if scale >= 1:
        return layout
    size = max(1, math.floor(across * scale)), 2 * max(1, math.floor(down * scale / 2))
    return replace(layout, zoom=FIT, shrunk=size)


def _widths(high: int, aspect: float, most: int) -> range:
    """Widths for a patch of so many half-rows: those near its shape, or up to `most` where that is less.

    Four less than `most` leave room for margins.
    """
    least = max(1, min(math.floor(high * aspect / NEAR), most - 4))
    return range(least, max(least, min(most, math.ceil(high * aspect * NEAR))) + 1)


def _enlarged(fitted: CellLayout, zoom: int, grid_box: Box) -> CellLayout:
    """A fitted layout `zoom` times as large; an even number of half-rows, and the shape of the file where it may be."""
    wide, high = zoom * fitted.wide, zoom * fitted.high
    if not is_near(shape_difference(fitted, grid_box)):
        high = 2 * max(1, round(wide / _aspect(fitted.rows, fitted.cols, grid_box) / 2))
    down = high / fitted.high
    # the upper margin in whole cells, and the lower one so that no cell is half empty
    top, bottom = 2 * round(fitted.top * down / 2), 2 * round(fitted.bottom * down / 2)
    left, right = zoom * fitted.left, zoom * fitted.right
    return CellLayout(fitted.rows, fitted.cols, wide, high, left, top, right, bottom, zoom)


def in_window(
    layout: CellLayout, view: tuple[int, int], cell: tuple[int, int] | None, before: CellLayout | None = None
) -> CellLayout:
    """`layout` with the part in view that fits `view` (cells across, down) and has the patch `cell` (row, col) whole.

    What was in view `before` moves no further than the patch needs; where another layout was in view, the patch is in
    the middle, and the view begins at a patch.
    """
    layout = layout.whole
    across, down = min(view[0], layout.size[0]), min(view[1], layout.size[1])
    if (across, down) == layout.size:
        return layout
    row, col = cell or (layout.rows // 2, layout.cols // 2)
    x, y, wide, high = layout.extent(row, col)
    cells = x, y // 2, wide, (y + high + 1) // 2 - y // 2
    same = before is not None and before.window is not None and before.whole == layout
    old = before.window if same and before is not None else None
    if old is None or old[2:] != (across, down):
        left = x - max(0, across - wide) // 2 // wide * wide
        old = left, (y - max(0, 2 * down - high) // 2 // high * high) // 2, across, down
    moved = (
        _moved(old[0], across, cells[0], cells[2], layout.size[0]),
        _moved(old[1], down, cells[1], cells[3], layout.size[1]),
    )
    return replace(layout, window=(*moved, across, down))


def _moved(old: int, room: int, start: int, size: int, whole: int) -> int:
    """Where a window of `room` begins that was at `old` and now must hold `size` from `start` on."""
    moved = min(max(old, start + size - room), start)
    return min(max(0, moved), whole - room)


def fit_cells(
    view: tuple[int, int],
    rows: int,
    cols: int,
    grid_box: Box,
    picture: tuple[int, int],
    split: tuple[int, int] = (1, 1),
) -> CellLayout:
    """As `fit_patches`, in patches of whole cells and with more regard to their size than to their shape.

    Text reports are made of whole cells, since a word stands on every patch.
    """
    aspect = _aspect(rows, cols, grid_box)

    def layout(wide: int, tall: int) -> CellLayout:
        return _with_margins(rows, cols, wide, 2 * tall, grid_box, picture, view, cells=True)

    best = None
    for tall in range(1, max(2, view[1] // rows + 1)):
        ideal = 2 * tall * aspect
        for wide in range(max(1, math.ceil(ideal * 0.5)), math.ceil(ideal * 1.7) + 1):
            candidate = layout(wide, tall)
            if candidate.width > view[0] or candidate.height > view[1]:
                continue
            # a larger patch is worth some distortion: most towers see the image squashed anyway
            rank = wide * tall * math.exp(-1.5 * abs(math.log(wide / ideal)))
            if wide % split[1] or 2 * tall % split[0]:
                rank *= 0.8
            if best is None or rank > best[0]:
                best = (rank, candidate)
    return best[1] if best else layout(max(1, round(2 * aspect)), 1)


def _with_margins(
    rows: int,
    cols: int,
    wide: int,
    high: int,
    grid_box: Box,
    picture: tuple[int, int],
    view: tuple[int, int],
    cells: bool = False,
) -> CellLayout:
    """The layout with such patches and as much margin as there is room for; with `cells`, margins in whole cells."""
    x0, y0, x1, y1 = grid_box
    across, down = wide / ((x1 - x0) / cols), high / ((y1 - y0) / rows)
    # a padded grid extends beyond the image and has no margin there
    before, after = max(0.0, x0 * across), max(0.0, (picture[0] - x1) * across)
    above, below = max(0.0, y0 * down), max(0.0, (picture[1] - y1) * down)
    left, right = _margins(before, after, view[0] - cols * wide)
    if cells:
        top, bottom = _margins(above / 2, below / 2, view[1] - rows * high // 2)
        return CellLayout(rows, cols, wide, high, left, 2 * top, right, 2 * bottom)
    top, bottom = _margins(above, below, 2 * view[1] - rows * high)
    top -= top % 2
    # no cell half empty where there is more of the image
    bottom -= (top + rows * high + bottom) % 2 if bottom else 0
    return CellLayout(rows, cols, wide, high, left, top, right, bottom)


def _margins(before: float, after: float, room: int) -> tuple[int, int]:
    """Whole numbers for the two margins of an axis, of true sizes `before` and `after`, within `room`."""
    full = round(before), round(after)
    if sum(full) <= room:
        return full
    least = min(full[0], 2), min(full[1], 2)
    share = max(0.0, (room - sum(least)) / max(1, sum(full) - sum(least)))
    return (
        least[0] + math.floor(share * (full[0] - least[0])),
        least[1] + math.floor(share * (full[1] - least[1])),
    )
