"""The table of actions: each is defined once, and reached by a key, by the palette and through Textual's keymap."""

from __future__ import annotations

from collections import Counter

import pytest
from textual.pilot import Pilot

from tests.docs.blocks import DOCS, check_block, markdown_table
from tests.tui.fake import app
from tests.tui.panels.test_layer_words import talk
from tests.tui.screens.test_explorer import WIDE, dialog, explorer, text
from vlmtui.tui.actions.key_groups import GROUPS, UNLISTED
from vlmtui.tui.actions.key_table import ACTIONS, Action, groups, help_rows
from vlmtui.tui.actions.palette import ActionCommands
from vlmtui.tui.app import VlmtuiApp
from vlmtui.tui.dialogs.text import TextDialog

WITHOUT_A_KEY = {"leave-layers", "one-word", "options", "theme", "screenshot"}
"""Those that the palette alone has, or that share the key of another."""


def test_each_is_defined_once() -> None:
    assert [name for name, many in Counter(action.name for action in ACTIONS).items() if many > 1] == []
    keys = Counter(key for action in ACTIONS for key in action.keys.split(",") if key)
    assert [key for key, many in keys.items() if many > 1] == []
    assert not GROUPS.keys() & UNLISTED.keys()
    assert {action.group for action in ACTIONS if action.group} <= {*GROUPS, *UNLISTED}
    alone = {action.name: action.help for action in ACTIONS if not action.group}
    assert all(alone.values())
    assert not alone.keys() & {*GROUPS, *UNLISTED}
    assert {action.name for action in ACTIONS if not action.keys} == WITHOUT_A_KEY


def bound(pilot: Pilot[int]) -> dict[str, str]:
    """What each key does on the explorer."""
    return {key: active.binding.action for key, active in explorer(pilot).active_bindings.items()}


async def test_each_is_reached_by_its_keys_and_by_the_palette() -> None:
    tui = app()
    async with tui.run_test(size=WIDE) as pilot:
        await pilot.pause()
        there = bound(pilot)
        commands = {title for title, _, _, _ in ActionCommands(explorer(pilot)).commands()}
        for action in ACTIONS:
            assert action.title in commands
            for key in action.keys.split(",") if action.keys else ():
                assert there[key] == action.call.partition(".")[2], action.name


@pytest.mark.parametrize("action", [action for action in ACTIONS if action.keys], ids=lambda action: action.name)
def test_each_has_its_key_in_the_help(action: Action) -> None:
    name = action.group or action.name
    group = {**groups(), **UNLISTED}[name]
    assert action.key in group.keys.split()
    assert name in UNLISTED or (group.keys, group.help) in help_rows()


def test_the_documentation_lists_what_the_help_lists() -> None:
    rows = [
        (" ".join(f"`{key}`" if len(key) == 1 else key for key in keys.split()), what) for keys, what in help_rows()
    ]
    check_block(DOCS / "explorer.md", "keys", markdown_table(("key", "action"), rows))


async def test_every_row_can_be_given_another_key() -> None:
    tui = app()
    async with tui.run_test(size=WIDE) as pilot:
        await pilot.pause()
        others = {action.name: f"f{i + 1}" for i, action in enumerate(ACTIONS) if action.keys}
        tui.set_keymap(others)
        await pilot.pause()
        there = bound(pilot)
        for action in ACTIONS:
            if action.keys:
                assert there[others[action.name]] == action.call.partition(".")[2], action.name
        assert dict(help_rows(others))[others["metric"]].startswith("metric")


async def test_a_key_that_was_given_is_in_the_key_bar() -> None:
    tui = app()
    async with tui.run_test(size=WIDE) as pilot:
        await pilot.pause()
        tui.set_keymap({"find": "f6", "overlay": "O,f8"})
        await pilot.press("f8")
        assert explorer(pilot).state.selection.overlay == "norms"
        assert "f6 find" in text(tui, "#keys")
        await pilot.press("f6")
        assert isinstance(dialog(pilot), TextDialog)


async def test_synonyms_find_an_action() -> None:
    tui = app()
    async with tui.run_test(size=WIDE) as pilot:
        await pilot.pause()
        hits = [hit async for hit in ActionCommands(explorer(pilot)).search("zero-shot")]
        assert [str(hit.text) for hit in hits] == ["Whole image: texts, or its classes"]


async def test_before_the_model_has_read_the_image_keys_are_offered_that_work() -> None:
    tui: VlmtuiApp = app()
    talk(tui).slow = True
    async with tui.run_test(size=WIDE) as pilot:
        await pilot.pause()
        shown = text(tui, "#keys")
        assert all(part in shown for part in ("? help", "q quit", "i image", "M model"))
        for part in ("move", "stage", "ask", "find", "metric", "save", "copy", "go to"):
            assert part not in shown
        # the others do nothing, and end nothing
        for action in ACTIONS:
            if action.keys and action.name not in ("quit", "interrupt", "suspend", "help"):
                await pilot.press(action.keys.split(",")[0])
                if dialog(pilot) is not None:
                    await pilot.press("escape")
        await pilot.pause()
        assert tui.return_code is None
        talk(tui).read(talk(tui).image)
        await pilot.pause()
        assert "move" in text(tui, "#keys")
