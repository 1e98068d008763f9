"""Cells of one patch: a cursor of half-cells stands out on every colour, and marks are seen where no character fits."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.color import Color

from vlmtui.display.cell_layout import CellLayout
from vlmtui.display.colours import contrast
from vlmtui.tui.overlays.drawing import has_glyph
from vlmtui.tui.terminal.theme import DARK, LIGHT
from vlmtui.tui.widgets.patch_cells import (
    bracket,
    has_bracket,
    patch_pixels,
    solid_cells,
    solid_colours,
    tint,
)

colours = st.tuples(*[st.integers(0, 255)] * 3)
ACCENTS = [Color.parse(roles.accent).get_truecolor() for roles in (DARK, LIGHT)]


def drawn(segment: object) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The colours of the upper and the lower half of a cell."""
    style = segment.style  # type: ignore[attr-defined]
    lower = tuple(style.bgcolor.get_truecolor())
    return (tuple(style.color.get_truecolor()) if segment.text == "▀" else lower), lower  # type: ignore[attr-defined]


@given(colours, st.sampled_from(ACCENTS))
def test_the_cursor_stands_out_on_every_colour(colour: tuple[int, int, int], accent: tuple[int, int, int]) -> None:
    pixels = np.full((2, 2, 3), colour, np.uint8)
    first, second = solid_colours(pixels, accent)
    assert first == accent  # it is told from the image by its colour
    assert contrast(second, colour) >= 3.0
    assert (second == accent) == (contrast(accent, colour) >= 3.0)


def test_contrast_is_that_of_the_standard() -> None:
    assert contrast((0, 0, 0), (255, 255, 255)) == pytest.approx(21.0)
    assert contrast((255, 255, 255), (0, 0, 0)) == pytest.approx(21.0)
    # WCAG's own example of a colour that just reaches 4.5 on white
    assert contrast((118, 118, 118), (255, 255, 255)) == pytest.approx(4.54, abs=0.01)
    assert contrast((10, 20, 30), (10, 20, 30)) == 1.0


@given(st.integers(1, 5), st.integers(1, 6), st.integers(1, 5), st.integers(1, 6), st.data())
def test_the_cursor_colours_the_half_cells_of_its_patch_and_no_other(
    rows: int, cols: int, wide: int, high: int, data: st.DataObject
) -> None:
    layout = CellLayout(rows, cols, wide, high, 1, 2, 0, 1)
    rng = np.random.default_rng(rows * 10 + cols)
    pixels = rng.integers(0, 40, (2 * layout.height, layout.width, 3), dtype=np.uint8)
    cell = data.draw(st.tuples(st.integers(0, rows - 1), st.integers(0, cols - 1)))
    accent = ACCENTS[0]
    seen = pixels.copy()
    for y in range(layout.height):
        for x, segment in solid_cells(pixels, layout, cell, y, accent):
            seen[2 * y, x], seen[2 * y + 1, x] = drawn(segment)
    wanted = pixels.copy()
    for y, x in np.ndindex(*pixels.shape[:2]):
        if layout.patch_at_half(x, y) == cell:
            wanted[y, x] = accent
    assert (seen == wanted).all()


@pytest.mark.parametrize(("wide", "high"), [(2, 1), (3, 1), (2, 2), (1, 2), (1, 3), (2, 3), (1, 1)])
def test_over_what_is_as_bright_as_the_accent_half_of_the_cursor_is_black(wide: int, high: int) -> None:
    layout = CellLayout(1, 1, wide, high, 0, 0, 0, 0)
    pixels = np.full((2 * layout.height, wide, 3), (181, 135, 97), np.uint8)  # a cat's fur
    seen = [drawn(one) for y in range(layout.height) for _, one in solid_cells(pixels, layout, (0, 0), y, ACCENTS[0])]
    halves = [half for cell in seen for half in cell if half != (181, 135, 97)]
    assert len(halves) == wide * high
    black = halves.count((0, 0, 0))
    assert black == (high - high // 2 if wide == 1 else high * (wide - (wide + 1) // 2))
    assert halves.count(tuple(ACCENTS[0])) == len(halves) - black


@given(st.integers(1, 6), st.integers(1, 9), st.integers(0, 3))
def test_a_bracket_needs_three_columns_and_a_whole_row(wide: int, high: int, row: int) -> None:
    layout = CellLayout(4, 4, wide, high, 0, 0, 0, 0)
    assert has_bracket(layout, row) == (wide >= 3 and high >= 2)
    assert has_glyph(layout, row) == (wide >= 2 and high >= 2)


def test_a_mark_tints_its_patch_alone() -> None:
    layout = CellLayout(4, 4, 1, 1, 0, 0, 0, 0)
    pixels = np.full((4, 4, 3), 90, np.uint8)
    tint(patch_pixels(pixels, layout, 2, 1), (240, 10, 10))
    changed = (pixels != 90).any(axis=2)
    assert np.argwhere(changed).tolist() == [[2, 1]]
    assert pixels[2, 1, 0] > 150


def test_a_tall_bracket_is_open_between_its_ends() -> None:
    """No move of the cursor marks more cells than that of a bracket of eight lines."""
    for tall in range(2, 30):
        lines = [line for line in range(tall) if bracket(line, 5, tall)]
        assert {0, 1, tall - 2, tall - 1} <= set(lines)
        assert len(lines) == (tall if tall <= 8 else 4)
        assert bracket(0, 5, tall) == [(0, "┏"), (4, "┓")]
        assert bracket(tall - 1, 5, tall) == [(0, "┗"), (4, "┛")]
