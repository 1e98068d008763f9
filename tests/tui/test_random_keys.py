"""Whatever is pressed, clicked, scrolled or resized: no error, no lost key, no growth of tasks or of what is kept."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
from tempfile import TemporaryDirectory
from typing import cast

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from textual import events
from textual.keys import key_to_character

from tests.tui.dialogs.test_layer import click
from tests.tui.fake import app
from tests.tui.families import FAMILIES
from tests.tui.screens.test_explorer import explorer
from vlmtui.tui import app as app_module
from vlmtui.tui.actions.key_table import ACTIONS
from vlmtui.tui.app import VlmtuiApp
from vlmtui.tui.state.results import KEPT

STEPS = 200
RUNS = int(os.environ.get("VLMTUI_RANDOM_RUNS", "3"))
"""Each on an explorer of its own; 10 runs are 2,000 steps."""
LEAVES = ("action_leave", "action_suspend_process", "action_save_screen")
"""Actions of the application that end it, stop it or write large files: they do nothing here."""
KEYS = [*(key for action in ACTIONS for key in action.keys.split(",") if key), "ctrl+p"]
SIZES = [(40, 20), (60, 20), (80, 24), (110, 24), (120, 40), (164, 48), (30, 10)]
POINT = st.tuples(st.integers(0, 163), st.integers(0, 47))
STEP = st.one_of(
    st.sampled_from(KEYS).map(lambda key: ("key", key)),
    st.sampled_from([*"abz ", "enter", "escape", "escape"]).map(lambda key: ("key", key)),
    st.lists(st.sampled_from([*KEYS, *"abz3,", *["ctrl+p", "enter", "escape"] * 8]), min_size=2, max_size=9).map(
        lambda keys: ("burst", keys)
    ),
    POINT.map(lambda at: ("click", at)),
    st.tuples(POINT, st.booleans()).map(lambda wheel: ("wheel", wheel)),
    st.sampled_from(SIZES).map(lambda size: ("size", size)),
)


async def drive(family: str, steps: list[tuple[str, object]]) -> None:
    tui = app(made=FAMILIES[family]() if family else None)
    async with tui.run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        before, widgets = len(asyncio.all_tasks()), len(explorer(pilot).query("*"))
        for kind, what in steps:
            if kind == "key":
                await pilot.press(str(what))
            elif kind == "burst":
                for key in cast(list[str], what):
                    tui.post_message(events.Key(key, key_to_character(key)))
                await pilot.pause()
            elif kind == "size":
                await pilot.resize_terminal(*what)  # type: ignore[misc]
            else:
                x, y = what if kind == "click" else what[0]  # type: ignore[index, misc]
                if kind == "click":
                    await click(pilot, x, y)
                else:
                    scroll = events.MouseScrollDown if what[1] else events.MouseScrollUp  # type: ignore[index]
                    wheel = scroll(None, x, y, 0, 1 if what[1] else -1, 0, False, False, False, x, y)  # type: ignore[index]
                    tui.post_message(wheel)
            assert tui.return_code is None
        explorer(pilot).dialogs.leave()
        await pilot.resize_terminal(120, 40)
        await pilot.pause()
        # no key is lost: each still does what it says
        state = explorer(pilot).state
        state.playing = False
        for expected in (state.selection.k % 50 + 1,) if state.selection.k < 50 else ():
            await pilot.press("plus")
            assert state.selection.k == expected
        assert len(state.results.found) < 200 + sum(KEPT.values())
        assert len(explorer(pilot).requests.under_way) < 40
        await pilot.pause(0.05)
        assert len(asyncio.all_tasks()) <= before + 8
        assert explorer(pilot).focused is None
        assert len(explorer(pilot).query("*")) == widgets
    gc.collect()


@seed(16)
@settings(
    max_examples=RUNS,
    deadline=None,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(
    st.sampled_from(["", "llava_next", "idefics2", "mllama", "clip_tower"]),
    st.lists(STEP, min_size=STEPS, max_size=STEPS),
)
def test_two_thousand_random_steps(family: str, steps: list[tuple[str, object]]) -> None:
    with TemporaryDirectory() as folder, contextlib.chdir(folder), pytest.MonkeyPatch.context() as patch:
        for name in LEAVES:
            patch.setattr(VlmtuiApp, name, lambda tui: None)
        patch.setattr(app_module, "AGAIN_S", 0.0)  # Ctrl-C twice would quit
        asyncio.run(drive(family, steps))
