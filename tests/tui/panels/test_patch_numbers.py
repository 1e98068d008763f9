"""Patch by numbers: the pixel cursor, and that what is drawn are the numbers that the session told."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tui import readings
from tests.tui.fake import app
from tests.tui.panels.test_layer_words import BACK, rested, stage
from tests.tui.screens.test_explorer import WIDE, at, explorer, text
from vlmtui.display.colours import difference_colours
from vlmtui.tui.navigation import fit_selection, move_cursor
from vlmtui.tui.panels.patch_numbers import STEPS, shades
from vlmtui.tui.state.results import Results
from vlmtui.tui.state.selection import Selection

ROWS, COLS, SIDE = 6, 8, 16


def seen() -> Results:
    made = readings.reading(ROWS, COLS)
    return Results(made.image, readings.picture(), made.model, made)


async def test_enter_walks_over_the_pixels_and_into_the_next_patch() -> None:
    tui = app(stage="vision.0")
    async with tui.run_test(size=WIDE) as pilot:
        await rested(pilot)
        await pilot.press("enter")
        assert explorer(pilot).state.selection.pixel is None, "at pixels alone"
        await pilot.press(BACK)
        assert stage(pilot) == "pixels"
        row, col = at(pilot)
        await pilot.press("enter")
        assert "#1c64c8  row 8, column 8 " in text(tui, "#numbers")
        await pilot.press(*["right"] * 7)
        assert at(pilot) == (row, col)
        assert "row 8, column 15 " in text(tui, "#numbers")
        await pilot.press("right")
        assert at(pilot) == (row, col + 1)
        await rested(pilot)
        assert "row 8, column 0 " in text(tui, "#numbers")
        await pilot.press("escape", "left")
        assert at(pilot) == (row, col)
        assert explorer(pilot).state.selection.pixel is None


async def test_a_pixel_is_in_decimal_binary_hexadecimal_and_normalised() -> None:
    tui = app(stage="pixels")
    async with tui.run_test(size=(200, 60)) as pilot:
        await rested(pilot)
        row, col = at(pilot)
        red = row * COLS + col
        said = " ".join(text(tui, "#numbers").split())
        assert f"#{red:02x}64c8 row 8, column 8" in said
        for name, level in (("red", red), ("green", 100), ("blue", 200)):
            found = re.search(rf"{name} +(\d+) ([01]{{8}})→ *(-?[\d.]+)", said)
            assert found is not None, name
            assert (int(found[1]), int(found[2], 2)) == (level, level)
            assert float(found[3]) == pytest.approx(level / 127.5 - 1, abs=5e-4)


@pytest.mark.parametrize(("size", "said"), [((200, 60), "16×16 px"), ((80, 24), "columns ")])
async def test_the_header_says_which_columns_of_the_patch_are_drawn(size: tuple[int, int], said: str) -> None:
    """All of them where there is room beside a pixel in decimal and binary; else those around the pixel's."""
    tui = app(stage="pixels")
    async with tui.run_test(size=size) as pilot:
        await rested(pilot)
        await pilot.press("enter")
        header = text(tui, "#numbers").splitlines()[0]
        assert said in header
        if said == "columns ":
            first, last = map(int, header.split("columns ")[1].split(" of 16")[0].split("–"))
            assert first <= SIDE // 2 <= last
        await pilot.press(*["right"] * 7)
        assert "15 of 16" in text(tui, "#numbers").splitlines()[0] or said == "16×16 px"


async def test_the_vectors_have_their_names_and_norms() -> None:
    tui = app(stage="pixels")
    async with tui.run_test(size=(200, 60)) as pilot:
        await rested(pilot)
        row, col = at(pilot)
        patch = row * COLS + col
        said = text(tui, "#numbers")
        told = readings.anatomy(patch)
        assert told.flat is not None
        flat = next(line for line in said.splitlines() if line.startswith("flattened: 1,536 values, 2 frames alike"))
        assert f"norm {np.linalg.norm(told.flat.astype(float)):.2f}" in flat
        assert f"norm {10 + patch}.00" in next(line for line in said.splitlines() if "projection, 6 values" in line)
        assert f"norm {1 + patch}.00" in next(line for line in said.splitlines() if "+ position embedding" in line)
        assert f"norm {np.hypot(10 + patch, 1 + patch):.2f}" in next(
            ln for ln in said.splitlines() if "= vision.0" in ln
        )
        assert re.search(r" cosines *\n.* 0 to 1", said)


@pytest.mark.parametrize("size", [(80, 24), (100, 30), (120, 40), (200, 60)])
async def test_it_keeps_within_its_place(size: tuple[int, int]) -> None:
    tui = app(stage="pixels")
    async with tui.run_test(size=size) as pilot:
        await rested(pilot)
        await pilot.press("enter")
        panel = explorer(pilot).query_one("#numbers")
        assert panel.display
        assert all(panel.render_line(y).cell_length == panel.size.width for y in range(panel.size.height))
        lines = text(tui, "#numbers").splitlines()
        assert any(re.search(r"red +\d+( [01]{8})?→ +-?[\d.]+", line) for line in lines)
        # how many values there are is said whole or not at all: no thousands without the rest
        assert not any(re.search(r"flattened: \d{1,2}( |$)", line) for line in lines)


@given(
    st.lists(st.sampled_from([(0, 1), (0, -1), (1, 0), (-1, 0), (0, 5), (3, 0)]), max_size=60),
    st.integers(0, ROWS - 1),
    st.integers(0, COLS - 1),
)
def test_the_pixel_cursor_walks_over_the_whole_image(steps: list[tuple[int, int]], row: int, col: int) -> None:
    """As a cursor over all the pixels of the grid would that stops at its edges."""
    results = seen()
    selection = fit_selection(Selection(row=row, col=col, stage="pixels", pixel=(0, 0)), results)
    y, x = row * SIDE, col * SIDE
    for down, across in steps:
        selection = move_cursor(selection, results, down, across)
        assert selection.pixel is not None
        if 0 <= y + down < ROWS * SIDE and 0 <= x + across < COLS * SIDE:
            y, x = y + down, x + across
        assert (selection.row * SIDE + selection.pixel[0], selection.col * SIDE + selection.pixel[1]) == (y, x)


def test_shades_are_the_values_in_steps_of_the_largest() -> None:
    values = np.array([-4.0, 0.0, 1.0, 2.0, 4.0], np.float32)
    np.testing.assert_array_equal(shades(values), difference_colours(np.array([-1, 0, 0.25, 0.5, 1]), 1.0))
    assert STEPS % 4 == 0
    assert shades(np.zeros(3, np.float32)).shape == (3, 3)
