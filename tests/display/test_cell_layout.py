"""Cell layout: what must hold of any grid on any screen, at every zoom, whatever is in view."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from PIL import Image

from vlmtui.display import canvas
from vlmtui.display.cell_layout import FIT, ZOOMS, CellLayout, fit_cells, fit_patches, in_window, shape_difference
from vlmtui.geometry import Box

sizes = st.integers(1, 40)
views = st.tuples(st.integers(1, 240), st.integers(1, 70))
GridInPicture = tuple[int, int, Box, tuple[int, int]]


@st.composite
def grids_in_pictures(draw: st.DrawFn) -> GridInPicture:
    """Rows, columns, the grid's box within a picture, and the picture's size."""
    width, height = draw(st.integers(1, 4000)), draw(st.integers(1, 4000))
    left, top = draw(st.floats(0, 0.45)), draw(st.floats(0, 0.45))
    box = (left * width, top * height, (1 - left) * width, (1 - top) * height)
    return draw(sizes), draw(sizes), box, (width, height)


@st.composite
def layouts(draw: st.DrawFn) -> CellLayout:
    """Any layout, with margins, and with any part of it in view."""
    rows, cols, wide, high = (draw(st.integers(1, 9)) for _ in range(4))
    left, right, bottom = (draw(st.integers(0, 5)) for _ in range(3))
    layout = CellLayout(rows, cols, wide, high, left, 2 * draw(st.integers(0, 3)), right, bottom)
    if draw(st.booleans()):
        return layout
    across, down = (draw(st.integers(1, room)) for room in layout.size)
    x, y = draw(st.integers(0, layout.size[0] - across)), draw(st.integers(0, layout.size[1] - down))
    return CellLayout(rows, cols, wide, high, layout.left, layout.top, right, bottom, window=(x, y, across, down))


def half_cells(layout: CellLayout) -> dict[tuple[int, int], tuple[int, int]]:
    """The patch of every half-cell of the grid in view, by counting patches off one after the other."""
    owners = {}
    corner_x, corner_y = layout.corner
    for row in range(layout.rows):
        for col in range(layout.cols):
            for y in range(layout.high):
                for x in range(layout.wide):
                    at = (
                        layout.left + col * layout.wide + x - corner_x,
                        layout.top + row * layout.high + y - 2 * corner_y,
                    )
                    if 0 <= at[0] < layout.width and 0 <= at[1] < 2 * layout.height:
                        owners[at] = row, col
    return owners


@given(layouts())
def test_every_half_cell_belongs_to_one_patch_or_to_a_margin(layout: CellLayout) -> None:
    owners = half_cells(layout)
    for y in range(2 * layout.height):
        for x in range(layout.width):
            assert layout.patch_at_half(x, y) == owners.get((x, y))
    for y in range(layout.height):
        for x in range(layout.width):
            upper, lower = owners.get((x, 2 * y)), owners.get((x, 2 * y + 1))
            assert layout.patch_at(x, y) == (upper if upper is not None else lower)


@given(layouts())
def test_the_region_of_a_patch_is_the_cells_that_it_touches(layout: CellLayout) -> None:
    owners = half_cells(layout)
    for row in range(layout.rows):
        for col in range(layout.cols):
            own = {at for at, owner in owners.items() if owner == (row, col)}
            left, top, across, down = layout.region(row, col)
            cells = {(x, y) for x in range(left, left + across) for y in range(top, top + down)}
            assert cells == {(x, y // 2) for x, y in own}
            rows = set(layout.cell_rows(row))
            whole = {y for x, y in cells if {(x, 2 * y), (x, 2 * y + 1)} <= own}
            assert whole <= rows
            if own:
                assert {y for y in rows if 0 <= y < layout.height} == whole
            assert layout.is_whole(row, col) == (len(own) == layout.wide * layout.high)
    rows_seen, cols_seen = layout.in_view()
    assert {(row, col) for row in rows_seen for col in cols_seen} == {
        (row, col) for row in range(layout.rows) for col in range(layout.cols) if layout.is_whole(row, col)
    }


@given(layouts())
def test_values_spread_to_the_half_cells_of_their_patches(layout: CellLayout) -> None:
    owners = half_cells(layout)
    values = np.arange(layout.rows * layout.cols, dtype=np.float64).reshape(layout.rows, layout.cols)
    seen = np.full((2 * layout.height, layout.width), -1.0)
    seen[layout.grid_slices()] = canvas.spread_to_pixels(values, layout)
    wanted = np.full_like(seen, -1.0)
    for (x, y), owner in owners.items():
        wanted[y, x] = values[owner]
    assert (seen == wanted).all()


@settings(deadline=None)
@given(layouts())
def test_the_pixels_of_a_half_cell_come_from_its_patch(layout: CellLayout) -> None:
    """Every patch of the picture has a colour of its own, the margins around them another."""
    rng = np.random.default_rng(layout.rows * 100 + layout.cols)
    colours = rng.integers(40, 255, (layout.rows, layout.cols, 3), dtype=np.uint8)
    # a margin of the picture for each of the layout, as wide as on the screen
    inner = np.repeat(np.repeat(colours, layout.high, axis=0), layout.wide, axis=1)
    margins = (layout.top, layout.bottom), (layout.left, layout.right), (0, 0)
    picture = Image.fromarray(np.pad(inner, margins))
    box = (
        float(layout.left),
        float(layout.top),
        float(layout.left + layout.cols * layout.wide),
        float(layout.top + layout.rows * layout.high),
    )
    pixels = canvas.draw_image(picture, layout, box)
    wanted = np.zeros((2 * layout.height, layout.width, 3), np.uint8)
    for (x, y), owner in half_cells(layout).items():
        wanted[y, x] = colours[owner]
    assert (pixels == wanted).all()


@settings(deadline=None, max_examples=50)
@given(views, grids_in_pictures(), st.sampled_from(ZOOMS), st.data())
def test_a_pan_shows_the_same_pixels_elsewhere(
    view: tuple[int, int], grid: GridInPicture, zoom: int, data: st.DataObject
) -> None:
    rows, cols, box, picture = grid
    layout = fit_patches(view, rows, cols, box, picture, zoom=zoom)
    assume(layout.size[0] * layout.size[1] < 40_000)
    first, second = (data.draw(st.tuples(st.integers(0, rows - 1), st.integers(0, cols - 1))) for _ in range(2))
    one = in_window(layout, view, first)
    other = in_window(layout, view, second, one)
    image = Image.effect_noise(picture, 80).convert("RGB") if max(picture) < 500 else Image.new("RGB", picture)
    before, after = canvas.draw_image(image, one, box), canvas.draw_image(image, other, box)
    across, down = other.corner[0] - one.corner[0], other.corner[1] - one.corner[1]
    if abs(across) < one.width and abs(down) < one.height:
        both = [
            pixels[
                2 * max(0, sign * down) : 2 * (one.height + min(0, sign * down)),
                max(0, sign * across) : one.width + min(0, sign * across),
            ]
            for pixels, sign in ((before, 1), (after, -1))
        ]
        assert (both[0] == both[1]).all()


@given(views, grids_in_pictures(), st.sampled_from(ZOOMS))
def test_a_layout_has_margins_and_patches_of_half_cells(view: tuple[int, int], grid: GridInPicture, zoom: int) -> None:
    rows, cols, box, picture = grid
    layout = fit_patches(view, rows, cols, box, picture, zoom=zoom)
    assert (layout.rows, layout.cols) == (rows, cols)
    assert layout.wide >= 1
    assert layout.high >= 1
    assert min(layout.left, layout.top, layout.right, layout.bottom) >= 0
    assert layout.top % 2 == 0
    if zoom > 1 and layout != fit_patches(view, rows, cols, box, picture):
        # enlarged, a patch is made of whole cells, and one of them is never larger than what is in view
        assert layout.high % 2 == 0
        assert layout.wide <= view[0]
        assert layout.high <= 2 * view[1]


@given(views, grids_in_pictures())
def test_what_can_fit_fits(view: tuple[int, int], grid: GridInPicture) -> None:
    rows, cols, box, picture = grid
    for fit in (fit_patches, fit_cells):
        layout, smallest = fit(view, rows, cols, box, picture), fit((1, 1), rows, cols, box, picture)
        if smallest.width <= view[0] and smallest.height <= view[1]:
            assert layout.width <= view[0]
            assert layout.height <= view[1]


@given(views, grids_in_pictures())
def test_no_larger_patch_of_the_right_shape_fits(view: tuple[int, int], grid: GridInPicture) -> None:
    """Against a search of every width and height without margins."""
    rows, cols, box, _ = grid
    size = max(1, round(box[2] - box[0])), max(1, round(box[3] - box[1]))
    box = (0.0, 0.0, float(size[0]), float(size[1]))
    layout = fit_patches(view, rows, cols, box, size)
    aspect = min(max(size[0] / cols / (size[1] / rows), 0.25), 4.0)
    near = [
        wide * high
        for wide in range(1, view[0] // cols + 1)
        for high in range(1, 2 * view[1] // rows + 1)
        if 1 / 1.15 - 1e-9 <= wide / high / aspect <= 1.15 + 1e-9
    ]
    if near:
        assert layout.wide * layout.high == max(near)
        assert 1 / 1.15 - 1e-9 <= shape_difference(layout, box) <= 1.15 + 1e-9
        return
    others = [
        abs(math.log(wide / high / aspect))
        for wide in range(1, view[0] // cols + 1)
        for high in range(1, 2 * view[1] // rows + 1)
    ]
    if others:
        assert abs(math.log(shape_difference(layout, box))) == pytest.approx(min(others))


@given(views, grids_in_pictures(), st.sampled_from(ZOOMS), st.data())
@example((66, 30), (24, 24, (0.0, 0.0, 640.0, 427.0), (640, 427)), 4, None)
def test_the_patch_of_the_cursor_is_in_view_and_the_view_moves_no_further(
    view: tuple[int, int], grid: GridInPicture, zoom: int, data: st.DataObject | None
) -> None:
    rows, cols, box, picture = grid
    layout = fit_patches(view, rows, cols, box, picture, zoom=zoom)
    cells = st.tuples(st.integers(0, rows - 1), st.integers(0, cols - 1))
    before: CellLayout | None = None
    walk = [data.draw(cells) for _ in range(4)] if data else [(6, 9), (6, 10), (23, 23), (0, 0)]
    for cell in walk:
        seen = in_window(layout, view, cell, before)
        assert seen.width <= view[0]
        assert seen.height <= view[1]
        assert seen.whole == layout
        if layout.wide <= view[0] and layout.high < 2 * view[1]:
            assert seen.is_whole(*cell)
        if before is not None and before.is_whole(*cell):
            assert seen == before
        before = seen


@pytest.mark.parametrize(
    ("view", "rows", "cols", "picture", "size"),
    [
        ((72, 31), 24, 24, (640, 427), (3, 2)),
        ((72, 31), 24, 24, (427, 427), (2, 2)),
        ((120, 40), 14, 14, (640, 427), (8, 5)),
        ((42, 20), 14, 14, (640, 427), (3, 2)),
        ((144, 48), 24, 24, (640, 427), (6, 4)),
        # no size has the shape: the nearest
        ((64, 31), 24, 24, (640, 427), (2, 1)),
    ],
)
def test_the_usual_grids(
    view: tuple[int, int], rows: int, cols: int, picture: tuple[int, int], size: tuple[int, int]
) -> None:
    box = (0.0, 0.0, float(picture[0]), float(picture[1]))
    layout = fit_patches(view, rows, cols, box, picture)
    assert (layout.wide, layout.high) == size
    assert (layout.left, layout.top, layout.right, layout.bottom) == (0, 0, 0, 0)


def test_what_a_model_crops_has_margins() -> None:
    layout = fit_patches((200, 60), 24, 24, (106.5, 0.0, 533.5, 427.0), (640, 427))
    assert layout.left > 0
    assert layout.right > 0
    assert layout.top == layout.bottom == 0


def test_a_zoom_of_four_shows_six_by_six_patches() -> None:
    """The drawing: 24 × 24 patches of 3 columns × 2 half-rows, four times as large."""
    box, picture = (0.0, 0.0, 640.0, 427.0), (640, 427)
    fitted = fit_patches((72, 24), 24, 24, box, picture)
    enlarged = in_window(fit_patches((72, 24), 24, 24, box, picture, zoom=4), (72, 24), (6, 9))
    assert (fitted.wide, fitted.high, enlarged.wide, enlarged.high) == (3, 2, 12, 8)
    rows, cols = enlarged.in_view()
    assert (len(rows), len(cols)) == (6, 6)


@given(views, grids_in_pictures())
def test_reports_have_patches_of_whole_cells(view: tuple[int, int], grid: GridInPicture) -> None:
    rows, cols, box, picture = grid
    layout = fit_cells(view, rows, cols, box, picture)
    assert layout.high % 2 == layout.top % 2 == layout.bottom % 2 == 0
    for row, col in ((0, 0), (rows - 1, cols - 1), (rows // 2, cols // 2)):
        x, y, wide, tall = layout.region(row, col)
        assert (wide, 2 * tall) == (layout.wide, layout.high)
        assert 0 <= x <= layout.width - wide
        assert 0 <= y <= layout.height - tall


@given(views, grids_in_pictures())
@example((31, 3), (14, 37, (0.0, 0.5, 7.0, 1.5), (7, 2)))  # 111 × 31/111 is less than 31 in floating point
def test_what_does_not_fit_is_shrunk_into_the_view(view: tuple[int, int], grid: GridInPicture) -> None:
    """In its shape, every patch in some cell, every cell to a patch that it shows."""
    rows, cols, box, picture = grid
    layout = fit_patches(view, rows, cols, box, picture, zoom=FIT)
    single = fit_patches(view, rows, cols, box, picture)
    assert layout.full == single
    if layout.shrunk is None:
        assert single.width <= view[0]
        assert single.height <= view[1]
        return
    assert 1 <= layout.width <= view[0]
    assert 1 <= layout.height <= view[1]
    assert layout.width == view[0] or layout.half_rows >= 2 * view[1] - 1 or min(layout.width, layout.height) == 1
    for row, col in ((0, 0), (rows - 1, cols - 1), (rows // 2, cols // 3)):
        x, y, wide, high = layout.extent(row, col)
        assert 0 <= x < x + wide <= layout.width
        assert 0 <= y < y + high <= layout.half_rows
    for x, y in ((0, 0), (layout.width // 2, layout.half_rows // 3), (layout.width - 1, layout.half_rows - 1)):
        patch = layout.patch_at_half(x, y)
        if patch is not None:
            left, top, wide, high = layout.extent(*patch)
            assert left <= x < left + wide
            assert top <= y < top + high


@given(views, st.integers(1, 30))
def test_square_patches_stay_square(view: tuple[int, int], side: int) -> None:
    square = (0.0, 0.0, 100.0, 100.0)
    layout = fit_patches(view, side, side, square, (100, 100))
    # in whole numbers: exactly 15% off is within
    assert 20 * layout.high <= 23 * layout.wide
    assert 20 * layout.wide <= 23 * layout.high
    cells = fit_cells(view, side, side, square, (100, 100))
    assume(cells.width <= view[0] and cells.height <= view[1])
    # a row is as high as two columns are wide
    assert 0.5 <= cells.wide / cells.high <= 2


def test_no_patch_in_the_margins() -> None:
    layout = CellLayout(2, 3, 4, 4, left=5, top=2, right=5, bottom=2)
    assert (layout.width, layout.height) == (22, 6)
    assert layout.patch_at(4, 2) is None
    assert layout.patch_at(17, 2) is None
    assert layout.patch_at(5, 0) is None
    assert layout.patch_at(5, 5) is None
    assert layout.patch_at(16, 4) == (1, 2)
