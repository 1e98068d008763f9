"""An error of ours, wherever it is raised: one sentence, what to type to see it again, and a status that is not 0."""

from __future__ import annotations

import asyncio
import gc
import shlex
import sys
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest
from textual.app import App
from textual.events import Key, Resize
from textual.geometry import Size
from textual.pilot import Pilot

from tests.query.queries import query_of
from tests.tui import readings
from tests.tui.fake import FakeWorker
from tests.tui.screens.test_explorer import WIDE, explorer
from vlmtui.session.protocol import Status
from vlmtui.tui import app as app_module
from vlmtui.tui import export, launch, messages, navigation, session_worker
from vlmtui.tui.actions import cursor, lens
from vlmtui.tui.actions.palette import ActionCommands
from vlmtui.tui.app import VlmtuiApp
from vlmtui.tui.dialogs import image as image_dialog
from vlmtui.tui.dialogs.text import TextDialog
from vlmtui.tui.options import ExplorerOptions
from vlmtui.tui.panels.norms import NormsPanel
from vlmtui.tui.panels.words import WordsPanel
from vlmtui.tui.requests import Requests
from vlmtui.tui.screens import explorer as explorer_screen
from vlmtui.tui.screens.explorer import Explorer
from vlmtui.tui.session_events import SessionEvents
from vlmtui.tui.state.explorer_state import ExplorerState
from vlmtui.tui.state.results import Results
from vlmtui.tui.widgets.image_view import ImageStrip, ImageView
from vlmtui.tui.widgets.lines import Lines

SENTENCE = "vlmtui: unexpected ZeroDivisionError (as it was injected): --debug shows where"
ENTERS_SCREEN, LEAVES_SCREEN, SHOWS_CURSOR = b"\x1b[?1049h", b"\x1b[?1049l", b"\x1b[?25h"
Steps = Callable[[Pilot[int]], Awaitable[object]]


def fails(*_: Any, **__: Any) -> Any:
    raise ZeroDivisionError("as it was\ninjected")


async def fails_later() -> None:
    fails()


def pressing(*keys: str) -> Steps:
    """Not by the pilot, whose waits paint the screen themselves, outside the application."""

    async def press(pilot: Pilot[int]) -> None:
        for key in keys:
            pilot.app.post_message(Key(key, key if len(key) == 1 else None))

    return press


async def resizing(pilot: Pilot[int]) -> None:
    pilot.app.post_message(Resize(Size(100, 30), Size(100, 30)))


async def clicking(pilot: Pilot[int]) -> None:
    await pilot.click(ImageView, offset=(12, 5))


async def switching_theme(pilot: Pilot[int]) -> None:
    assert isinstance(pilot.app, VlmtuiApp)
    pilot.app.call_later(pilot.app.action_switch_theme)


async def reporting(pilot: Pilot[int]) -> None:
    explorer(pilot).post_message(messages.StatusReported(Status(1, None, 0, 0, 0, None, None, (), "")))


async def in_a_thread(pilot: Pilot[int]) -> None:
    threading.Thread(target=fails).start()


async def answered(pilot: Pilot[int]) -> None:
    """As the thread does that hears the session."""
    answer: Future[int] = Future()
    worker_of(pilot)._when(answer, fails, fails)
    threading.Thread(target=answer.set_result, args=(1,)).start()


async def progressed(pilot: Pilot[int]) -> None:
    worker = worker_of(pilot)
    worker.post = fails
    threading.Thread(target=worker._progress(), args=(messages.SessionProgressed("reading"),)).start()


async def died(pilot: Pilot[int]) -> None:
    worker = worker_of(pilot)
    worker.post = fails
    threading.Thread(target=worker._died, args=("killed",)).start()


async def in_a_callback(pilot: Pilot[int]) -> None:
    asyncio.get_running_loop().call_soon(fails)


async def in_a_task(pilot: Pilot[int]) -> None:
    task = asyncio.create_task(fails_later())
    await asyncio.wait([task])
    del task
    gc.collect()


async def in_a_worker(pilot: Pilot[int]) -> None:
    pilot.app.run_worker(fails, thread=True)


PLACES: dict[str, tuple[object, str, Steps]] = {
    "an action": (cursor, "move", pressing("right")),
    "the answer of a dialog": (export, "save", pressing("s", "enter")),
    "a panel shown": (WordsPanel, "show", pressing("right")),
    "a panel built": (NormsPanel, "build", pressing("left_square_bracket")),
    "a bar rendered": (Lines, "render_line", pressing("right")),
    "the image rendered": (ImageStrip, "render_line", pressing("right")),
    "a need": (Requests, "tick", pressing("right")),
    "a timer": (lens, "play_on", pressing("p")),
    "a timer of requests": (ExplorerState, "follow", pressing("right")),
    "a message of the session": (SessionEvents, "handle", reporting),
    "a click": (navigation, "place_cursor", clicking),
    "a resize": (Explorer, "on_resize", resizing),
    "the layout": (explorer_screen, "arrange", resizing),
    "the theme": (Lines, "rebuild", switching_theme),
    "a thread": (sys, "copyright", in_a_thread),
    "an answer in the thread that hears it": (sys, "copyright", answered),
    "progress in the thread that hears it": (sys, "copyright", progressed),
    "the death of the session in the thread that hears it": (sys, "copyright", died),
    "the thread that opens an image": (session_worker, "read_source", pressing("i", *"x.png", "enter")),
    "the thread of a preview": (image_dialog, "preview", pressing("i", "x")),
    "a preview shown": (image_dialog.ImagePreview, "_show", pressing("i", "x")),
    "a search of the palette": (ActionCommands, "commands", pressing("ctrl+p", "x")),
    "a dialog composed": (TextDialog, "compose", pressing("g")),
    "a callback of the loop": (sys, "copyright", in_a_callback),
    "a task that nobody waits for": (sys, "copyright", in_a_task),
    "a thread of Textual": (sys, "copyright", in_a_worker),
}
BEFORE: dict[str, tuple[object, str]] = {
    "the application": (VlmtuiApp, "on_mount"),
    "compose": (Explorer, "compose"),
    "the explorer begun": (Explorer, "on_mount"),
    "a widget begun": (Lines, "on_mount"),
    "the session begun": (FakeWorker, "begin"),
    "the first reading": (Results, "take"),
}


def worker_of(pilot: Pilot[int]) -> FakeWorker:
    app = pilot.app
    assert isinstance(app, VlmtuiApp)
    assert isinstance(app._worker, FakeWorker)
    return app._worker


def run(monkeypatch: pytest.MonkeyPatch, steps: Steps | None) -> int:
    """Launch the explorer on a made-up session, without a terminal, and drive it."""
    image = readings.picture(96, 64)
    options = ExplorerOptions(image=readings.source(image), query=query_of("toy"))
    monkeypatch.setattr(session_worker, "SessionWorker", lambda options: FakeWorker(options, image.size, (6, 8)))

    async def drive(pilot: Pilot[int]) -> None:
        if steps is not None:
            while len(pilot.app.screen_stack) < 2 or not explorer(pilot).state.connected:
                await pilot.pause(0.01)
            await pilot.pause()
            await steps(pilot)
        async with asyncio.timeout(60):
            await pilot.app._exception_event.wait()

    def headless(app: VlmtuiApp) -> int | None:
        return App.run(app, headless=True, size=WIDE, auto_pilot=drive)

    monkeypatch.setattr(VlmtuiApp, "run", headless)
    return launch.run(options)


@pytest.mark.parametrize("place", PLACES)
def test_an_error_ends_the_explorer_with_a_sentence_and_the_way_back(
    place: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    where, name, then = PLACES[place]

    async def inject(pilot: Pilot[int]) -> None:
        monkeypatch.setattr(where, name, fails)
        await then(pilot)

    hook = threading.excepthook
    assert run(monkeypatch, inject) == 1
    assert threading.excepthook is hook
    sentence, again = capsys.readouterr().err.splitlines()
    assert sentence == SENTENCE
    said, _, command = again.partition("vlmtui: to see it again: ")
    assert not said
    words = shlex.split(command)
    assert words[:4] == ["vlmtui", "toy.png", "-m", "toy"]
    assert words[4] == "--stage"


@pytest.mark.parametrize("place", BEFORE)
def test_an_error_before_there_is_anything_to_see_ends_it_with_a_sentence(
    place: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(*BEFORE[place], fails)
    assert run(monkeypatch, None) == 1
    assert capsys.readouterr().err.splitlines() == [SENTENCE]


def test_a_second_error_in_the_way_back_hides_nothing_of_the_first(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(app_module, "command_of", fails)
    monkeypatch.setattr(cursor, "move", fails)
    assert run(monkeypatch, pressing("right")) == 1
    assert capsys.readouterr().err.splitlines() == [SENTENCE]
