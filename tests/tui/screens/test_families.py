"""The explorer on readings of every family's shape: what stands on the screen."""

from __future__ import annotations

import re

import numpy as np
import pytest
from textual.pilot import Pilot

from tests.tui.fake import FakeWorker, app
from tests.tui.families import CROSS, FAMILIES, QUERIED, RESAMPLED, TOWER, queried
from tests.tui.screens.test_explorer import NARROW, WIDE, explorer, text
from vlmtui.query.patches import parse_patches
from vlmtui.tui import messages
from vlmtui.tui.app import VlmtuiApp
from vlmtui.tui.state.selection import Selection
from vlmtui.tui.widgets.image_view import ImageView
from vlmtui.tui.widgets.pages_bar import PagesBar
from vlmtui.tui.widgets.patch_cells import divisions
from vlmtui.tui.widgets.token_list import TokenList

LARGE = (164, 48)
SIZES = [LARGE, WIDE, (110, 24), NARROW, (60, 20)]


def of(family: str, **options: object) -> VlmtuiApp:
    return app(made=FAMILIES[family](), **options)  # type: ignore[arg-type]


def view(pilot: Pilot[int]) -> Selection:
    return explorer(pilot).state.selection


def words_of(shown: str) -> str:
    """What a widget says, in one line."""
    return re.sub(r"\s+", " ", shown).strip()


@pytest.mark.parametrize(
    ("family", "size"),
    # a size of its own for each family, and every size for the one that has all there is to show
    [(family, SIZES[i % len(SIZES)]) for i, family in enumerate(FAMILIES)] + [("llava_next", size) for size in SIZES],
)
async def test_every_family_at_every_size_under_every_key(family: str, size: tuple[int, int]) -> None:
    tui = of(family)
    keys = "t,down,z,right,o,[,down,o,t,T,],o,t,t,t,t,t,up,m,+,[,[,y,tab,end,pagedown,?,escape".split(",")
    named = {"[": "left_square_bracket", "]": "right_square_bracket", "+": "plus", "?": "question_mark"}
    async with tui.run_test(size=size) as pilot:
        await pilot.pause()
        for key in keys:
            await pilot.press(named.get(key, key))
        await pilot.pause()
        assert tui.return_code is None
        assert explorer(pilot).is_current


async def test_tiles_are_pages_and_the_panel_says_which() -> None:
    tui = of("llava_next")
    async with tui.run_test(size=LARGE) as pilot:
        await pilot.pause()
        assert "whole image" in text(tui, "#pages")
        assert "tiles  1  2  │  3  4" in text(tui, "#pages")
        assert "16 newline tokens" in text(tui, "#pages")
        assert "t T tile" in text(tui, "#keys")
        assert "whole image · row 6 · column 6 · token 78" in text(tui, "PatchHeader")
        await pilot.press("t")
        assert view(pilot).grid == 1
        assert "tile 1 of 4 · row 11 · column 11 · token" in text(tui, "PatchHeader")
        assert "x 293.3–320, y 186.8–213.5" in text(tui, "PatchFacts")
        assert "dimmed: outside this tile, cut away)" in text(tui, "#legend")
        await pilot.press("T", "T")
        assert view(pilot).grid is None
        await pilot.press("t")
        assert (view(pilot).grid, view(pilot).row, view(pilot).col) == (0, 6, 6)


async def test_a_padded_patch_says_how_much() -> None:
    tui = of("llava_next", stage="vision.1")
    async with tui.run_test(size=LARGE) as pilot:
        await pilot.pause()
        await pilot.press("g", *"1:2,2", "enter")
        await pilot.pause()
        assert "tile 1 of 4 · row 2 · column 2 · patch" in text(tui, "PatchHeader")
        assert "nothing: padding" in text(tui, "PatchFacts")
        await pilot.press("down")
        assert "53.3–80, y 0–0.2" in text(tui, "PatchFacts")
        assert "99.4% of it" in text(tui, "PatchFacts")
        await pilot.press("down")
        assert "padding" not in text(tui, "PatchFacts")


async def test_the_map_lights_the_tile() -> None:
    tui = of("idefics3")
    async with tui.run_test(size=(240, 64)) as pilot:
        await pilot.pause()
        await pilot.press("g", *"0:6,6", "enter")
        await pilot.pause()
        minimap = explorer(pilot).query_one("PatchPanel MiniMap")
        assert minimap.display

        def light() -> np.ndarray:
            rows = []
            for y in range(minimap.size.height):
                cells = [s for s in minimap.render_line(y) for _ in s.text]
                rows.append([max(s.style.bgcolor.triplet or (0,)) if s.style and s.style.bgcolor else 0 for s in cells])
            return np.array([row for row in rows if len(row) == minimap.size.width])

        first = light()
        await pilot.press("g", *"11:6,6", "enter")
        await pilot.pause()
        last = light()
        assert first[0, 0] > last[0, 0]
        assert last[-2, -1] > first[-2, -1]


async def test_a_click_on_a_page_and_beside_a_tile() -> None:
    tui = of("idefics3")
    async with tui.run_test(size=LARGE) as pilot:
        await pilot.pause()
        bar = explorer(pilot).query_one(PagesBar)
        await pilot.click(PagesBar, offset=(text(tui, "#pages").index(" 5 ") + 1, 0))
        assert view(pilot).grid == 4
        assert bar.display
        await pilot.pause()
        picture = explorer(pilot).query_one(ImageView)
        layout = picture._layout
        assert layout is not None
        assert layout.right > 0
        await pilot.click(ImageView, offset=(layout.width - 1, layout.top // 2 + 4))
        assert view(pilot).grid == 5
        assert view(pilot).row < 6


async def test_merged_patches_are_drawn_and_counted() -> None:
    tui = of("gemma3")
    async with tui.run_test(size=LARGE) as pilot:
        await pilot.pause()
        assert not explorer(pilot).query_one(PagesBar).display
        assert "16 vision patches (4×4)" in text(tui, "PatchFacts")
        assert "mean of 16 patches" in text(tui, "#norms")
        assert text(tui, "EnlargedPatch").count("▏") == 6 * 3
        await pilot.press("left_square_bracket")
        assert "▏" not in text(tui, "EnlargedPatch")


def test_divisions_lie_on_the_patches_edges() -> None:
    assert divisions(0, 10, 5, (2, 2)) == [(5, "▏")]
    assert (0, "─") in divisions(2, 10, 5, (2, 2))
    assert (5, "▏") in divisions(2, 10, 5, (2, 2))
    assert {mark for _, mark in divisions(3, 12, 6, (2, 2))} == {"▔", "▏"}
    assert divisions(1, 9, 4, (4, 4)) == []
    assert divisions(1, 9, 4, (1, 1)) == []


@pytest.mark.parametrize("size", [LARGE, NARROW])
async def test_queries_are_a_list_with_the_image_in_view(size: tuple[int, int]) -> None:
    tui = of("idefics2")
    async with tui.run_test(size=size) as pilot:
        await pilot.pause()
        assert view(pilot).grid is None
        assert explorer(pilot).query_one(ImageView).size.width > 16
        assert explorer(pilot).query_one(ImageView)._cursor is None
        listed = text(tui, "#list")
        assert "of 64" in listed
        assert "64 query tokens: no place in the image" in text(tui, "#legend")
        before = view(pilot).row
        await pilot.press("down", "down", "left", "right")
        assert view(pilot).row == before + 2
        line = next(row for row in text(tui, "#list").split("\n") if row.startswith("▌"))
        assert line.split()[1] == str(before + 2)
        assert f"w{100 * ((before + 2) % 9)}" in line
        # the last is scrolled to
        await pilot.press(*["pagedown"] * 5)
        assert view(pilot).row == 63
        assert "63" in text(tui, "#list").split("\n")[-1]
        if size == LARGE:
            assert RESAMPLED in words_of(text(tui, "PatchFacts"))
            assert "no patches of its own" in text(tui, "#norms")
            assert "query token 63" in text(tui, "PatchHeader")
        # at a vision stage the patches are walked, and back in the list the line is the same
        await pilot.press("left_square_bracket", "up")
        assert view(pilot).grid == 0
        assert not explorer(pilot).query_one(TokenList).display
        await pilot.press("right_square_bracket")
        assert view(pilot).row == 63


@pytest.mark.parametrize(("size", "columns"), [((80, 24), 1), ((120, 40), 2), ((160, 24), 1)])
async def test_the_list_stands_where_it_leaves_the_larger_image(size: tuple[int, int], columns: int) -> None:
    """Below the image in columns on a narrow screen, beside it on a flat one; the columns go on one after the other."""
    tui = of("idefics2")
    async with tui.run_test(size=size) as pilot:
        await pilot.pause()
        tokens, image = explorer(pilot).query_one(TokenList), explorer(pilot).query_one(ImageView)
        below = tokens.region.y >= image.region.bottom
        assert below == (size != (160, 24))
        assert below or tokens.region.x >= image.region.right
        head, *lines = text(tui, "#list").split("\n")
        assert head.count("top-1") == columns
        entries = [re.findall(r"(\d+)  w\d+", row) for row in lines if row.strip()]
        assert {len(row) for row in entries} == {columns}
        assert [int(row[at]) for at in range(columns) for row in entries] == list(range(columns * len(entries)))
        await pilot.click(TokenList, offset=(tokens.size.width - 2, 2))
        assert view(pilot).row == (columns - 1) * len(entries) + 1
        first_cell = head.rindex("token") + len("token") - 6
        await pilot.click(TokenList, offset=(max(first_cell, 0), 3))
        assert view(pilot).row == (columns - 1) * len(entries) + 2
        await pilot.click(TokenList, offset=(0, 2))
        assert view(pilot).row == 1
        # a line further than the last is scrolled to
        await pilot.press("pagedown", "pagedown")
        row = view(pilot).row
        assert re.search(rf"▌ *{row}  ", text(tui, "#list"))


@pytest.mark.parametrize("many", [32, 33])
async def test_a_column_of_the_list_without_tokens_has_no_head(many: int) -> None:
    """Also where the last column with tokens is full."""
    tui = app(made=queried(many, (16, 16), QUERIED))
    async with tui.run_test(size=(240, 64)) as pilot:
        await pilot.pause()
        head, *lines = text(tui, "#list").split("\n")
        there = len(re.findall(r"\d+  w\d+", lines[0]))
        assert there * len(lines) >= many
        assert head.count("top-1") == head.count("norm") == there
        assert len(head) // (len(head[: head.index("norm")]) + 4) > there


async def test_the_list_is_clicked_and_gone_to() -> None:
    tui = of("llava_next")
    async with tui.run_test(size=LARGE) as pilot:
        await pilot.pause()
        await pilot.press("T")
        await pilot.pause()
        await pilot.click(TokenList, offset=(5, 4))
        assert view(pilot).row == 3
        assert "newline token 243" in text(tui, "PatchHeader")
        assert "ends a row of tokens" in words_of(text(tui, "PatchFacts"))
        await pilot.press("g", *"543", "enter")
        await pilot.pause()
        assert view(pilot).row == 15
        await pilot.press("g", *"0:1,2", "enter")
        await pilot.pause()
        assert (view(pilot).grid, view(pilot).row, view(pilot).col) == (0, 1, 2)


@pytest.mark.parametrize(("family", "why"), [("clip_tower", TOWER), ("mllama", CROSS)])
async def test_without_words_the_panel_says_why_and_ranks_the_norms(family: str, why: str) -> None:
    tui = of(family)
    async with tui.run_test(size=LARGE) as pilot:
        await pilot.pause()
        shown = words_of(text(tui, "#words"))
        assert why in shown
        assert "Largest norms of vision.4" in shown
        assert re.search(r"\d, the [\d,]+(st|nd|rd|th) of", shown)
        await pilot.press("o")
        await pilot.pause()
        assert "norm vision.4" in text(tui, "#legend")
        # there is no overlay of words to come to
        await pilot.press("o")
        await pilot.pause()
        assert "cosine with row" in text(tui, "#legend")
        conversation = tui._worker
        assert isinstance(conversation, FakeWorker)
        assert conversation.asked == []


async def test_tokens_without_places_and_without_grids() -> None:
    tui = of("unknown")
    async with tui.run_test(size=LARGE) as pilot:
        await pilot.pause()
        assert "30 query tokens" in text(tui, "#legend")
        assert "The layout of this family is not known." in text(tui, "PatchFacts")
        await pilot.press("left_square_bracket")
        await pilot.pause()
        assert "vision patches are not known" in text(tui, "#norms")


async def test_the_patch_asked_for_is_opened_and_copied_with_its_grid() -> None:
    tui = of("idefics3", patches=parse_patches("2:3,4"))
    async with tui.run_test(size=LARGE) as pilot:
        await pilot.pause()
        assert "tile 3 of 12 · row 3 · column 4" in text(tui, "PatchHeader")
        await pilot.press("y")
        assert "tile 3 of 12 (grid 2), row 3, column 4, token 381, box (" in tui.clipboard


async def test_another_model_keeps_the_spot() -> None:
    tui = of("idefics3", patches=parse_patches("11:12,12"))
    async with tui.run_test(size=LARGE) as pilot:
        await pilot.pause()
        conversation = tui._worker
        assert isinstance(conversation, FakeWorker)
        conversation.post(messages.ImageRead(FAMILIES["qwen2_vl"]()))
        await pilot.pause()
        assert (view(pilot).grid, view(pilot).row, view(pilot).col) == (0, 14, 21)


async def test_a_page_too_many_gives_way_to_one_name() -> None:
    tui = of("idefics3")
    async with tui.run_test(size=(60, 30)) as pilot:
        await pilot.pause()
        await pilot.press("t")
        assert "tiles" in text(tui, "#pages") or "tile 1 of 12" in text(tui, "#pages")
        await pilot.resize_terminal(60, 20)
        await pilot.pause()
        assert len(text(tui, "#pages").split("\n")) == 1


async def test_a_stage_of_tokens_that_has_none() -> None:
    tui = of("mllama")
    async with tui.run_test(size=LARGE) as pilot:
        await pilot.pause()
        await pilot.press("t", "down", "right")
        before = view(pilot)
        assert before.stage == "vision.4"
        await pilot.press("right_square_bracket", "down", "t", "z", "g", "y")
        await pilot.pause()
        assert view(pilot).stage == "tokens"
        assert CROSS in words_of(text(tui, "#words"))
        assert "no image tokens enter the prompt" in text(tui, "#legend")
        assert "this token" not in text(tui, "#norms")
        await pilot.press("left_square_bracket")
        assert (view(pilot).grid, view(pilot).row, view(pilot).col) == (before.grid, before.row, before.col)
