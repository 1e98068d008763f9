"""Entry grids of a reading: each grid (whole image or tile) with its entries by cell, and the tokens in no grid.

Lookups are prepared once per reading, so that moving the cursor searches nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from vlmtui.display.grid_names import grid_names, unplaced_name
from vlmtui.geometry import Box, Grid, Place, raster_extent
from vlmtui.reading import Reading


@dataclass(frozen=True, eq=False)
class EntryGrid:
    """A grid of rows × cols cells with their entries; with `grid` None, a column of the tokens that lie in no grid.

    `entries` maps cells to indices in `reading.places_at(stage)`; a cell without an entry is a token that the model cut
    away. `box` is the area of the cells in pixels, padding beyond the image included.
    """

    grid: Grid | None
    name: str
    rows: int
    cols: int
    box: Box
    entries: dict[tuple[int, int], int]

    @property
    def id(self) -> int | None:
        """The grid's id, as in `Place.grid`."""
        return self.grid.id if self.grid else None

    def cell_box(self, row: int, col: int) -> Box:
        """The box of a cell in pixels, padding included."""
        x0, y0, x1, y1 = self.box
        wide, tall = (x1 - x0) / self.cols, (y1 - y0) / self.rows
        return x0 + col * wide, y0 + row * tall, x0 + (col + 1) * wide, y0 + (row + 1) * tall

    @property
    def split(self) -> tuple[int, int]:
        """The number of vision patches in a token's cell (down, across); (1, 1) where they do not divide it evenly."""
        grid = self.grid
        if grid is None or grid.patch_rows % self.rows or grid.patch_cols % self.cols:
            return 1, 1
        return max(1, grid.patch_rows // self.rows), max(1, grid.patch_cols // self.cols)

    @property
    def cell_area(self) -> float:
        """Image pixels per cell; smaller for a finer grid."""
        x0, y0, x1, y1 = self.box
        return (x1 - x0) * (y1 - y0) / (self.rows * self.cols)

    @cached_property
    def holes(self) -> NDArray[np.bool_]:
        """The cells without an entry, bool [rows, cols]."""
        holes = np.ones((self.rows, self.cols), dtype=bool)
        for cell in self.entries:
            holes[cell] = False
        return holes

    def spread(self, numbers: NDArray[np.floating]) -> NDArray[np.float64]:
        """Arrange numbers of entries [entries, ...] by cell [rows, cols, ...]; NaN in cells without an entry."""
        cells = np.full((self.rows, self.cols, *numbers.shape[1:]), np.nan)
        for cell, entry in self.entries.items():
            cells[cell] = numbers[entry]
        return cells

    def holds(self, x: float, y: float) -> bool:
        """Whether the pixel position lies in a cell with an entry."""
        row, col = self._cell(x, y)
        return (row, col) in self.entries

    def nearest(self, x: float, y: float) -> tuple[int, int]:
        """The cell with an entry at the pixel position (x, y), or the nearest such cell."""
        cell = self._cell(x, y)
        return cell if cell in self.entries else self.nearest_cell(*self._position(x, y))

    def nearest_cell(self, row: float, col: float) -> tuple[int, int]:
        """The cell with an entry nearest to a position in rows and columns (cell 2, 3 has its middle at 2.5, 3.5)."""
        return min(self.entries, key=lambda cell: (cell[0] + 0.5 - row) ** 2 + (cell[1] + 0.5 - col) ** 2)

    def _position(self, x: float, y: float) -> tuple[float, float]:
        x0, y0, x1, y1 = self.box
        return (y - y0) / (y1 - y0) * self.rows, (x - x0) / (x1 - x0) * self.cols

    def _cell(self, x: float, y: float) -> tuple[int, int]:
        row, col = self._position(x, y)
        return int(np.floor(row)), int(np.floor(col))


class ReadingGrids:
    """All entry grids of a reading, and its norms by vision layer.

    `tokens` are the grids of image tokens and `patches` those of vision patches: the whole image first, then the tiles,
    then the entries that lie in no grid.
    """

    def __init__(self, reading: Reading) -> None:
        self.reading = reading
        self.tokens = _pages(reading, reading.places, of_tokens=True)
        self.patches = _pages(reading, reading.patch_places, of_tokens=False)
        grids = [norms.patches for norms in reading.grid_norms]
        self.depth: NDArray[np.float64] = (
            np.concatenate(grids, axis=1).astype(np.float64) if grids else np.zeros((0, 0))
        )
        """Norms of all vision patches of all grids [stages, patches]."""
        starts = np.cumsum([0, *(grid.shape[1] for grid in grids)]).tolist()
        self._starts = {grid.id: start for grid, start in zip(reading.grids, starts, strict=False)}

    def token(self, patch: Place) -> int | None:
        """The index of the token that a vision patch goes into; None where it goes into none or into all."""
        return self._into.get((patch.grid, *patch.patches))

    @cached_property
    def _into(self) -> dict[tuple[int | None, ...], int]:
        return {(p.grid, patch): i for i, p in enumerate(self.reading.places) for patch in p.patches}

    def columns(self, place: Place) -> list[int]:
        """The columns in `depth` of the patches that a place was made from."""
        start = self._starts.get(place.grid) if place.grid is not None else None
        return [] if start is None else [start + patch for patch in place.patches]


def _pages(reading: Reading, places: tuple[Place, ...], of_tokens: bool) -> tuple[EntryGrid, ...]:
    names = grid_names(reading.grids)
    entries: dict[int, dict[tuple[int, int], int]] = {grid.id: {} for grid in reading.grids}
    loose: list[int] = []
    for i, place in enumerate(places):
        if place.grid is None or place.row is None or place.col is None:
            loose.append(i)
        else:
            entries[place.grid][place.row, place.col] = i
    size = reading.image.width, reading.image.height
    pages = []
    for grid in sorted(reading.grids, key=lambda grid: grid.kind == "tile"):
        rows, cols = (grid.rows, grid.cols) if of_tokens else (grid.patch_rows, grid.patch_cols)
        # a tile that is all padding is left out
        if (here := entries[grid.id]) and any(places[i].box for i in here.values()):
            box = raster_extent((places[i] for i in here.values()), rows, cols, size, grid.box)
            pages.append(EntryGrid(grid, names[grid.id], rows, cols, box, here))
    if loose:
        listed = {(row, 0): i for row, i in enumerate(loose)}
        name = unplaced_name(places[i] for i in loose)
        pages.append(EntryGrid(None, name, len(loose), 1, (0.0, 0.0, float(size[0]), float(size[1])), listed))
    return tuple(pages)
