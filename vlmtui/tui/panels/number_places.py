"""Where the parts of the numbers panel stand, by its size: one below the other, or side by side. Pure functions.

The parts are the patch pixel by pixel, the vectors that are made of it, and the map of the position embeddings.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

PIXELS, VECTORS, POSITIONS = "pixels", "vectors", "positions"
GAP = 2
"""Blank columns between two parts."""
LEAST_VECTORS = 20
"""Columns in which the vectors and what they are called are read."""


@dataclass(frozen=True)
class PartSizes:
    """Cells that the pixels need, and the map, 0 where there is none; and the rows of each part."""

    pixels: int
    positions: int
    rows: dict[str, int]


@dataclass(frozen=True)
class Places:
    """Parts across the whole panel, and below them columns (their cells, their parts) side by side; all their rows."""

    above: tuple[str, ...]
    columns: tuple[tuple[int, tuple[str, ...]], ...]
    rows: int


def possible_places(cells: int, sizes: PartSizes) -> Iterator[Places]:
    """The places that there is room for in so many cells, the simplest first."""

    def placed(above: tuple[str, ...], *columns: tuple[int, tuple[str, ...]]) -> Places:
        below = (sum(sizes.rows[part] for part in parts) for _, parts in columns)
        return Places(above, columns, sum(sizes.rows[part] for part in above) + max(below, default=0))

    if not sizes.positions:
        yield placed((PIXELS, VECTORS))
        if cells - GAP - sizes.pixels >= LEAST_VECTORS:
            yield placed((), (sizes.pixels, (PIXELS,)), (cells - GAP - sizes.pixels, (VECTORS,)))
        return
    yield placed((PIXELS, VECTORS, POSITIONS))
    side = sizes.positions, (POSITIONS,)
    left = cells - GAP - sizes.positions
    if left >= LEAST_VECTORS:
        yield placed((PIXELS,), (left, (VECTORS,)), side)
    if left >= max(sizes.pixels, LEAST_VECTORS):
        yield placed((), (left, (PIXELS, VECTORS)), side)
    between = left - GAP - sizes.pixels
    if between >= LEAST_VECTORS:
        yield placed((), (sizes.pixels, (PIXELS,)), (between, (VECTORS,)), side)
