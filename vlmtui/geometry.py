"""Geometry: maps between tokens, patches and pixels. Pure functions over plain data.

Pixel coordinates are continuous, in the original image after its EXIF rotation: x runs from 0 (left edge) to
`width` (right edge), y from 0 (top edge) down to `height`. A box is (x0, y0, x1, y1).
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Box = tuple[float, float, float, float]
GridKind = Literal["whole", "tile"]
TokenKind = Literal["patch", "newline", "query"]


@dataclass(frozen=True)
class AxisMap:
    """One axis of the image processor's transform: original = scale · input + offset, both in pixels."""

    scale: float
    offset: float

    def __call__(self, u: float) -> float:
        """Map the input coordinate `u` to the original image."""
        return self.scale * u + self.offset


@dataclass(frozen=True)
class Grid:
    """One input of the vision tower: the whole image or a tile of it.

    `box` is the part of the original image that it covers, in pixels, clipped to the image. `rows` × `cols` counts LLM
    tokens, `patch_rows` × `patch_cols` vision patches.
    """

    id: int
    kind: GridKind
    box: Box
    rows: int
    cols: int
    patch_rows: int
    patch_cols: int


@dataclass(frozen=True)
class Place:
    """Where an image token comes from.

    `grid`, `row` and `col` are None for kinds without a place; `box` is also None where no part of the image is inside.
    `inside` is the share of the unclipped box that is image; `patches` are the row-major indices, within the grid, of
    the vision patches that the token was made from.
    """

    index: int
    kind: TokenKind
    grid: int | None
    row: int | None
    col: int | None
    box: Box | None
    inside: float
    patches: tuple[int, ...]


def raster_boxes(rows: int, cols: int, size: tuple[float, float], x: AxisMap, y: AxisMap) -> NDArray[np.float64]:
    """The unclipped boxes of a rows × cols raster, row by row, float64 [rows·cols, 4].

    `size` is the (height, width) of one raster cell in the pixels that the model receives.
    """
    tall, wide = size
    xs = x.scale * wide * np.arange(cols + 1) + x.offset
    ys = y.scale * tall * np.arange(rows + 1) + y.offset
    boxes = np.empty((rows, cols, 4), dtype=np.float64)
    boxes[..., 0] = xs[None, :-1]
    boxes[..., 1] = ys[:-1, None]
    boxes[..., 2] = xs[None, 1:]
    boxes[..., 3] = ys[1:, None]
    return boxes.reshape(-1, 4)


def clip_box(box: Box, width: int, height: int) -> tuple[Box | None, float]:
    """Clip a box to the image, and give the share of its area inside; None and 0 where it is outside."""
    x0, y0, x1, y1 = box
    cx0, cy0 = max(x0, 0.0), max(y0, 0.0)
    cx1, cy1 = min(x1, float(width)), min(y1, float(height))
    area = (x1 - x0) * (y1 - y0)
    if cx1 <= cx0 or cy1 <= cy0 or area <= 0:
        return None, 0.0
    inside = (cx1 - cx0) * (cy1 - cy0) / area
    # an edge that equals the image's up to rounding clips nothing
    return (cx0, cy0, cx1, cy1), 1.0 if inside > 1 - 1e-9 else inside


def pixel_bounds(box: Box, width: int, height: int) -> tuple[int, int, int, int]:
    """The pixels that a box touches, at least one: (left, top, right, bottom), right and bottom exclusive."""
    left = min(max(math.floor(box[0] + 1e-9), 0), width - 1)
    top = min(max(math.floor(box[1] + 1e-9), 0), height - 1)
    right = min(max(math.ceil(box[2] - 1e-9), left + 1), width)
    bottom = min(max(math.ceil(box[3] - 1e-9), top + 1), height)
    return left, top, right, bottom


def place_at_pixel(places: tuple[Place, ...], x: float, y: float) -> Place | None:
    """The first token whose box contains the pixel position (x, y), or None."""
    for place in places:
        if place.box and place.box[0] <= x < place.box[2] and place.box[1] <= y < place.box[3]:
            return place
    return None


def raster_extent(places: Iterable[Place], rows: int, cols: int, picture: tuple[int, int], box: Box) -> Box:
    """The area of a rows × cols raster of `places`, padding beyond the image included.

    Edges inside the image were not clipped, and a line fitted through them gives the others; where boxes overlap
    (resampled tokens) the raster's edges lie midway. `picture` is the image's (width, height); `box`, the raster's part
    of the image, is the fallback where too few edges are known.
    """
    placed = [(p.box, p.row, p.col) for p in places if p.box is not None and p.row is not None and p.col is not None]
    x0, x1 = _line_ends([(b[0], b[2], col) for b, _, col in placed], cols, picture[0], (box[0], box[2]))
    y0, y1 = _line_ends([(b[1], b[3], row) for b, row, _ in placed], rows, picture[1], (box[1], box[3]))
    return x0, y0, x1, y1


def _line_ends(
    spans: list[tuple[float, float, int]], count: int, size: int, otherwise: tuple[float, float]
) -> tuple[float, float]:
    """The first and last of count + 1 evenly spaced edges; `spans` are (start, stop, index)."""
    starts = {at: start for start, _, at in spans if 1e-6 < start < size - 1e-6}
    stops = {at + 1: stop for _, stop, at in spans if 1e-6 < stop < size - 1e-6}
    lines = [np.polyfit(list(edges), list(edges.values()), 1) for edges in (starts, stops) if len(edges) > 1]
    if not lines:
        return otherwise
    step, start = (float(v) for v in np.mean(lines, axis=0))
    ends = start, start + step * count
    # without padding the box itself is more accurate, since it was not fitted
    near = [abs(end - other) < 1e-3 * step for end, other in zip(ends, otherwise, strict=True)]
    return (otherwise[0] if near[0] else ends[0]), (otherwise[1] if near[1] else ends[1])
