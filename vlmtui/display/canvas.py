"""A picture on terminal cells: two pixels a cell, patch edges on cell edges. Arrays in, arrays out."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vlmtui.grid import Box, CellLayout

Pixels = NDArray[np.uint8]
MARGIN_LIGHT = 0.35


def draw(picture: Image.Image, layout: CellLayout, grid_box: Box) -> Pixels:
    """The picture as uint8 [2 · layout.height, layout.width, 3], the part outside the grid dimmed.

    Each part is resized by itself, so that the grid's edges fall exactly between cells.
    """
    x0, y0, x1, y1 = grid_box
    across = layout.cols * layout.wide / (x1 - x0)
    down = 2 * layout.rows * layout.tall / (y1 - y0)
    xs = (x0 - layout.left / across, x0, x1, x1 + layout.right / across)
    ys = (y0 - 2 * layout.top / down, y0, y1, y1 + 2 * layout.bottom / down)
    wides = (layout.left, layout.cols * layout.wide, layout.right)
    talls = (2 * layout.top, 2 * layout.rows * layout.tall, 2 * layout.bottom)
    rows = []
    for j, tall in enumerate(talls):
        parts = []
        for i, wide in enumerate(wides):
            if not tall or not wide:
                parts.append(np.zeros((tall, wide, 3), np.uint8))
                continue
            part = resized(picture, (xs[i], ys[j], xs[i + 1], ys[j + 1]), (wide, tall))
            parts.append(part if (i, j) == (1, 1) else (part * MARGIN_LIGHT).astype(np.uint8))
        rows.append(np.concatenate(parts, axis=1))
    return np.concatenate(rows, axis=0)


def resized(picture: Image.Image, box: Box, size: tuple[int, int]) -> Pixels:
    """A part of the picture (in pixels, cut to the picture) at `size` (width, height), uint8 [height, width, 3]."""
    x0, y0 = max(0.0, box[0]), max(0.0, box[1])
    x1, y1 = min(float(picture.width), box[2]), min(float(picture.height), box[3])
    if x1 - x0 < 1e-6 or y1 - y0 < 1e-6:
        return np.zeros((size[1], size[0], 3), np.uint8)
    enlarged = size[0] > x1 - x0 and size[1] > y1 - y0
    # enlarged pixels stay pixels; shrunken ones are averaged, so that nothing is skipped over
    how = Image.Resampling.NEAREST if enlarged else Image.Resampling.BOX
    return np.asarray(picture.resize(size, how, box=(x0, y0, x1, y1)))


def spread(values: NDArray[np.float64], layout: CellLayout) -> NDArray[np.float64]:
    """One value a patch [rows, cols] as one value a pixel of the grid's cells [2·rows·tall, cols·wide]."""
    return np.repeat(np.repeat(values, 2 * layout.tall, axis=0), layout.wide, axis=1)


def inner(pixels: Pixels, layout: CellLayout) -> tuple[slice, slice]:
    """Where the grid lies within the pixels of `draw`."""
    top, left = 2 * layout.top, layout.left
    return (
        slice(top, top + 2 * layout.rows * layout.tall),
        slice(left, left + layout.cols * layout.wide),
    )
