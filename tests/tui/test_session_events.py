"""What a session tells that is no result: vectors that are not finite; and its end, whatever the explorer was at, which
is said, keys still work, and R brings it back."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from tests.tui import readings
from tests.tui.actions.test_answer import ask
from tests.tui.fake import app
from tests.tui.panels.test_layer_words import ON, talk
from tests.tui.screens.test_explorer import WIDE, at, explorer, text
from vlmtui.tui import messages

STATES = ("reading", "words", "layers", "values", "answer", "occlusion", "ablation", "playing", "dialog", "mask")


@pytest.mark.parametrize("state", STATES)
async def test_a_session_is_lost_at_every_state(state: str) -> None:
    tui = app()
    fake = talk(tui)
    fake.slow = state == "reading"
    async with tui.run_test(size=WIDE) as pilot:
        await pilot.pause()
        fake.slow_layers, fake.slow_values, fake.slow_findings = True, state == "values", state in ("occlusion", "mask")
        if state in ("occlusion", "ablation"):
            await ask(pilot)
        fake.slow_answer = state in ("answer", "ablation")
        keys = {"layers": [ON], "values": ["o"] * 4, "occlusion": ["O"], "playing": ["p"], "dialog": ["g"]}
        await pilot.press(*keys.get(state, []), *(["K"] if state == "mask" else []))
        if state == "answer":
            await ask(pilot)
        if state == "ablation":
            await pilot.press("space", "x", "enter")
        fake.running = False
        fake.post(messages.SessionLost("the model session was killed (signal 9)"))
        await pilot.pause()
        assert "signal 9" in text(tui, "#status")
        assert not explorer(pilot).requests.under_way
        assert not explorer(pilot).state.generation.under_way
        if state == "dialog":
            await pilot.press("escape")
        if state != "reading":
            before = at(pilot)
            await pilot.press("up")
            assert at(pilot) == (before[0] - 1, before[1])
        fake.slow = fake.slow_answer = False
        await pilot.press("R")
        await pilot.pause()
        assert "signal 9" not in text(tui, "#status")
        assert explorer(pilot).state.connected
        assert tui.return_code is None


async def test_the_reading_of_an_image_that_is_no_longer_shown_is_let_go() -> None:
    made = readings.reading(6, 8)
    tui = app(made=made)
    let_go: list[str] = []
    talk(tui).forget = let_go.append
    async with tui.run_test(size=WIDE) as pilot:
        await pilot.pause()
        for name in ("second", "third", "third"):
            talk(tui).post(messages.ImageRead(msgspec.structs.replace(made, id=name)))
            await pilot.pause()
    assert let_go == ["r1", "second"]


async def test_vectors_that_are_not_finite_are_told_in_the_status_line() -> None:
    made = readings.reading(6, 8)
    norms = np.where(np.arange(48) < 5, np.nan, made.norms).astype(np.float32)
    tui = app(made=msgspec.structs.replace(made, norms=norms))
    async with tui.run_test(size=WIDE) as pilot:
        await pilot.pause()
        assert "5 of 48 vectors are not finite at tokens, and have no words" in text(tui, "#status")
