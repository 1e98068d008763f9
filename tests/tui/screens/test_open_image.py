"""The dialog that opens another image, and its preview."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.widgets import Static

from tests.tui import readings
from tests.tui.fake import app
from tests.tui.screens.test_explorer import WIDE
from tests.tui.test_session_worker import until
from vlmtui.tui.screens import open_image
from vlmtui.tui.screens.open_image import OpenImage, preview


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(open_image, "PREVIEW_S", 0.001)


async def test_a_file_that_is_an_image_has_a_preview(tmp_path: Path) -> None:
    photo, text = tmp_path / "photo.png", tmp_path / "text.png"
    readings.picture(96, 63).save(photo)
    text.write_text("no image")
    tui = app()
    async with tui.run_test(size=WIDE) as pilot:
        await pilot.pause()
        await pilot.press("i", *str(photo))
        await until(pilot, lambda: bool(tui.screen.query(".preview")))
        await pilot.pause()
        assert tui.screen.query_one(".preview", Static).size.height == 12
        await pilot.press("x")
        await until(pilot, lambda: not tui.screen.query(".preview"))
        await pilot.press("escape")


async def test_a_user_that_is_not_there_does_not_end_the_explorer() -> None:
    tui = app()
    async with tui.run_test(size=WIDE, notifications=True) as pilot:
        await pilot.pause()
        await pilot.press("i", *"~nosuchuser/x.png")
        await pilot.pause(0.05)
        assert isinstance(tui.screen, OpenImage)
        await pilot.press("enter")
        await until(pilot, lambda: bool(tui._notifications))
        assert tui.return_code is None


def test_what_is_no_file_has_none(tmp_path: Path) -> None:
    for name in ("", "http://127.0.0.1/x.png", str(tmp_path), str(tmp_path / "none.png"), "~nosuchuser/x.png"):
        assert preview(name) is None
