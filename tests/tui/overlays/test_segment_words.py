"""Words of segments, and what the panels and the legend say of them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.tui import readings
from tests.tui.fake import app
from tests.tui.overlays.test_segments import SIDE, SIZE, chosen, opened
from tests.tui.screens.test_explorer import explorer, text
from vlmtui.display.cells import ELLIPSIS
from vlmtui.tui.actions.key_table import help_rows
from vlmtui.tui.widgets.image_side import ImageSide


@pytest.mark.parametrize("size", [SIZE, (80, 24)])
async def test_the_words_say_where_a_segment_has_the_word_of_its_neighbours(size: tuple[int, int]) -> None:
    tui = opened()
    async with tui.run_test(size=size) as pilot:
        await chosen(pilot, top_1=False)
        said = {}
        for col in (4, 10):
            explorer(pilot).state.selection = replace(explorer(pilot).state.selection, row=4, col=col)
            explorer(pilot).bring_up_to_date()
            await pilot.pause()
            first = text(tui, "#words").splitlines()[1].split()[0].strip("°‿")
            said[first] = " ".join(text(tui, "#words").splitlines()[3:])
        # a patch whose own word it is needs no explanation
        assert "neighbours" not in said["sky"]
        assert "sky: " in said["bird"]
        assert "neighbours' vote" in said["bird"]
        assert ELLIPSIS not in said["bird"]
        # of the top-1 of each patch nothing differs
        await pilot.press("m")
        await pilot.pause()
        assert "neighbours" not in text(tui, "#words")


@pytest.mark.parametrize("size", [SIZE, (80, 24)])
async def test_the_legend_says_which_words_an_overlay_draws_and_by_which_metric(size: tuple[int, int]) -> None:
    tui = opened()
    async with tui.run_test(size=size) as pilot:
        for overlay, which in (("words", "as segments: top-1, "), ("segments", "neighbours' vote")):
            await chosen(pilot, overlay, top_1=False)
            said = text(tui, "#legend")
            assert which in said
            assert "cosine" in said
            # and of how many words it says how many patches they have
            assert said.count("█") >= 3


async def test_the_legend_of_words_takes_the_rows_that_the_image_leaves() -> None:
    # twelve words, each on an area of 6 × 8 patches
    named = [f"word{4 * (i // SIDE // 8) + i % SIDE // 6:02}" for i in range(SIDE * SIDE)]
    made = readings.reading(SIDE, SIDE, 96, 96)
    tui = app((SIDE, SIDE), made=made, lists=[[word, "blue"] for word in named])
    async with tui.run_test(size=SIZE) as pilot:
        await chosen(pilot)
        side = explorer(pilot).query_one(ImageSide)
        said = text(tui, "#legend")
        assert all(f"{word}: 48" in said for word in set(named))
        assert "+" not in said
        # and no row of the image
        legend = explorer(pilot).query_one("#legend-row")
        assert legend.region.bottom <= side.region.bottom


async def test_the_key_that_goes_through_segments_is_seen_over_them_in_a_small_terminal() -> None:
    tui = opened()
    async with tui.run_test(size=(80, 24)) as pilot:
        await chosen(pilot, "none", top_1=False)
        assert "n N" not in text(tui, "#keys")
        await chosen(pilot, top_1=False)
        assert "n N next" in text(tui, "#keys")
        assert "f full" in text(tui, "#keys")
        assert text(tui, "#keys").rstrip().endswith("q quit")
    (said,) = [what for keys, what in help_rows() if keys.startswith("n ")]
    assert "of the same word, then of the next" in said
