"""Keys that come faster than a dialog opens, as a paste or a quick hand over a slow line sends them."""

from __future__ import annotations

import pytest
from textual.events import Key
from textual.pilot import Pilot
from textual.widgets import Input

from tests.tui.fake import app
from tests.tui.panels.test_layer_words import talk
from tests.tui.screens.test_explorer import WIDE, explorer
from tests.tui.test_session_worker import until
from vlmtui.session.typed_lenses.values import Find
from vlmtui.tui.screens.dialogs import TextDialog


def burst(pilot: Pilot[int], *keys: str) -> None:
    """All keys in the app's queue before the first of them is looked at, as they come from a terminal."""
    for key in keys:
        pilot.app.post_message(Key(key, key if len(key) == 1 else {"slash": "/"}.get(key)))


@pytest.mark.parametrize("word", ["abc", "sq"])  # s saves and q quits, where they are no letters of a word
async def test_a_word_typed_at_once_with_its_key_is_found(word: str) -> None:
    tui = app()
    async with tui.run_test(size=WIDE) as pilot:
        await pilot.pause()
        burst(pilot, "slash", *word, "enter")
        await until(pilot, lambda: bool(talk(tui).asked_values))
        assert talk(tui).asked_values == [("tokens", Find(word))]
        assert not isinstance(tui.screen, TextDialog)


async def test_a_dialog_that_is_left_at_once_hands_the_next_keys_to_the_explorer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    left: list[str] = []
    dismiss = TextDialog.dismiss

    def leaving(dialog: TextDialog[str], *answer: None) -> object:
        left.append(dialog.query_one(Input).value)
        return dismiss(dialog, *answer)

    monkeypatch.setattr(TextDialog, "dismiss", leaving)
    tui = app()
    async with tui.run_test(size=WIDE) as pilot:
        await pilot.pause()
        burst(pilot, "slash", *"abc", "escape")
        await until(pilot, lambda: bool(left))
        await until(pilot, lambda: tui.screen is explorer(pilot))
        assert left == ["abc"]
        await pilot.press("o")
        await pilot.pause()
        assert talk(tui).asked_values == []
        assert explorer(pilot).state.selection.overlay == "norms"


async def test_what_stands_in_the_line_is_typed_over() -> None:
    tui = app()
    async with tui.run_test(size=WIDE) as pilot:
        await pilot.pause()
        for word in ("abc", "sky"):
            burst(pilot, "slash", *word, "enter")
            await until(pilot, lambda word=word: ("tokens", Find(word)) in talk(tui).asked_values)
        assert talk(tui).asked_values == [("tokens", Find("abc")), ("tokens", Find("sky"))]
