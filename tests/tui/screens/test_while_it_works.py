"""Keys and progress while the session is at work, on a narrow screen and under dialogs."""

from __future__ import annotations

import pytest

from tests.tui import readings
from tests.tui.fake import FakeWorker, app
from tests.tui.screens.test_explorer import NARROW, at, dialog, explorer
from tests.tui.screens.test_whole_screen import lines
from tests.tui.test_session_worker import until
from vlmtui.tui import messages

MOVES = ["down", "right", "j", "l", "pagedown", "end", "up", "left", "pageup", "home"]


async def test_arrows_wait_while_an_image_is_read() -> None:
    tui = app(made=readings.reading(24, 24, 640, 427))
    async with tui.run_test(size=NARROW) as pilot:
        await pilot.pause()
        session = tui._worker
        assert isinstance(session, FakeWorker)
        await pilot.press(*["down"] * 20)
        session.read = lambda image: None  # type: ignore[method-assign]
        image = readings.picture(640, 427)
        session.post(messages.ImageOpened(readings.source(image), image))
        # drawn with what there is by now
        await until(pilot, lambda: "has not read" in "\n".join(lines(pilot)) and "▀" in lines(pilot)[2])
        before = lines(pilot)
        assert " move" not in before[-1]
        for key in MOVES:
            await pilot.press(key)
            await pilot.pause()
            # counted on the status line, and nothing else
            assert [*lines(pilot)[:-2], lines(pilot)[-1]] == [*before[:-2], before[-1]]
        session.post(messages.ImageRead(session.reading))
        await pilot.pause()
        await pilot.pause()
        assert at(pilot) == (16, 0)  # from where it was before, (23, 12)


@pytest.mark.parametrize("key", ["", "question_mark", "g", "M", "i", "ctrl+p"])
async def test_progress_goes_on_under_a_dialog(key: str) -> None:
    tui = app()
    async with tui.run_test(size=NARROW) as pilot:
        await pilot.pause()
        await pilot.press(*filter(None, [key]))
        await pilot.pause()
        assert (dialog(pilot) is not None) == bool(key)
        for done in (10, 40, 70):
            explorer(pilot).post_message(messages.SessionProgressed("reading weights", done, 100))
            await pilot.pause()
            assert f"reading weights {done}%" in lines(pilot)[-2]
