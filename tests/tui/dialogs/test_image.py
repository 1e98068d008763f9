"""The dialog that opens another image, and its preview."""

from __future__ import annotations

import asyncio
import gc
import threading
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from textual import events
from textual.pilot import Pilot
from textual.widgets import Input

from tests.tui import readings
from tests.tui.dialogs.test_layer import said
from tests.tui.fake import app
from tests.tui.screens.test_explorer import WIDE, dialog, explorer, text
from tests.tui.test_session_worker import until
from vlmtui.images.image_file import ImageFile
from vlmtui.tui import session_worker
from vlmtui.tui.dialogs import image
from vlmtui.tui.dialogs.image import ImagePreview, preview
from vlmtui.tui.dialogs.text import TextDialog


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image, "PREVIEW_S", 0.001)


def source(pilot: Pilot[int]) -> str:
    """The image that is shown."""
    return explorer(pilot).state.results.image.source


async def paste(pilot: Pilot[int], name: str) -> None:
    """As a terminal writes the name of a file that is dropped on it."""
    pilot.app.post_message(events.Paste(name))
    await pilot.pause()


async def test_a_file_that_is_an_image_has_a_preview(tmp_path: Path) -> None:
    photo, words = tmp_path / "photo.png", tmp_path / "text.png"
    readings.picture(96, 63).save(photo)
    words.write_text("no image")
    tui = app()
    async with tui.run_test(size=WIDE) as pilot:
        await pilot.pause()
        await pilot.press("i")
        await paste(pilot, str(photo))
        shown = explorer(pilot).query_one(ImagePreview)
        await until(pilot, lambda: shown.display)
        await pilot.pause()
        assert shown.size.height == 12
        await pilot.press("x")
        await until(pilot, lambda: not shown.display)
        await pilot.press("escape")


async def test_an_image_is_opened_and_the_dialog_closed(tmp_path: Path) -> None:
    photo = tmp_path / "photo.png"
    readings.picture(96, 64).save(photo)
    tui = app()
    async with tui.run_test(size=WIDE) as pilot:
        await pilot.pause()
        await pilot.press("i")
        await paste(pilot, str(photo))
        await pilot.press("enter")
        await until(pilot, lambda: dialog(pilot) is None)
        assert source(pilot) == str(photo)


@pytest.mark.parametrize("form", ["file://{}", "file://localhost{}", "'{}'"])
async def test_a_name_as_a_terminal_pastes_it_has_a_preview_and_is_opened(form: str, tmp_path: Path) -> None:
    photo = tmp_path / "my photo.png"
    readings.picture(96, 64).save(photo)
    pasted = form.format(quote(str(photo)) if "file:" in form else photo)
    assert preview(pasted) is not None
    tui = app()
    async with tui.run_test(size=WIDE) as pilot:
        await pilot.pause()
        await pilot.press("i")
        await paste(pilot, pasted)
        await pilot.press("enter")
        await until(pilot, lambda: dialog(pilot) is None)
        assert source(pilot) == str(photo)


@pytest.mark.parametrize("wrong", ["none.png", "folder.png", "text.png", "large.png", "~nosuchuser/x.png"])
async def test_what_cannot_be_opened_is_said_and_stays_in_the_line(wrong: str, tmp_path: Path) -> None:
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "text.png").write_text("no picture")
    readings.picture(101, 100).save(tmp_path / "large.png")
    name = wrong if wrong.startswith("~") else str(tmp_path / wrong)
    tui = app(max_pixels=10_000)
    async with tui.run_test(size=WIDE, notifications=True) as pilot:
        await pilot.pause()
        before = text(tui, "#title"), source(pilot)
        await pilot.press("i")
        await paste(pilot, name)
        await pilot.press("enter")
        await until(pilot, lambda: bool(explorer(pilot).query(".wrong")))
        assert {
            "none.png": "does not exist: check the path",
            "folder.png": "contains no images",
            "text.png": "is not an image but a text",
            "large.png": "101×100 pixels, more than the limit of 10,000",
            "~nosuchuser/x.png": "does not exist: check the path",
        }[wrong] in said(pilot)
        assert Path(name).name in said(pilot)
        assert explorer(pilot).query_one(Input).value == name
        assert isinstance(dialog(pilot), TextDialog)
        assert (text(tui, "#title"), source(pilot)) == before
        assert not tui._notifications
        right = tmp_path / "right.png"
        readings.picture(96, 64).save(right)
        await pilot.press("ctrl+u")
        await paste(pilot, str(right))
        await pilot.press("enter")
        await until(pilot, lambda: dialog(pilot) is None)
        assert source(pilot) == str(right)


async def test_one_that_takes_its_time_can_be_left(monkeypatch: pytest.MonkeyPatch) -> None:
    go_on = threading.Event()
    read: list[str] = []

    def slowly(name: str) -> ImageFile:
        go_on.wait(10)
        read.append(name)
        return readings.source(readings.picture(), name)

    monkeypatch.setattr(session_worker, "read_source", slowly)
    tui = app()
    async with tui.run_test(size=WIDE) as pilot:
        await pilot.pause()
        before = source(pilot)
        await pilot.press("i", *"first.png", "enter")
        await pilot.pause()
        assert said(pilot) == "opening the image …"
        await pilot.press("escape")
        assert dialog(pilot) is None
        await pilot.press("i", *"second.png", "enter")
        await pilot.pause()
        assert said(pilot) == "opening the image …"
        go_on.set()
        await until(pilot, lambda: dialog(pilot) is None)
        assert source(pilot) == "second.png"
        await until(pilot, lambda: len(read) == 2)
        await pilot.pause()
        assert source(pilot) == "second.png" != before


async def test_enter_again_at_once_asks_again_and_the_error_of_the_former_ends_nothing() -> None:
    tui = app()
    async with tui.run_test(size=WIDE) as pilot:
        await pilot.pause()
        await pilot.press("i", *"none.png")
        failed: list[dict[str, Any]] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: failed.append(context))
        top = dialog(pilot)
        assert isinstance(top, TextDialog)
        # the second before the wait for the first has begun
        await top.submit()
        await top.submit()
        await until(pilot, lambda: "does not exist" in said(pilot))
        for _ in range(5):
            await pilot.pause()
            gc.collect()
        assert not failed
        assert dialog(pilot) is top


def test_what_is_no_file_has_none(tmp_path: Path) -> None:
    for name in ("", "http://127.0.0.1/x.png", str(tmp_path), str(tmp_path / "none.png"), "~nosuchuser/x.png"):
        assert preview(name) is None
