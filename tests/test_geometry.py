"""Geometry: what must hold of any grid in any image."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from vlmtui.geometry import (
    AxisMap,
    Box,
    Place,
    clip_box,
    pixel_bounds,
    place_at_pixel,
    raster_boxes,
    raster_extent,
)

coordinates = st.floats(-5000, 5000, allow_nan=False)


def clear_boxes() -> st.SearchStrategy[Box]:
    spans = st.tuples(coordinates, st.floats(0.01, 4000))
    return st.tuples(spans, spans).map(lambda s: (s[0][0], s[1][0], s[0][0] + s[0][1], s[1][0] + s[1][1]))


@given(clear_boxes(), st.integers(1, 3000), st.integers(1, 3000))
def test_clip_stays_inside_and_tells_the_share(box: Box, width: int, height: int) -> None:
    clipped, inside = clip_box(box, width, height)
    assert 0.0 <= inside <= 1.0
    if clipped is None:
        assert inside == 0.0
        assert box[2] <= 0 or box[3] <= 0 or box[0] >= width or box[1] >= height
        return
    assert 0 <= clipped[0] < clipped[2] <= width
    assert 0 <= clipped[1] < clipped[3] <= height
    area = (box[2] - box[0]) * (box[3] - box[1])
    share = (clipped[2] - clipped[0]) * (clipped[3] - clipped[1]) / area
    assert inside == pytest.approx(min(share, 1.0))
    assert clip_box(clipped, width, height)[0] == clipped


def test_a_box_without_area_is_nowhere() -> None:
    assert clip_box((5.0, 5.0, 5.0, 9.0), 10, 10) == (None, 0.0)


@given(st.integers(1, 12), st.integers(1, 12), st.floats(0.01, 50), st.floats(0.01, 50), coordinates, coordinates)
def test_raster_boxes_tile_without_gaps(
    rows: int, cols: int, xs: float, ys: float, x_offset: float, y_offset: float
) -> None:
    boxes = raster_boxes(rows, cols, (14, 16), AxisMap(xs, x_offset), AxisMap(ys, y_offset)).reshape(rows, cols, 4)
    assert (boxes[:, :-1, 2] == boxes[:, 1:, 0]).all()
    assert (boxes[:-1, :, 3] == boxes[1:, :, 1]).all()
    assert (boxes[..., 2] > boxes[..., 0]).all()
    assert (boxes[..., 3] > boxes[..., 1]).all()
    assert boxes[0, 0, 0] == pytest.approx(x_offset)
    assert boxes[-1, -1, 3] == pytest.approx(ys * 14 * rows + y_offset)


@given(clear_boxes(), st.integers(1, 3000), st.integers(1, 3000))
def test_pixel_bounds_are_at_least_one_pixel_of_the_picture(box: Box, width: int, height: int) -> None:
    left, top, right, bottom = pixel_bounds(box, width, height)
    assert 0 <= left < right <= width
    assert 0 <= top < bottom <= height
    clipped, _ = clip_box(box, width, height)
    if clipped:
        assert left <= math.floor(clipped[0] + 1e-9) or left == width - 1
        assert right >= math.ceil(clipped[2] - 1e-9)


def test_every_pixel_has_its_token() -> None:
    boxes = raster_boxes(3, 4, (10, 10), AxisMap(1.0, 0.0), AxisMap(1.0, 0.0))
    places = tuple(
        Place(i, "patch", 0, *divmod(i, 4), (float(b[0]), float(b[1]), float(b[2]), float(b[3])), 1.0, (i,))
        for i, b in enumerate(boxes)
    )
    for x, y in np.ndindex(40, 30):
        place = place_at_pixel(places, x + 0.5, y + 0.5)
        assert place is not None
        assert (place.row, place.col) == (y // 10, x // 10)
    assert place_at_pixel(places, 40.0, 5.0) is None


@given(
    st.integers(3, 20), st.integers(3, 20), st.floats(0.5, 3), st.floats(-0.9, 0.9), st.floats(-0.9, 0.9), st.booleans()
)
def test_a_clipped_raster_is_known_whole_by_its_inner_edges(
    rows: int, cols: int, scale: float, left: float, top: float, holes: bool
) -> None:
    """The raster reaches up to nine tenths of a cell beyond the picture on each side, and may have holes."""
    size = 16 * scale
    x, y = AxisMap(scale, left * size), AxisMap(scale, top * size)
    boxes = raster_boxes(rows, cols, (16, 16), x, y)
    width, height = math.ceil(cols * size * 0.95 + left * size), math.ceil(rows * size * 0.95 + top * size)
    assume(width > 2 * size)
    assume(height > 2 * size)
    places = []
    for i, corners in enumerate(boxes.tolist()):
        box, inside = clip_box(tuple(corners), width, height)
        if not holes or i % 7 != 3:
            places.append(Place(i, "patch", 0, i // cols, i % cols, box, inside, (i,)))
    whole, _ = clip_box((*boxes[0, :2], *boxes[-1, 2:]), width, height)
    assert whole is not None
    extent = raster_extent(places, rows, cols, (width, height), whole)
    assert extent == pytest.approx((*boxes[0, :2], *boxes[-1, 2:]), abs=2e-3 * size)


def test_a_raster_of_one_cell_is_its_box() -> None:
    place = Place(0, "patch", 0, 0, 0, (0.0, 0.0, 64.0, 40.0), 0.5, (0,))
    assert raster_extent([place], 1, 1, (64, 40), (0.0, 0.0, 64.0, 40.0)) == (0.0, 0.0, 64.0, 40.0)


def test_boxes_that_overlap_have_their_edges_midway() -> None:
    """Tokens resampled over more than their own cell: cells of 10, boxes of 14 around them."""
    places = []
    for i in range(24):
        row, col = divmod(i, 6)
        box, inside = clip_box((col * 10 - 2, row * 10 - 2, col * 10 + 12, row * 10 + 12), 60, 40)
        places.append(Place(i, "patch", 0, row, col, box, inside, ()))
    assert raster_extent(places, 4, 6, (60, 40), (0.0, 0.0, 60.0, 40.0)) == (0.0, 0.0, 60.0, 40.0)
