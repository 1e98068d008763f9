"""The help: its list of contents, and the way from heading to heading."""

from __future__ import annotations

import pytest
from textual.pilot import Pilot
from textual.widgets import Static

from tests.tui.fake import app
from tests.tui.screens.test_explorer import NARROW, WIDE, dialog
from vlmtui.tui.actions.key_table import SECTIONS
from vlmtui.tui.dialogs.help import ANSWER_TITLE, FIRST_TITLE, MEANINGS_TITLE, OVERLAYS_TITLE, HelpPage


def headings(pilot: Pilot[int]) -> dict[str, int]:
    """Every heading, and the line that it stands in, counted from the top of what is seen."""
    page = dialog(pilot)
    assert isinstance(page, HelpPage)
    top = page.scroll_offset.y
    return {str(one.render()): one.virtual_region.y - top for one in page.query(".help-title").results(Static)}


@pytest.mark.parametrize("size", [WIDE, NARROW])
async def test_a_digit_goes_to_its_heading(size: tuple[int, int]) -> None:
    tui = app()
    async with tui.run_test(size=size) as pilot:
        await pilot.pause()
        await pilot.press("question_mark")
        await pilot.pause()
        titles = [FIRST_TITLE, *SECTIONS.values(), OVERLAYS_TITLE, MEANINGS_TITLE]
        page = dialog(pilot)
        assert page is not None
        assert [str(one.render()) for one in page.query(".in-contents").results(Static)] == titles
        for digit, title in zip("1234567890", titles, strict=True):
            await pilot.press(digit)
            await pilot.pause()
            assert headings(pilot)[title] == 0 or page.scroll_offset.y == page.max_scroll_y
        assert isinstance(dialog(pilot), HelpPage)


async def test_n_goes_from_heading_to_heading_and_back() -> None:
    tui = app()
    async with tui.run_test(size=NARROW) as pilot:
        await pilot.pause()
        await pilot.press("question_mark")
        await pilot.pause()
        names, seen = list(headings(pilot)), []
        for key in ("n", "n", "n", "N", "N", "N"):
            await pilot.press(key)
            await pilot.pause()
            seen.append([name for name, line in headings(pilot).items() if line == 0])
        assert seen == [[names[0]], [names[1]], [names[2]], [names[1]], [names[0]], []]
        page = dialog(pilot)
        assert page is not None
        assert page.scroll_offset.y == 0


async def test_what_the_first_screen_says_is_explained_first() -> None:
    tui = app()
    async with tui.run_test(size=WIDE) as pilot:
        await pilot.pause()
        await pilot.press("question_mark")
        await pilot.pause()
        assert next(iter(headings(pilot))) == FIRST_TITLE
        shown = "\n".join(strip.text for strip in pilot.app.screen._compositor.render_strips())
        for name in ("above noise", "3 of 5 agree", "margin", "NORMS", "PATCH"):
            assert name in shown


async def test_beside_an_answer_its_panel_is_explained_first() -> None:
    tui = app()
    async with tui.run_test(size=WIDE) as pilot:
        await pilot.pause()
        await pilot.press("a", *"why", "enter")
        await pilot.pause()
        await pilot.press("question_mark")
        await pilot.pause()
        assert next(iter(headings(pilot))) == ANSWER_TITLE
        shown = "\n".join(strip.text for strip in pilot.app.screen._compositor.render_strips())
        for name in ("ANSWER", "occlusion (O)", "NORMS", "PATCH"):
            assert name in shown
        assert "WORDS, NORMS" not in shown
