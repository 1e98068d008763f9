"""The settings of the user in the explorer: theme, keys and panels from a file, and its mistakes as notifications."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from textual.pilot import Pilot
from textual.widgets import Input

from tests.tui import readings
from tests.tui.actions.test_key_table import bound
from tests.tui.fake import app
from tests.tui.screens.test_explorer import NARROW, WIDE, dialog, explorer, text
from vlmtui.cli.user_settings import UserSettings
from vlmtui.tui.actions.key_table import ACTIONS, groups, help_rows
from vlmtui.tui.actions.keymap import UNBOUND, given_keys, key_names, keymap, textual_key, usual_keys
from vlmtui.tui.app import VlmtuiApp
from vlmtui.tui.dialogs.text import TextDialog
from vlmtui.tui.terminal.background import TerminalStart

Opened = Callable[[str], VlmtuiApp]


@pytest.fixture
def with_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Opened:
    """The explorer on a made-up image, with settings of this text."""

    def opened(content: str) -> VlmtuiApp:
        file = tmp_path / "config.toml"
        file.write_text(content)
        monkeypatch.setenv("VLMTUI_CONFIG", str(file))
        return app(settings=UserSettings().explorer)

    return opened


def told(pilot: Pilot[int]) -> list[str]:
    return [one.message for one in pilot.app._notifications if one.title == "Settings"]


async def test_without_a_file_nothing_is_another(with_file: Opened) -> None:
    tui = with_file("")
    async with tui.run_test(size=WIDE) as pilot:
        await pilot.pause()
        assert tui.theme == "vlmtui-dark"
        names = [panel.name for panel in explorer(pilot).panels]
        assert names == ["facts", "answer", "words", "numbers", "norms", "patch"]
        assert not tui._keymap
        assert told(pilot) == []


@pytest.mark.parametrize(
    ("content", "asked", "background", "wanted"),
    [
        ("k = 5", "auto", (255, 255, 255), "vlmtui-light"),
        ("k = 5", "auto", (0, 0, 0), "vlmtui-dark"),
        ('theme = "nord"', "auto", (255, 255, 255), "nord"),
        ('theme = "nord"', "light", (0, 0, 0), "vlmtui-light"),
        ("", "dark", (255, 255, 255), "vlmtui-dark"),
    ],
)
def test_the_theme_is_what_is_asked_for_or_set_or_suits_the_terminal(
    content: str, asked: str, background: tuple[int, int, int], wanted: str, with_file: Opened
) -> None:
    worker = with_file(content)._worker
    worker.options = replace(worker.options, theme=asked)
    assert VlmtuiApp(worker, readings.picture(), TerminalStart(background)).theme == wanted


@pytest.mark.parametrize("theme", ["vlmtui-light", "nord"])
async def test_a_theme(theme: str, with_file: Opened) -> None:
    tui = with_file(f'theme = "{theme}"')
    async with tui.run_test(size=WIDE) as pilot:
        await pilot.pause()
        assert tui.theme == theme
        dark = tui.current_theme.dark
        tui.action_switch_theme()
        assert tui.current_theme.dark is not dark


async def test_panels_and_their_order(with_file: Opened) -> None:
    tui = with_file('panels = ["norms", "words"]')
    async with tui.run_test(size=WIDE) as pilot:
        await pilot.pause()
        panels = explorer(pilot).query_one("#panels").children
        assert [panel.id for panel in panels if panel.display] == ["norms", "words"]
        assert panels[0].region.y < panels[1].region.y
        assert not explorer(pilot).query("#patch")


async def test_a_panel_that_does_not_apply_leaves_none(with_file: Opened) -> None:
    for size in (WIDE, NARROW):
        tui = with_file('panels = ["facts"]')
        async with tui.run_test(size=size) as pilot:
            await pilot.pause()
            await pilot.press("tab", "right", "right_square_bracket")
            assert not [panel for panel in explorer(pilot).query_one("#panels").children if panel.display]
            assert tui.return_code is None


async def test_keys_of_the_file(with_file: Opened) -> None:
    tui = with_file('keys = { find = ["f6", "o"], theme = "f9", overlay = [], previous-overlay = [], mark = "," }')
    async with tui.run_test(size=WIDE) as pilot:
        await pilot.pause()
        there = bound(pilot)
        assert there["f6"] == there["o"] == "do('find')"
        assert "slash" not in there
        # a key that was given away is in the help no more, nor is that of an action without any
        assert ("", dict_of_help("overlay")) in help_rows(given_keys(tui._keymap))
        assert "f6 find" in text(tui, "#keys")
        assert " o overlay" not in text(tui, "#keys")
        # the comma went to another action, and its other key stays
        assert (there["comma"], there["less_than_sign"]) == ("do('mark')", "do('previous-token')")
        await pilot.press("f9")
        assert tui.theme == "vlmtui-light"
        await pilot.press("o")
        assert isinstance(dialog(pilot), TextDialog)


def dict_of_help(name: str) -> str:
    """What the help says of a matter, whatever its keys are."""
    return groups()[name].help


async def test_a_letter_for_quit_can_still_be_typed(with_file: Opened) -> None:
    tui = with_file('keys.quit = ["x", "ctrl+y"]\nkeys.ablate = []')
    async with tui.run_test(size=WIDE) as pilot:
        await pilot.pause()
        await pilot.press("slash", "x", "q")
        assert tui.screen.query_one(Input).value == "xq"
        await pilot.press("ctrl+q")
        assert tui.return_code is None
        await pilot.press("ctrl+y")
        assert tui.return_code == 0


async def test_what_is_wrong_is_a_notification(with_file: Opened, tmp_path: Path) -> None:
    tui = with_file('theme = "drakula"\nk = 0\n')
    async with tui.run_test(size=WIDE) as pilot:
        await pilot.pause()
        assert tui.theme == "vlmtui-dark"
        (note,) = told(pilot)
        first, second = note.splitlines()
        assert first.startswith(f'{tmp_path}/config.toml:1: theme is "drakula", not one of ')
        assert second.startswith(f"{tmp_path}/config.toml:2: k is 0: ")


async def test_many_mistakes_are_not_all_told_on_the_screen(with_file: Opened) -> None:
    tui = with_file("\n".join(f"wrong-{i} = 1" for i in range(9)))
    async with tui.run_test(size=WIDE) as pilot:
        await pilot.pause()
        (note,) = told(pilot)
        first, second, more = note.splitlines()
        assert "wrong-0" in first
        assert "wrong-1" in second
        assert more == "7 more mistakes: vlmtui config check"


def test_the_profile_keys_go_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "config.toml"
    file.write_text('[keys]\nfind = ["f6", "f7"]\nzoom = "f9"\n[profile.a.keys]\noverlay = "f6"\nzoom = "f8"')
    monkeypatch.setenv("VLMTUI_CONFIG", str(file))
    expected = {"find": ("f7",), "overlay": ("f6",), "zoom": ("f8",)}
    assert UserSettings("a").explorer().keys == expected
    assert UserSettings().explorer().keys == {"find": ("f6", "f7"), "zoom": ("f9",)}


@pytest.mark.parametrize(
    ("word", "key"),
    [
        ("f6", "f6"), ("/", "slash"), ("slash", "slash"), ("-", "minus"), (",", "comma"), ("+", "plus"), ("x", "x"),
        ("X", "X"), ("é", "é"), (" ", "space"), ("ctrl+f", "ctrl+f"), ("ctrl++", "ctrl+plus"),
        ("shift+ctrl+up", "ctrl+shift+up"), ("escape", "escape"), ("left_square_bracket", "left_square_bracket"),
        ("", None), ("ctrl+", None), ("ctrl+F", None), ("Esc", None), ("fx", None), ("a+b", None), ("\t", None),
        ("ctrl+ctrl+f", None), ("F6", None), ("++", None), ("a,b", None),
    ],
)  # fmt: skip
def test_names_of_keys(word: str, key: str | None) -> None:
    assert textual_key(word) == key


def test_every_key_of_the_table_is_a_key() -> None:
    assert all(textual_key(key) == key for action in ACTIONS for key in usual_keys(action))
    assert all(textual_key(key) == key for key in key_names())


@given(st.text(max_size=8))
def test_a_key_is_its_own_name(word: str) -> None:
    key = textual_key(word)
    # of a few characters Textual's own name cannot be looked up: PLUS-MINUS SIGN has lost its hyphen
    assert key is None or (textual_key(key) in (key, None) and key and "," not in key)
    assert key is None or not word.isascii() or textual_key(key) == key


@settings(deadline=None)
@given(
    st.dictionaries(
        st.sampled_from([action.name for action in ACTIONS]),
        st.lists(st.sampled_from(["a", "o", "q", "slash", "f6", "ctrl+q", "ctrl+f", "comma"]), max_size=2, unique=True),
        max_size=4,
    )
)
def test_no_key_has_two_actions(given_: dict[str, list[str]]) -> None:
    """Whatever is given, a key does one thing, and every action that was given keys has them."""
    seen: set[str] = set()
    unique = {name: [key for key in keys if not (key in seen or seen.add(key))] for name, keys in given_.items()}  # type: ignore[func-returns-value]
    made = keymap(unique)
    shown = given_keys(made)
    usual = {action.name: ",".join(usual_keys(action)) for action in ACTIONS}
    in_force = {name: [key for key in (shown.get(name, keys)).split(",") if key] for name, keys in usual.items()}
    assert {name: sorted(in_force[name]) for name in unique} == {name: sorted(keys) for name, keys in unique.items()}
    every = [key for keys in in_force.values() for key in keys]
    assert len(every) == len(set(every))
    assert all(keys and (UNBOUND in keys or all(map(textual_key, keys.split(",")))) for keys in made.values())
