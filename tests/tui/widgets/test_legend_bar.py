"""The lines beneath the picture: the number and the scale are their point, and are never cut."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
from textual.strip import Strip

from tests.tui.fake import app
from tests.tui.screens.test_explorer import text
from vlmtui.display.colours import difference_colours
from vlmtui.tui.dialogs.help_text import MEANINGS
from vlmtui.tui.widgets.legend_bar import Legend, LegendBar

FIND = "find red roofs (red roof ‿s): cosine at vision.5 (early exit), no single piece is that word: its 2"
FOUND = Legend(FIND, (0.1, 0.3), "here 0.123, 3rd of 196", 0.123)


@pytest.mark.parametrize("cells", [74, 78, 58, 110])
@pytest.mark.parametrize("rows", [1, 2, 3])
async def test_number_rank_and_scale_are_not_cut_by_what_explains_them(cells: int, rows: int) -> None:
    tui = app()
    async with tui.run_test(size=(140, 40)) as pilot:
        await pilot.pause()
        bar = tui.screen_stack[1].query_one(LegendBar)
        bar._legend = FOUND
        lines = [strip.text for strip in bar.build(cells, rows)]
        assert len(lines) <= rows
        assert "here 0.123, 3rd of 196" in lines[0]
        assert "0.100 " in lines[0]
        assert " 0.300" in lines[0]
        assert "find red roof" in "".join(lines) or cells < 74
        if rows == 3:
            assert " ".join(" ".join(lines[1:]).split()) == FIND
        assert all(len(line) == cells for line in lines)
        # as wide as it can be, all stands in one line
        assert bar.build(200, rows)[0].text.startswith(FIND)


@pytest.mark.parametrize(("value", "seen"), [(0.05, "‹0.100"), (0.993, "0.300›"), (0.2, " 0.100")])
async def test_a_number_beyond_the_scale_is_marked_at_its_end(value: float, seen: str) -> None:
    tui = app()
    async with tui.run_test(size=(140, 40)) as pilot:
        await pilot.pause()
        bar = tui.screen_stack[1].query_one(LegendBar)
        for cells in (70, 48):
            bar._legend = Legend("cosine with 2 marked", (0.1, 0.3), f"here {value}, 1st of 196", value)
            shown = bar.build(cells, 1)[0].text
            assert seen in shown
            assert ("‹" in shown, "›" in shown) == (value < 0.1, value > 0.3)
    assert "‹ or ›" in dict(MEANINGS)["Similarity"]


@pytest.mark.parametrize("rows", [1, 2])
async def test_the_scale_is_whole_where_its_ends_are_long(rows: int) -> None:
    tui = app()
    async with tui.run_test(size=(140, 40)) as pilot:
        await pilot.pause()
        bar = tui.screen_stack[1].query_one(LegendBar)
        bar._legend = Legend("spread at vision.4", (-1003.0, -23.0), "here -594, 595th of 1,024", -594.0)
        first = bar.build(36, rows)[0].text
        assert "here -594, 595th" in first
        assert re.search(r"-1003(–| +)-23\.0", first)


async def test_what_is_refused_is_read_on_several_lines_where_the_picture_leaves_them() -> None:
    tui = app()
    async with tui.run_test(size=(140, 40)) as pilot:
        await pilot.pause()
        bar = tui.screen_stack[1].query_one(LegendBar)
        assert bar.size.height == 3
        refused = "the model could not do it: " + "why " * 16 + "so"
        bar.explain(Legend(refused))
        assert " ".join(text(tui, "#legend").split()) == refused


SHORTER = "find red roofs: cosine, the mean of its 2 pieces · nothing above noise"


@pytest.mark.parametrize(("cells", "rows", "said"), [(60, 3, FIND), (110, 2, FIND), (74, 2, SHORTER), (43, 3, SHORTER)])
async def test_a_text_without_the_room_gives_way_to_a_shorter_one_which_is_whole(
    cells: int, rows: int, said: str
) -> None:
    tui = app()
    async with tui.run_test(size=(140, 40)) as pilot:
        await pilot.pause()
        bar = tui.screen_stack[1].query_one(LegendBar)
        bar._legend = replace(FOUND, shorter=(SHORTER,))
        assert bar.fits(bar._legend, cells, rows)
        lines = [strip.text for strip in bar.build(cells, rows)]
        assert len(lines) <= rows
        assert " ".join("".join(lines).split()).endswith(said)
        assert bar.fits(FOUND, cells, rows) == (cells > 43)


async def test_an_end_with_numbers_beyond_it_is_marked_wherever_the_cursor_is() -> None:
    tui = app()
    async with tui.run_test(size=(140, 40)) as pilot:
        await pilot.pause()
        bar = tui.screen_stack[1].query_one(LegendBar)
        for cut in ((True, False), (False, True), (True, True)):
            bar._legend = Legend("norm tokens", (0.1, 0.3), "here 0.2, 9th of 196", 0.2, cut=cut)
            shown = bar.build(80, 1)[0].text
            assert ("‹0.100" in shown, "0.300›" in shown) == cut


async def test_a_short_scale_of_differences_keeps_the_colour_of_each_end() -> None:
    tui = app()
    async with tui.run_test(size=(140, 40)) as pilot:
        await pilot.pause()
        bar = tui.screen_stack[1].query_one(LegendBar)
        bar._legend = Legend("log-prob lost", (-0.1, 0.1), "here 0.02, 1st of 64 blocks", 0.02, diverging=True)
        (shown,) = bar.build(48, 1)
        assert "±0.100" in shown.text
        grounds = [one.style.bgcolor for one in shown if one.style and one.style.bgcolor]
        ends = [tuple(colour.get_truecolor()) for colour in grounds]
        blue, red = (tuple(colour) for colour in difference_colours(np.array([-0.1, 0.1]), 0.1).tolist())
        assert blue[2] > blue[0]
        assert red[0] > red[2]
        assert ends.index(blue) < ends.index(red)


async def test_an_aside_takes_no_line_more() -> None:
    tui = app()
    async with tui.run_test(size=(140, 40)) as pilot:
        await pilot.pause()
        bar = tui.screen_stack[1].query_one(LegendBar)
        for cells in range(40, 140):
            bare = [strip.text.rstrip() for strip in bar_lines(bar, replace(FOUND, shorter=(SHORTER,)), cells)]
            noted = [
                strip.text.rstrip()
                for strip in bar_lines(bar, replace(FOUND, shorter=(SHORTER,), aside=" · drawn wider"), cells)
            ]
            assert len(noted) <= len(bare)
            assert noted == bare or " ".join(" ".join(noted).split()).endswith("its 2 · drawn wider")


def bar_lines(bar: LegendBar, legend: Legend, cells: int) -> list[Strip]:
    """A legend in three lines at most."""
    bar._legend = legend
    return bar.build(cells, 3)
