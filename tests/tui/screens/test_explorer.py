"""The explorer under the keyboard, on made-up readings."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from textual.pilot import Pilot
from textual.widgets import Input, Static

from tests.reports.page.contents import Parsed, said
from tests.tui import readings
from tests.tui.fake import FakeWorker, app
from vlmtui.metrics import METRICS
from vlmtui.query.patches import parse_patches
from vlmtui.tui import messages
from vlmtui.tui.app import VlmtuiApp
from vlmtui.tui.dialogs.dialog import Dialog
from vlmtui.tui.panels.registry import PANELS
from vlmtui.tui.screens.explorer import Explorer
from vlmtui.tui.terminal import clipboard
from vlmtui.tui.widgets.bars import StatusBar
from vlmtui.tui.widgets.image_view import ImageView

WIDE, NARROW = (132, 40), (80, 24)


def explorer(pilot: Pilot[int]) -> Explorer:
    screen = pilot.app.screen_stack[1]
    assert isinstance(screen, Explorer)
    return screen


def dialog(pilot: Pilot[int]) -> Dialog[Any] | None:
    """The dialog that has the keys."""
    return explorer(pilot).dialogs.top


def text(app: VlmtuiApp, selector: str) -> str:
    """What a widget shows, line by line."""
    widget = app.screen_stack[1].query_one(selector)
    return "\n".join(widget.render_line(y).text for y in range(widget.size.height))


def digit(panel: str) -> str:
    """The key that folds a panel."""
    return str(1 + [one.name for one in PANELS].index(panel))


def at(pilot: Pilot[int]) -> tuple[int, int]:
    view = explorer(pilot).state.selection
    return view.row, view.col


async def test_the_cursor_walks_and_the_panels_follow() -> None:
    tui = app()
    async with tui.run_test(size=WIDE) as pilot:
        await pilot.pause()
        assert at(pilot) == (3, 4)
        await pilot.press("right", "down", "l", "j", "up", "h")
        assert at(pilot) == (4, 5)
        assert "row 4 · column 5 · token 37" in text(tui, "PatchHeader")
        assert "x 60–72, y 42.7–53.3" in text(tui, "PatchFacts")
        expected = readings.words([37], 8)
        shown = text(tui, "#words")
        for word_id in expected.ids[0]:
            assert f"w{word_id}" in shown
        assert "1.037" in shown
        await pilot.press(*["left"] * 20, *["up"] * 20)
        assert at(pilot) == (0, 0)
        await pilot.press("end", "pagedown", "pagedown")
        assert at(pilot) == (2, 7)
        await pilot.press("home")
        assert at(pilot) == (2, 0)


async def test_a_click_puts_the_cursor_on_the_patch() -> None:
    tui = app()
    async with tui.run_test(size=WIDE) as pilot:
        await pilot.pause()
        view = explorer(pilot).query_one(ImageView)
        layout = view._layout
        assert layout is not None
        x, _, _, _ = layout.region(5, 2)
        await pilot.click(ImageView, offset=(x + 1, layout.cell_rows(5)[0]))
        assert at(pilot) == (5, 2)


@pytest.mark.parametrize("size", [(60, 20), (80, 24), (109, 30), (110, 24), (120, 40), (200, 60)])
async def test_the_cursor_stays_on_its_patch_through_every_resize(size: tuple[int, int]) -> None:
    tui = app(shape=(24, 24), size=(480, 480), patches=parse_patches("20,3"))
    async with tui.run_test(size=WIDE) as pilot:
        await pilot.pause()
        assert at(pilot) == (20, 3)
        await pilot.resize_terminal(*size)
        await pilot.pause()
        await pilot.pause()
        assert at(pilot) == (20, 3)
        view = explorer(pilot).query_one(ImageView)
        layout = view._layout
        assert layout is not None
        # the patch under the cursor is in view
        assert layout.is_whole(20, 3)
        assert view.size.width >= layout.width
        assert view.size.height == layout.height


async def test_stages_metric_and_k() -> None:
    tui = app()
    async with tui.run_test(size=WIDE) as pilot:
        await pilot.pause()
        await pilot.press("left_square_bracket")
        assert explorer(pilot).state.selection.stage == "vision.4"
        assert "No words at vision.4" in text(tui, "#words")
        assert "feeds    the projector" in text(tui, "PatchFacts")
        await pilot.press("left_square_bracket")
        assert "vision.3" in text(tui, "#norms")
        await pilot.press("right_square_bracket", "right_square_bracket", "m")
        await pilot.pause()
        assert explorer(pilot).state.selection.metric == "cosine-centred"
        assert "centred cosine" in text(tui, "#words")
        await pilot.press("plus", "plus")
        await pilot.pause()
        conversation = tui._worker
        assert isinstance(conversation, FakeWorker)
        # as many were searched for as eight lines could need, and ten lines have not more
        assert conversation.asked[-1][:2] == ("cosine-centred", 16)
        assert text(tui, "#words").count("━ ") == 10
        await pilot.press("minus")
        assert explorer(pilot).state.selection.k == 9


async def test_overlays_have_their_legend() -> None:
    tui = app()
    async with tui.run_test(size=WIDE) as pilot:
        await pilot.pause()
        assert "overlay: none" in text(tui, "#legend")
        await pilot.press("o")
        await pilot.pause()
        assert "norm tokens" in text(tui, "#legend")
        await pilot.press("o")
        await pilot.pause()
        await pilot.pause()
        strips = explorer(pilot).query("ImageStrip")
        assert any("w100" in strip.render_line(y).text for strip in strips for y in range(strip.size.height))


async def test_an_outlier_is_marked() -> None:
    tui = app()
    async with tui.run_test(size=WIDE) as pilot:
        await pilot.pause()
        # the made-up reading has one at stage 2, patch 24
        await pilot.press("home")
        assert at(pilot) == (3, 0)
        assert "outlier at 2" in text(tui, "#norms")
        await pilot.press("right")
        assert "outlier" not in text(tui, "#norms")


async def test_go_to_a_pixel_and_to_nonsense() -> None:
    tui = app()
    async with tui.run_test(size=WIDE) as pilot:
        await pilot.pause()
        await pilot.press("g", *"x95 y1", "enter")
        await pilot.pause()
        assert at(pilot) == (0, 7)
        await pilot.press("g", *"99,1", "enter")
        await pilot.pause()
        assert at(pilot) == (0, 7)
        assert dialog(pilot) is not None
        await pilot.press("escape")
        await pilot.pause()
        assert dialog(pilot) is None


async def test_narrow_terminals_name_what_has_no_room_and_tiny_ones_say_a_sentence() -> None:
    tui = app()
    async with tui.run_test(size=(64, 20)) as pilot:
        await pilot.pause()
        screen = explorer(pilot)
        shown = [name for name in ("words", "norms", "patch") if screen.query_one(f"#{name}").display]
        assert shown == ["words", "norms"]
        assert f"{digit('patch')} patch" in text(tui, "#keys")
        await pilot.press(digit("patch"))
        await pilot.pause()
        assert screen.query_one("#patch").display
        await pilot.resize_terminal(40, 15)
        await pilot.pause()
        await pilot.pause()
        await pilot.pause()
        assert "too small" in text(tui, "#too-small")
        assert not screen.query_one("#body").display
        assert text(tui, "#keys").split() == ["q", "quit"]


async def test_a_session_that_dies_is_named_and_comes_back() -> None:
    tui = app(patches=parse_patches("1,2"))
    async with tui.run_test(size=WIDE) as pilot:
        await pilot.pause()
        conversation = tui._worker
        assert isinstance(conversation, FakeWorker)
        await pilot.press("right")
        conversation.running = False
        conversation.post(messages.SessionLost("the model session was killed (signal 9)"))
        await pilot.pause()
        assert "signal 9" in text(tui, "#status")
        assert "R restarts it" in text(tui, "#status")
        await pilot.press("down")
        assert at(pilot) == (2, 3)
        await pilot.press("R")
        await pilot.pause()
        assert conversation.begun == 2
        assert at(pilot) == (2, 3)
        assert "signal 9" not in text(tui, "#status")


async def test_a_reading_that_is_gone_is_read_again() -> None:
    tui = app(patches=parse_patches("1,2"))
    async with tui.run_test(size=WIDE) as pilot:
        await pilot.pause()
        conversation = tui._worker
        assert isinstance(conversation, FakeWorker)
        conversation.post(messages.SessionLost("the warm session has been used for something else", alive=True))
        await pilot.pause()
        assert "r reads the image again: the warm session" in text(tui, "#status")
        asked = len(conversation.asked)
        await pilot.press("m", "right")
        assert len(conversation.asked) == asked
        assert "r reads the image again" in text(tui, "#words")
        await pilot.press("r")
        await pilot.pause()
        assert "again" not in text(tui, "#status")
        assert "again" not in text(tui, "#words")
        assert at(pilot) == (1, 3)
        assert len(conversation.asked) > asked


async def test_hostile_pieces_are_shown_and_not_obeyed() -> None:
    pieces = {0: "[red]no[/red]", 1: "\x1b[2J", 2: "‮evil", 3: "<0xE2>", 4: "́", 5: "漢字", 6: "שלום", 7: "a\nb"}
    tui = app(shape=(1, 1), pieces=pieces)
    async with tui.run_test(size=WIDE) as pilot:
        await pilot.pause()
        shown = text(tui, "#words")
        assert "[red]no[/red]" in shown
        assert "\x1b" not in shown
        assert "‮" not in shown
        assert "<0xE2>" in shown
        assert "漢字" in shown
        panel = explorer(pilot).query_one("#words")
        for y in range(panel.size.height):
            assert panel.render_line(y).cell_length == panel.size.width


async def test_where_a_copy_went_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def copied(text: str, send: Callable[[str], None]) -> str:
        send(text)
        return "where it went"

    monkeypatch.setattr(clipboard, "copy", copied)
    tui = app()
    async with tui.run_test(size=WIDE, notifications=True) as pilot:
        await pilot.pause()
        await pilot.press("y")
        await pilot.pause()
        assert [note.message for note in tui._notifications] == [
            "the patch's words, box and norms were sent where it went"
        ]
        assert "token 28" in tui.clipboard


async def test_copy_and_save(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    tui = app()
    async with tui.run_test(size=WIDE) as pilot:
        await pilot.pause()
        await pilot.press("y")
        assert "row 3, column 4, token 28" in tui.clipboard
        assert "id 103" in tui.clipboard
        await pilot.press("s", "enter")
        await pilot.pause()
        report = (tmp_path / "toy.vlmtui.txt").read_text(encoding="utf-8")
        assert "toy.png" in report
        await pilot.press("s", *["backspace"] * 40, *"toy.html", "enter")
        await pilot.pause()
        page = Parsed((tmp_path / "toy.html").read_text(encoding="utf-8")).data
        assert [id_ for id_, _ in said(page, "tokens", "cosine", 28)] == [*range(100, 108)]
        assert page["first"] == {"stage": "tokens", "metric": "cosine", "entry": 28}
        await pilot.press("s", *["backspace"] * 40, *"toy.png", "enter")
        await pilot.pause()
        with Image.open(tmp_path / "toy.png") as image:
            assert image.format == "PNG"
        (tmp_path / "there.json").mkdir()
        await pilot.press("s", *["backspace"] * 40, *"there.json", "enter")
        await pilot.pause()
        assert dialog(pilot) is not None  # refused, and asked again
        (tmp_path / "toy.png").write_bytes(b"the photograph")
        await pilot.press(*["backspace"] * 40, *"./toy.png", "enter")
        await pilot.pause()
        assert dialog(pilot) is not None
        assert (tmp_path / "toy.png").read_bytes() == b"the photograph"
        await pilot.press("ctrl+u", *"nowhere/toy.txt", "enter")
        await pilot.pause()
        assert "nowhere" in str(explorer(pilot).query_one(".wrong", Static).content)
        assert explorer(pilot).query_one(Input).value == "nowhere/toy.txt"
        assert not [notice for notice in tui._notifications if "nowhere" in notice.message]


def unread() -> tuple[VlmtuiApp, FakeWorker]:
    """The application while the image is still being read, and what answers it."""
    tui = app()
    worker = tui._worker
    assert isinstance(worker, FakeWorker)
    worker.slow = True
    return tui, worker


async def test_a_report_named_before_the_image_was_read_is_saved_once_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    tui, worker = unread()
    async with tui.run_test(size=WIDE) as pilot:
        await pilot.pause()
        await pilot.press("s", "ctrl+u", *"early.json", "enter")
        await pilot.pause()
        open_dialog = dialog(pilot)
        assert open_dialog is not None
        assert "saved as soon as all has arrived" in str(open_dialog.query_one(".dialog-hint", Static).content)
        worker.read(worker.image)
        async with asyncio.timeout(30):
            while dialog(pilot) is not None:
                await pilot.pause(0.01)
        await pilot.pause()
        assert len(json.loads((tmp_path / "early.json").read_text("utf-8"))["tokens"]) == 48
        assert "saved early.json" in [notice.message for notice in tui._notifications]


async def test_a_report_that_will_never_be_whole_is_refused_with_the_reason(tmp_path: Path) -> None:
    tui, worker = unread()
    async with tui.run_test(size=WIDE) as pilot:
        await pilot.pause()
        await pilot.press("s", "ctrl+u", *str(tmp_path / "never.json"), "enter")
        worker.post(messages.SessionLost("the model session has ended"))
        async with asyncio.timeout(30):
            while not explorer(pilot).query(".wrong"):
                await pilot.pause(0.01)
        assert "the model session has ended" in str(explorer(pilot).query_one(".wrong", Static).content)
        assert explorer(pilot).query_one(Input).value.endswith("never.json")


async def test_the_light_dress() -> None:
    tui = app()
    async with tui.run_test(size=WIDE) as pilot:
        await pilot.pause()
        tui.action_switch_theme()
        await pilot.pause()
        style = explorer(pilot).query_one(StatusBar).render_line(0)._segments[0].style
        assert style is not None
        assert style.bgcolor is not None
        assert style.bgcolor.name == "#eeece6"


async def test_a_stage_and_a_patch_that_are_not_there_are_said() -> None:
    tui = app(stage="vision.99", patches=parse_patches("50,0"))
    async with tui.run_test(size=WIDE) as pilot:
        await pilot.pause()
        said = " ".join(n.message for n in tui._notifications)
        assert "vision.99" in said
        assert "--patch 50,0: the whole image has rows 0 to 5 and columns 0 to 7" in said
        assert explorer(pilot).state.selection.stage == "tokens"
        assert at(pilot) == (3, 4)


@pytest.mark.parametrize("columns", [60, 80, 100, 132, 200])
async def test_the_note_of_a_model_is_always_there(columns: int) -> None:
    tui = app()
    async with tui.run_test(size=(columns, 40)) as pilot:
        await pilot.pause()
        conversation = tui._worker
        conversation.post(messages.ModelLoaded(readings.model("demo", "demo model, trained on drawings")))
        await pilot.pause()
        assert "demo model, trained on drawings" in text(tui, "#title")
        assert columns < 80 or re.search("choose a|a real model", text(tui, "#title"))


async def test_the_first_picture_fills_its_place_in_a_narrow_terminal() -> None:
    tui = app(shape=(14, 14), size=(451, 300))
    conversation = tui._worker
    assert isinstance(conversation, FakeWorker)
    conversation.slow = True
    async with tui.run_test(size=NARROW) as pilot:
        # the whole picture first, on a grid once the model has read it
        await pilot.pause(0.2)
        conversation.read(conversation.image)
        await pilot.pause(0.2)
        view = explorer(pilot).query_one(ImageView)
        side = explorer(pilot).query_one("#picture-side")
        assert view._layout is not None
        assert (view._layout.rows, view._layout.cols) == (14, 14)
        assert view.size.height == view._layout.height
        assert 7 <= view.size.height < side.size.height


async def test_the_words_over_the_picture_follow_the_stage() -> None:
    tui = app()
    async with tui.run_test(size=WIDE) as pilot:
        await pilot.pause()
        await pilot.press("o", "o", "left_square_bracket")
        await pilot.pause()
        assert "has none of" in text(tui, "#legend")
        await pilot.press("right_square_bracket")
        await pilot.pause()
        assert "words: top" in text(tui, "#legend")


async def test_standard_input_is_no_picture_here() -> None:
    tui = app()
    async with tui.run_test(size=WIDE) as pilot:
        await pilot.pause()
        await pilot.press("i", "minus", "enter")
        await pilot.pause()
        assert dialog(pilot) is not None


async def test_words_that_have_come_stay_known_under_every_metric_and_without_a_session() -> None:
    tui = app()
    async with tui.run_test(size=WIDE) as pilot:
        await pilot.pause()
        await pilot.press("m")
        await pilot.pause()
        conversation = tui._worker
        assert isinstance(conversation, FakeWorker)
        conversation.running = False
        conversation.post(messages.SessionLost("killed"))
        await pilot.pause()
        await pilot.press("m")
        assert "R restarts it" in text(tui, "#words")
        await pilot.press(*"m" * (len(METRICS) - 2))
        assert "w100" in text(tui, "#words")


@pytest.mark.parametrize("rows", [24, 27, 28, 33, 40])
async def test_no_panel_is_cut_at_its_end(rows: int) -> None:
    tui = app()
    async with tui.run_test(size=(120, rows)) as pilot:
        await pilot.pause()
        for _ in range(40):
            await pilot.press("plus")
        await pilot.pause()
        screen = explorer(pilot)
        bottom = screen.query_one("#status").region.y
        for name in ("words", "norms", "patch"):
            panel = screen.query_one(f"#{name}")
            assert not panel.display or panel.region.bottom <= bottom
        assert "margin" in text(tui, "#words")
