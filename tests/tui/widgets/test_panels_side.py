"""Panels follow the cursor: the main one at once, the others when it has rested."""

from __future__ import annotations

import pytest

from tests.tui.fake import app
from tests.tui.screens.test_explorer import WIDE, text
from vlmtui.tui.widgets import panels_side
from vlmtui.tui.widgets.panels_side import PanelsSide


async def test_all_but_the_main_panel_follow_the_last_move() -> None:
    tui = app()
    async with tui.run_test(size=WIDE) as pilot:
        await pilot.pause()
        side = tui.screen.query_one(PanelsSide)
        main, patch = text(tui, "#words"), text(tui, "PatchHeader")
        with pytest.MonkeyPatch.context() as patched:
            # longer than the test
            patched.setattr(panels_side, "FOLLOW_S", 600.0)
            patched.setattr(PanelsSide, "follows", False)
            await pilot.press("right", "right")
            assert text(tui, "#words") != main
            assert text(tui, "PatchHeader") == patch
            timer = side._follow
            await pilot.press("right")
            # the move before it no longer counts
            assert side._follow is not timer
            assert text(tui, "PatchHeader") == patch
        await pilot.press("left")
        assert "column 6" in text(tui, "PatchHeader")
        assert side._follow is None
