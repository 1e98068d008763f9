"""Image canvas for terminal cells: two pixels per cell, patch edges on pixel edges. Arrays in, arrays out."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vlmtui.display.cell_layout import CellLayout
from vlmtui.display.colours import Colour
from vlmtui.geometry import Box

Pixels = NDArray[np.uint8]
_Value = TypeVar("_Value", np.float64, np.bool_, np.intp)
MARGIN_LIGHT = 0.35
PADDING: Pixels = np.array([[34, 39, 47], [48, 54, 63]], dtype=np.uint8)
"""The two greys of the diagonal stripes that mark padding."""


def half_block(top: Colour, bottom: Colour) -> tuple[str, Colour | None, Colour]:
    """A cell of two pixels: its character, the colour of that, and of the background; None where it is a space."""
    return ("▀", top, bottom) if top != bottom else (" ", None, bottom)


def draw_image(
    picture: Image.Image, layout: CellLayout, grid_box: Box, holes: NDArray[np.bool_] | None = None
) -> Pixels:
    """Draw the image as uint8 [2 · layout.height, layout.width, 3], the part outside the grid dimmed.

    Each part is resized separately, so that the grid's edges fall exactly between half-cells. Where the grid extends
    beyond the image, the padding pattern is drawn. Cells marked in `holes` [rows, cols] are dimmed too. All of the
    layout is drawn before what is in view is cut out: a pixel is the same wherever it is seen. A half-row that is empty
    is black.
    """
    whole = layout.whole
    pixels = _draw_whole(picture, whole, grid_box)
    if holes is not None and holes.any():
        there = whole.grid_slices()
        dark = spread_to_pixels(holes, whole)
        # padding is dark already and its pattern should stay visible
        (left, right), (top, bottom) = _within(picture, grid_box, (dark.shape[1], dark.shape[0]))
        seen = np.zeros_like(dark)
        seen[top:bottom, left:right] = True
        pixels[there] = np.where((dark & seen)[..., None], _dimmed(pixels[there]), pixels[there])
    return in_view(pixels, layout)


def in_view(pixels: Pixels, layout: CellLayout) -> Pixels:
    """What is in view of the pixels of a whole layout."""
    x, y = layout.corner
    return pixels[2 * y : 2 * (y + layout.height), x : x + layout.width]


def _draw_whole(picture: Image.Image, layout: CellLayout, grid_box: Box) -> Pixels:
    x0, y0, x1, y1 = grid_box
    across = layout.cols * layout.wide / (x1 - x0)
    down = layout.rows * layout.high / (y1 - y0)
    # a margin of whole cells may extend a little beyond the image
    xs = (max(0.0, x0 - layout.left / across), x0, x1, min(float(picture.width), x1 + layout.right / across))
    ys = (max(0.0, y0 - layout.top / down), y0, y1, min(float(picture.height), y1 + layout.bottom / down))
    wides = (layout.left, layout.cols * layout.wide, layout.right)
    talls = (layout.top, layout.rows * layout.high, layout.bottom)
    rows = []
    for j, tall in enumerate(talls):
        parts = []
        for i, wide in enumerate(wides):
            if not tall or not wide:
                parts.append(np.zeros((tall, wide, 3), np.uint8))
                continue
            part = resize_padded(picture, (xs[i], ys[j], xs[i + 1], ys[j + 1]), (wide, tall))
            parts.append(part if (i, j) == (1, 1) else _dimmed(part))
        rows.append(np.concatenate(parts, axis=1))
    if layout.has_blank:
        rows.append(np.zeros((1, sum(wides), 3), np.uint8))
    return np.concatenate(rows, axis=0)


def averaged(pixels: Pixels, size: tuple[int, int]) -> Pixels:
    """Pixels at a smaller `size` (width, height), each the average of what it covers, of some of them a part."""
    means = pixels.astype(np.float64)
    for axis, parts in ((1, size[0]), (0, size[1])):
        many = means.shape[axis]
        sums = np.insert(np.cumsum(means, axis), 0, 0.0, axis)
        edges = np.arange(parts + 1) * many / parts
        last = np.minimum(edges.astype(np.intp), many - 1)
        share = np.expand_dims(edges - last, tuple(i for i in range(means.ndim) if i != axis))
        before = np.take(sums, last, axis)
        means = np.diff(before + share * (np.take(sums, last + 1, axis) - before), axis=axis) * parts / many
    return np.rint(means).astype(np.uint8)


def _dimmed(pixels: Pixels) -> Pixels:
    return (pixels * MARGIN_LIGHT).astype(np.uint8)


def resize_padded(picture: Image.Image, box: Box, size: tuple[int, int]) -> Pixels:
    """As `resize_part`, for a box that may extend beyond the image, where the padding pattern is drawn."""
    wide, tall = size
    (left, right), (top, bottom) = _within(picture, box, size)
    if (left, top, right, bottom) == (0, 0, wide, tall):
        return resize_part(picture, box, size)
    y, x = np.mgrid[0:tall, 0:wide]
    pixels: Pixels = PADDING[(x + y) // 2 % 2]
    if left < right and top < bottom:
        pixels[top:bottom, left:right] = resize_part(picture, box, (right - left, bottom - top))
    return pixels


def _within(picture: Image.Image, box: Box, size: tuple[int, int]) -> tuple[tuple[int, int], tuple[int, int]]:
    """The columns and rows of a box drawn at `size` (width, height) inside the image: (left, right), (top, bottom)."""
    x0, y0, x1, y1 = box
    left, right = (round((min(max(x, 0.0), picture.width) - x0) / (x1 - x0) * size[0]) for x in (x0, x1))
    top, bottom = (round((min(max(y, 0.0), picture.height) - y0) / (y1 - y0) * size[1]) for y in (y0, y1))
    return (left, right), (top, bottom)


def resize_part(picture: Image.Image, box: Box, size: tuple[int, int]) -> Pixels:
    """Resize a part of the image (in pixels, clipped to it) to `size` (width, height), uint8 [height, width, 3]."""
    x0, y0 = max(0.0, box[0]), max(0.0, box[1])
    x1, y1 = min(float(picture.width), box[2]), min(float(picture.height), box[3])
    if x1 - x0 < 1e-6 or y1 - y0 < 1e-6:
        return np.zeros((size[1], size[0], 3), np.uint8)
    enlarged = size[0] > x1 - x0 and size[1] > y1 - y0
    # enlarged pixels stay sharp; shrunken ones are averaged, so that none is skipped
    how = Image.Resampling.NEAREST if enlarged else Image.Resampling.BOX
    return np.asarray(picture.resize(size, how, box=(x0, y0, x1, y1)))


def spread_to_pixels(values: NDArray[_Value], layout: CellLayout) -> NDArray[_Value]:
    """Repeat one value per patch [rows, cols, ...] as one per pixel of the grid that is in view."""
    return values[layout.patch_rows()][:, layout.patch_columns()]
