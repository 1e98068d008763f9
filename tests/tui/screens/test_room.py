"""Room of image and panels: folding by number, the image alone, and how much of a screen is empty."""

from __future__ import annotations

import pytest
from textual.pilot import Pilot

from tests.tui.fake import app
from tests.tui.screens.shares import MODELS, SIZES, shares_of
from tests.tui.screens.test_explorer import NARROW, WIDE, digit, explorer, text


def seen(pilot: Pilot[int]) -> tuple[str, ...]:
    screen = explorer(pilot)
    shown = tuple(panel.name for panel in screen.panels if screen.query_one(f"#{panel.name}").display)
    assert shown == screen.state.panels.seen
    return shown


async def test_a_panel_is_folded_by_the_number_in_its_header_and_stays_so_at_other_stages() -> None:
    tui = app()
    async with tui.run_test(size=WIDE) as pilot:
        await pilot.pause()
        assert seen(pilot) == ("words", "norms", "patch")
        assert text(tui, "#norms").startswith(f"{digit('norms')} NORMS")
        await pilot.press(digit("norms"))
        await pilot.pause()
        assert seen(pilot) == ("words", "patch")
        assert text(tui, "#keys").startswith(f" {digit('norms')} norms")
        await pilot.press("left_square_bracket")
        await pilot.pause()
        assert "norms" not in seen(pilot)
        await pilot.press("right_square_bracket", digit("words"), digit("patch"))
        await pilot.pause()
        assert seen(pilot) == ()
        assert explorer(pilot).query_one("#picture-side").size.width == WIDE[0] - 2
        await pilot.press(*map(digit, ("norms", "patch", "words")))
        await pilot.pause()
        assert seen(pilot) == ("words", "norms", "patch")


@pytest.mark.parametrize("columns", [40, 50, 60, 80])
async def test_with_all_folded_help_and_quit_stay_in_the_key_bar(columns: int) -> None:
    tui = app()
    async with tui.run_test(size=(columns, 24)) as pilot:
        await pilot.pause()
        await pilot.press(*map(digit, ("words", "norms", "patch")))
        await pilot.pause()
        assert seen(pilot) == ()
        keys = text(tui, "#keys")
        assert "? help" in keys
        assert "q quit" in keys
        assert "…" not in keys


async def test_a_panel_without_room_comes_by_its_number() -> None:
    tui = app()
    async with tui.run_test(size=NARROW) as pilot:
        await pilot.pause()
        assert "patch" not in seen(pilot)
        await pilot.press(digit("patch"))
        await pilot.pause()
        assert "patch" in seen(pilot)


async def test_a_number_of_no_panel_says_so() -> None:
    tui = app()
    async with tui.run_test(size=WIDE) as pilot:
        await pilot.pause()
        await pilot.press(digit("answer"))
        await pilot.pause()
        assert seen(pilot) == ("words", "norms", "patch")
        assert any(
            f"panel {digit('answer')}, Answer, has nothing to show at tokens" in one.message
            for one in tui._notifications
        )


@pytest.mark.parametrize("size", [NARROW, WIDE])
async def test_f_gives_the_image_the_screen_and_one_line_has_the_facts(size: tuple[int, int]) -> None:
    tui = app()
    async with tui.run_test(size=size) as pilot:
        await pilot.pause()
        before = seen(pilot)
        await pilot.press("f")
        await pilot.pause()
        side = explorer(pilot).query_one("#picture-side")
        assert seen(pilot) == ()
        assert (side.size.width, side.size.height) == (size[0] - 2, size[1] - 2)
        assert not explorer(pilot).query_one("#title").display
        assert "tokens   row 3 · column 4 · token 28   w100 1.028   norm 1.596" in text(tui, "#status")
        await pilot.press("right")
        await pilot.pause()
        assert "column 5 · token 29" in text(tui, "#status")
        assert "f panels" in text(tui, "#keys")
        await pilot.press("f")
        await pilot.pause()
        assert seen(pilot) == before
        assert "column 5" not in text(tui, "#status")


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}×{size[1]}")
@pytest.mark.parametrize("model", ["demo 14×14", "LLaVA-1.5 24×24", "LLaVA-NeXT five tiles"])
async def test_no_more_than_a_sixth_is_empty_while_something_is_cut_or_hidden(
    model: str, size: tuple[int, int]
) -> None:
    shares = await shares_of(MODELS[model](), size)
    assert shares.fair, shares
