"""Keys that reach an end say so, and dialogs name the keys that end them."""

from __future__ import annotations

import pytest
from textual.pilot import Pilot

from tests.tui import readings
from tests.tui.fake import app
from tests.tui.screens.test_explorer import explorer, text


def last_notice(pilot: Pilot[int]) -> str:
    return [notice.message for notice in pilot.app._notifications][-1]


@pytest.mark.parametrize(
    ("size", "closest"), [((200, 60), "8× is the closest"), ((60, 20), "2× is the closest here: patches fill the view")]
)
async def test_the_ends_of_the_zoom_are_said(size: tuple[int, int], closest: str) -> None:
    tui = app(made=readings.reading(24, 24, 640, 427) if size[0] > 100 else readings.reading(4, 6, 96, 64))
    async with tui.run_test(size=size) as pilot:
        await pilot.pause()
        await pilot.press("Z")
        await pilot.pause()
        assert last_notice(pilot) == "all of the image is in view"
        for _ in range(4):
            await pilot.press("z")
            await pilot.pause()
        assert explorer(pilot).state.selection.zoom == int(closest[0])
        assert last_notice(pilot) == closest
        await pilot.press("Z")
        await pilot.pause()
        assert explorer(pilot).state.selection.zoom < int(closest[0])


async def test_dialogs_name_the_keys_that_end_them() -> None:
    tui = app()
    async with tui.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        for key in ("slash", "a"):
            await pilot.press(key)
            await pilot.pause()
            shown = "\n".join(strip.text for strip in explorer(pilot)._compositor.render_strips())
            assert "Enter goes on · Escape leaves" in shown
            await pilot.press("escape")
        # the keys that there is room for are those that a newcomer looks for
        assert all(f"{key} " in text(tui, "#keys") for key in ("z Z", "[ ]", "o", "m", "/", "a", "?", "q"))
