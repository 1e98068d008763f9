"""Keys typed before the image was read: those that need it wait, in order; others act at once."""

from __future__ import annotations

import pytest

from tests.tui.actions.test_lens import talk
from tests.tui.fake import FakeWorker, app
from tests.tui.screens.test_explorer import WIDE, at, explorer, text
from vlmtui.tui.app import VlmtuiApp


def slow() -> tuple[VlmtuiApp, FakeWorker]:
    tui = app()
    worker = tui._worker
    assert isinstance(worker, FakeWorker)
    worker.slow = True
    return tui, worker


async def test_keys_wait_for_the_reading_in_order_those_of_a_dialog_too() -> None:
    tui, worker = slow()
    async with tui.run_test(size=WIDE) as pilot:
        await pilot.pause()
        await pilot.press("g", *"4,2", "enter", "right", "slash", *"quiet", "enter")
        await pilot.pause()
        assert "13 keys waiting (Esc drops them)" in text(tui, "#status")
        assert explorer(pilot).dialogs.top is None
        # digits are what is typed, and fold no panel
        assert not explorer(pilot).state.panels.folded
        worker.read(worker.image)
        await pilot.pause()
        await pilot.pause()
        assert explorer(pilot).dialogs.top is None
        assert explorer(pilot).state.selection.sought == "quiet"
        assert "waiting" not in text(tui, "#status")
        assert talk(tui).asked_values[0][1].given["text"] == "quiet"


async def test_the_cursor_goes_where_it_was_sent_before() -> None:
    tui, worker = slow()
    async with tui.run_test(size=WIDE) as pilot:
        await pilot.pause()
        await pilot.press("g", *"4,2", "enter", "right", "down")
        worker.read(worker.image)
        await pilot.pause()
        await pilot.pause()
        assert at(pilot) == (5, 3)


async def test_escape_drops_what_waits_and_others_act_at_once() -> None:
    tui, worker = slow()
    async with tui.run_test(size=WIDE) as pilot:
        await pilot.pause()
        await pilot.press("f")
        assert explorer(pilot).state.panels.alone
        await pilot.press("f", "question_mark")
        await pilot.pause()
        assert explorer(pilot).dialogs.top is not None
        await pilot.press("escape", "o", "right")
        await pilot.pause()
        assert "2 keys waiting" in text(tui, "#status")
        await pilot.press("escape")
        worker.read(worker.image)
        await pilot.pause()
        await pilot.pause()
        assert explorer(pilot).state.selection.overlay == "none"


@pytest.mark.parametrize(("keys", "left"), [(["o", "q"], True), (["slash", "q"], False)])
async def test_q_quits_at_once_unless_it_is_part_of_what_is_typed(keys: list[str], left: bool) -> None:
    tui, _ = slow()
    async with tui.run_test(size=WIDE) as pilot:
        await pilot.pause()
        await pilot.press(*keys)
        await pilot.pause()
        assert (tui.return_code == 0) == left
