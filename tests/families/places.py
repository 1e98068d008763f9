"""Boxes put to the test: change a few pixels, see which tokens change, compare with the boxes that the pixels touch.

Only for towers whose attention is put out (`tests.families.isolate`); else every token depends on every pixel.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Boxes = NDArray[np.float64]
# which of the boxes' owners changed, bool [boxes], for a square (x, y, side) of the picture
Changed = Callable[[int, int, int], NDArray[np.bool_]]


@dataclass(frozen=True)
class Square:
    """A place to change pixels at, the boxes it surely touches, and those that it surely does not [boxes]."""

    x: int
    y: int
    touches: NDArray[np.bool_]
    spares: NDArray[np.bool_]


def side_of(picture: tuple[int, int]) -> int:
    """How many pixels to change on each axis."""
    return 3 if min(picture) >= 30 else 1


def squares(boxes: Boxes, reach: Boxes, picture: tuple[int, int], count: int, seed: int = 0) -> list[Square]:
    """So many places in `picture` (width, height), those at which least is undecided, well spread.

    `boxes` [boxes, 4]; a NaN box is touched by nothing. `reach` [boxes, 2] is how far resizing carries a pixel's colour
    along each axis. Nothing is asked of a box that the square neither overlaps by a whole pixel nor keeps away from.
    """
    rng = np.random.default_rng(seed)
    side = side_of(picture)
    found = []
    for _ in range(300):
        x, y = int(rng.integers(0, picture[0] - side + 1)), int(rng.integers(0, picture[1] - side + 1))
        low, high = np.array([x, y]), np.array([x + side, y + side])
        with np.errstate(invalid="ignore"):
            overlap = np.minimum(high, boxes[:, 2:]) - np.maximum(low, boxes[:, :2])
            # of boxes smaller than a pixel a good part is enough
            enough = np.minimum(1.0, 0.6 * (boxes[:, 2:] - boxes[:, :2]))
            touches = (overlap >= enough).all(axis=1)
            spares = (-overlap >= reach).any(axis=1) | np.isnan(boxes[:, 0])
        found.append(Square(x, y, touches, spares))
    found.sort(key=lambda square: int((~square.touches & ~square.spares).sum()))
    # where most of the picture is cropped away, most would touch nothing
    touching = [square for square in found if square.touches.any()][: 2 * count]
    others = [square for square in found if not square.touches.any()][: count // 4]
    chosen = [touching[i] for i in rng.permutation(len(touching))[: count - len(others)]]
    return chosen + others


def faults(chosen: list[Square], side: int, changed: Changed) -> list[str]:
    """One line for every square at which a touched box's owner did not change, or a spared one's did."""
    lines = []
    for square in chosen:
        now = changed(square.x, square.y, side)
        missed = np.flatnonzero(square.touches & ~now)
        extra = np.flatnonzero(square.spares & now)
        if len(missed) or len(extra):
            lines.append(f"at {square.x},{square.y}: missed {missed.tolist()}, extra {extra.tolist()}")
    return lines
