"""The real session killed with signal 9, whatever the explorer is at: said in one sentence, R brings everything back.

One explorer of the demo model goes through all of it undisturbed, which is what the numbers are held against, and is
then bereft of one session after the other: by default of a few; VLMTUI_KILLS=all is of one at every moment, and
VLMTUI_KILLS=mask,dialog at those named.
"""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, fields, is_dataclass, replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from PIL import Image
from textual.message import Message
from textual.pilot import Pilot

from tests.query.queries import query_of
from tests.tui.screens.test_explorer import WIDE, at, explorer, text
from tests.tui.test_session_worker import BACK, ON, until
from tests.waiting import children
from vlmtui.images.image_file import read_source
from vlmtui.lenses.lens_source import LensCall
from vlmtui.session.discovery import SessionLocation
from vlmtui.tui import messages
from vlmtui.tui.app import VlmtuiApp
from vlmtui.tui.notices import READING
from vlmtui.tui.options import ExplorerOptions
from vlmtui.tui.screens.explorer import Explorer
from vlmtui.tui.session_worker import SessionWorker
from vlmtui.tui.state.results import Results
from vlmtui.tui.state.selection import Selection
from vlmtui.tui.state.stages import TOKENS
from vlmtui.tui.state.subject import LayersLens, MaskLens, OcclusionLens, Subject, WordsLens
from vlmtui.tui.state.word_table import WordTable

TOWN, SHAPES = (Path(__file__).parents[2] / "sample_images" / f"scene-{name}.png" for name in ("town", "shapes"))
SENTENCE = "R restarts it: the model session was killed (signal 9)"
TOKEN = "token"
"""When the first token of an answer is generated."""
OTHERWISE = {"seconds", "timings", "id", "reading", "answer"}
"""Fields that differ between sessions: durations, and what they call readings and answers."""


@dataclass(frozen=True)
class Moment:
    """What the explorer is at: after `keys`, where `lens` has been asked for and is not answered, or nothing is.

    The session is held before the keys are pressed and then killed; or it is killed as soon as it says that it does
    what is called `doing`, after the keys, or after R has `begun` it. `asked`: there is an answer before.
    """

    keys: tuple[str, ...] = ()
    lens: type | None = None
    doing: str = ""
    begun: bool = False
    asked: bool = False


ASK = ("a", "enter")
MOMENTS = {
    "starting": Moment(doing="importing torch", begun=True),
    "loading": Moment(doing="reading weights", begun=True),
    "reading the image": Moment(doing="running the vision tower", begun=True),
    "at tokens": Moment(),
    "at a vision stage": Moment((BACK, BACK)),
    "reading the layers": Moment((ON,), LayersLens),
    "finding": Moment(("slash", *"sky", "enter"), LensCall),
    "similarity": Moment(("o",) * 4, LensCall),
    "early exit": Moment((BACK, BACK, "e"), WordsLens),
    "answering": Moment(ASK, doing=TOKEN),
    "occlusion map": Moment(("O",), OcclusionLens, asked=True),
    "mask": Moment(("K",), MaskLens, asked=True),
    "playing": Moment(("p",)),
    "dialog": Moment(("g",)),
    "opening an image": Moment(("i", *str(SHAPES), "enter"), doing="running the vision tower"),
}
FEW = ("loading", "reading the layers", "answering")
KILLS = os.environ.get("VLMTUI_KILLS", ",".join(FEW))
CHOSEN = tuple(MOMENTS) if KILLS == "all" else tuple(KILLS.split(","))


@dataclass
class Bench:
    """The explorer with a real session, and the means to hold or to kill that."""

    pilot: Pilot[int]
    worker: SessionWorker
    start: Selection = field(default_factory=Selection)
    doing: str = ""
    """What the session is killed at."""

    @property
    def screen(self) -> Explorer:
        return explorer(self.pilot)

    @property
    def results(self) -> Results:
        return self.screen.state.results

    @property
    def trouble(self) -> str:
        return self.screen.state.status.trouble

    def signal(self, number: signal.Signals) -> None:
        client = self.worker._client
        assert client is not None
        assert client.pid is not None
        os.kill(client.pid, number)

    def overhear(self) -> None:
        """Kill the session in the thread that hears it say what is waited for."""
        post = self.worker.post

        def heard(message: Message) -> None:
            match message:
                case messages.SessionProgressed(doing):
                    said = doing
                case messages.TokenGenerated():
                    said = TOKEN
                case _:
                    said = ""
            if self.doing and self.doing in said:
                self.doing = ""
                self.signal(signal.SIGKILL)
            post(message)

        self.worker.post = heard

    def awaits(self, lens: type) -> bool:
        return any(isinstance(request.lens, lens) for request in self.screen.requests.under_way)

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.pilot.pause()

    async def until(self, happened: Callable[[], bool]) -> None:
        await until(self.pilot, happened)
        await self.pilot.pause()

    async def read(self) -> None:
        """Until the image was read and the words of all its tokens have come; the selection as in the beginning."""
        await self.until(lambda: self.screen.state.connected)
        self.screen.state.selection = self.start
        self.screen.bring_up_to_date()
        reading = self.results.reading
        assert reading is not None
        every = range(len(reading.places))
        await self.until(
            lambda: (table := self.results.words_at(TOKENS, "cosine")) is not None and not table.missing(every)
        )

    async def ask(self) -> None:
        await self.press(*ASK)
        await self.until(lambda: self.results.generation.ready)

    async def go_through(self, moment: Moment) -> dict[object, object]:
        """What there is once the keys were pressed and what they ask for has come, by subject and lens."""
        if moment.asked or moment.keys == ASK:
            await self.ask()
        if (lens := moment.lens) is not None:
            await self.press(*moment.keys)
            await self.until(
                lambda: not self.awaits(lens) and any(isinstance(key[1], lens) for key in self.results.found)
            )
        return self.numbers()

    def numbers(self) -> dict[object, object]:
        results = self.results
        numbers: dict[object, object] = {"reading": results.reading}
        if results.generation.ready:
            numbers["answer"] = results.generation.answer
        for (subject, lens), result in results.found.items():
            # answers are counted; here all are to one question
            numbers[replace(subject, answer=bool(subject.answer)), lens] = result
        return numbers

    async def bereave(self, moment: Moment) -> None:
        """Kill the session at this moment."""
        if moment.begun:
            self.signal(signal.SIGKILL)
            await self.until(lambda: bool(self.trouble))
            self.doing = moment.doing
            await self.press("R")
        elif moment.doing:
            self.doing = moment.doing
            await self.press(*moment.keys)
        else:
            if moment.asked:
                await self.ask()
            self.signal(signal.SIGSTOP)
            await self.press(*moment.keys)
            assert moment.lens is None or self.awaits(moment.lens)
            self.signal(signal.SIGKILL)
        await self.until(lambda: bool(self.trouble) and not self.doing)


def seen(tui: VlmtuiApp) -> list[str]:
    """The image and the panels that do not say what is waited for."""
    strips = tui.screen_stack[1].query("ImageStrip")
    image = [
        "".join(f"{s.text}{s.style}" for s in strip.render_line(y))
        for strip in strips
        for y in range(strip.size.height)
    ]
    return [*image, text(tui, "#norms"), text(tui, "#title"), text(tui, "#path")]


def same(one: Any, other: Any) -> bool:
    """Whether two results are equal but for what is another in every session; of words, as far as both have come."""
    if isinstance(one, WordTable):
        return all(one.rows[token] == other.rows[token] for token in one.rows.keys() & other.rows.keys())
    if isinstance(one, np.ndarray):
        return np.array_equal(one, other, equal_nan=one.dtype.kind == "f")
    if isinstance(one, msgspec.Struct) or is_dataclass(one):
        names = one.__struct_fields__ if isinstance(one, msgspec.Struct) else [each.name for each in fields(one)]
        return type(one) is type(other) and all(
            same(getattr(one, name), getattr(other, name)) for name in names if name not in OTHERWISE
        )
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(value, other[key]) for key, value in one.items())
    return bool(one == other) or (one != one and other != other)


async def test_a_session_is_killed_at_every_moment_and_the_same_numbers_come_back() -> None:
    worker = SessionWorker(
        ExplorerOptions(
            image=read_source(str(TOWN)),
            query=query_of("demo", device="cpu", where=SessionLocation(None, "vlmtui", warm=False)),
        )
    )
    tui = VlmtuiApp(worker, Image.open(TOWN).convert("RGB"))
    try:
        async with tui.run_test(size=WIDE, notifications=True) as pilot:
            await pilot.pause()
            bench = Bench(pilot, worker)
            bench.overhear()
            await bench.until(lambda: bench.screen.state.connected)
            bench.start = bench.screen.state.selection
            undisturbed: dict[object, object] = {}
            for name in CHOSEN:
                await bench.read()
                undisturbed |= await bench.go_through(MOMENTS[name])
            await bench.read()
            threads, tasks = _threads(), len(asyncio.all_tasks())
            sessions = children(os.getpid())
            for name in CHOSEN:
                await _killed_at(bench, tui, MOMENTS[name], undisturbed)
                assert _threads() == threads
                # a timer may wait, and a widget may have shown a scroll bar
                assert len(asyncio.all_tasks()) <= tasks + 2
                assert len(children(os.getpid())) == len(sessions)
            bench.signal(signal.SIGKILL)
            await bench.until(lambda: bool(bench.trouble))
            await pilot.press("q")
    finally:
        worker.close()
    assert tui.return_value == 0
    assert tui._exception is None


async def _killed_at(bench: Bench, tui: VlmtuiApp, moment: Moment, undisturbed: dict[object, object]) -> None:
    before, found = seen(tui), dict(bench.results.found)
    stage, image, reading = bench.screen.state.selection.stage, bench.results.image, bench.results.reading
    await bench.bereave(moment)
    # one sentence says it, and nothing else
    assert text(tui, "#status").startswith(f" ● {SENTENCE}")
    assert not tui._notifications
    assert not bench.screen.requests.under_way
    assert not bench.screen.state.playing
    assert not bench.results.generation.under_way
    # what was on the screen is on it still
    if bench.results.image == image:
        assert bench.results.reading is reading
        assert found.keys() <= bench.results.found.keys()
        if bench.screen.state.selection.stage == stage and not moment.keys:
            assert seen(tui) == before
    if bench.screen.dialogs.top is not None:
        await bench.press("escape")
    if bench.results.reading is not None:
        place = at(bench.pilot)
        await bench.press("left")
        assert at(bench.pilot) == (place[0], place[1] - 1)
    await bench.press("R")
    await bench.until(lambda: bench.screen.state.connected)
    assert not bench.trouble
    if bench.results.image != image:
        assert "scene-shapes.png" in text(tui, "#title")
        await bench.press("i", *str(TOWN), "enter")
        await bench.until(lambda: bench.results.image == image)
    await bench.read()
    again = await bench.go_through(moment)
    shared = undisturbed.keys() & again.keys()
    assert {"reading", (Subject(TOKENS, answer=False), WordsLens("cosine"))} <= shared
    assert moment.lens is None or any(isinstance(key, tuple) and isinstance(key[1], moment.lens) for key in shared)
    assert moment.keys != ASK or "answer" in shared
    for key in shared:
        assert same(undisturbed[key], again[key]), key
    await bench.read()
    # that an answer went with its session is said for a while
    assert all("is gone" in notice.message for notice in tui._notifications)
    bench.screen.context.notify.over(READING)
    await bench.until(lambda: not tui._notifications and not bench.screen.query("ToastHolder"))


def _threads() -> list[str]:
    return sorted(thread.name for thread in threading.enumerate() if thread.name != "open")
