"""Dialogs over the explorer: who has the keys and the mouse, also where keys come faster than a dialog opens."""

from __future__ import annotations

from itertools import product

import pytest
from textual.events import Key, MouseDown, MouseScrollDown, MouseUp, Paste
from textual.geometry import Region
from textual.pilot import Pilot
from textual.widget import Widget
from textual.widgets import Input, Static

from tests.tui.fake import app
from tests.tui.panels.test_layer_words import talk
from tests.tui.screens.test_explorer import NARROW, WIDE, at, dialog, explorer, text
from tests.tui.sizes import sizes
from tests.tui.test_session_worker import until
from vlmtui.session.typed_lenses.values import Find
from vlmtui.tui.dialogs.help import HelpPage
from vlmtui.tui.dialogs.model import ModelDialog
from vlmtui.tui.dialogs.palette import Palette
from vlmtui.tui.dialogs.text import TextDialog

NAMES = {"/": "slash", "⏎": "enter", "⎋": "escape", "?": "question_mark", ",": "comma", " ": "space"} | {
    "↓": "down",
    "^": "ctrl+p",
}
OPENERS = ["question_mark", "g", "i", "M", "V", "ctrl+p"]
SMALLEST, LARGER = [(40, 20)], [WIDE, NARROW, (200, 60)]
CHARACTERS = {"⏎": "\r", "⎋": "\x1b", "↓": None, "^": "\x10"}


def said(pilot: Pilot[int]) -> str:
    """What stands under the line of a dialog."""
    return str(explorer(pilot).query_one(".dialog-hint", Static).content)


def burst(pilot: Pilot[int], keys: str) -> None:
    """All keys in the app's queue before the first of them is looked at, as they come from a terminal."""
    for key in keys:
        pilot.app.post_message(Key(NAMES.get(key, key), CHARACTERS.get(key, key)))


async def click(pilot: Pilot[int], x: int, y: int) -> None:
    """A click as it comes from a terminal: the pilot's own goes past the application."""
    for event in MouseDown, MouseUp:
        pilot.app.post_message(event(None, x, y, 0, 0, 1, False, False, False, x, y))
    await pilot.pause()


@pytest.mark.parametrize("word", ["abc", "sq"])  # s saves and q quits, where they are no letters of a word
async def test_a_word_typed_at_once_with_its_key_is_found(word: str) -> None:
    tui = app()
    async with tui.run_test(size=WIDE) as pilot:
        await pilot.pause()
        burst(pilot, f"/{word}⏎")
        await until(pilot, lambda: bool(talk(tui).asked_values))
        assert talk(tui).asked_values == [("tokens", Find(word))]
        assert dialog(pilot) is None


@pytest.mark.parametrize(
    ("keys", "cursor", "overlay", "opened"),
    [
        ("g3,1⏎", (3, 1), "none", None),
        ("g3,1⏎lg0,0⏎lo", (0, 1), "norms", None),
        ("g99,1⏎o", (3, 4), "none", TextDialog),
        ("/abc⎋o", (3, 4), "norms", None),
        ("?⎋oo", (3, 4), "words", None),
        ("?lq?⏎h", (3, 3), "none", None),
        ("?o", (3, 4), "none", HelpPage),
        ("^go to⏎2,2⏎l", (2, 3), "none", None),
        ("^o⏎l", (3, 5), "norms", None),
        ("^help⏎", (3, 4), "none", HelpPage),
        ("^abc⎋l", (3, 5), "none", None),
        ("g1^overlay: norms⏎h", (3, 3), "norms", None),
        ("g1^theme⏎,1⏎", (1, 1), "none", None),
        ("^^", (3, 4), "none", Palette),
        ("M↓", (3, 4), "none", ModelDialog),
    ],
)
async def test_each_key_of_a_burst_goes_to_what_the_one_before_has_opened(
    keys: str, cursor: tuple[int, int], overlay: str, opened: type | None
) -> None:
    tui = app()
    async with tui.run_test(size=WIDE) as pilot:
        await pilot.pause()
        assert (at(pilot), explorer(pilot).state.selection.overlay) == ((3, 4), "none")
        burst(pilot, keys)
        await until(pilot, lambda: not tui._message_queue.qsize())
        await pilot.pause()
        assert at(pilot) == cursor
        assert explorer(pilot).state.selection.overlay == overlay
        assert type(dialog(pilot)) is (opened or type(None))


async def test_what_stands_in_the_line_is_typed_over() -> None:
    tui = app()
    async with tui.run_test(size=WIDE) as pilot:
        await pilot.pause()
        for word in ("abc", "sky"):
            burst(pilot, f"/{word}⏎")
            await until(pilot, lambda word=word: ("tokens", Find(word)) in talk(tui).asked_values)
        assert talk(tui).asked_values == [("tokens", Find("abc")), ("tokens", Find("sky"))]


async def test_a_paste_is_of_the_line_and_in_its_turn() -> None:
    tui = app()
    async with tui.run_test(size=WIDE) as pilot:
        await pilot.pause()
        burst(pilot, "/b")
        pilot.app.post_message(Paste("lue s\nq"))
        burst(pilot, "ky⏎")
        pilot.app.post_message(Paste("q"))
        await until(pilot, lambda: bool(talk(tui).asked_values))
        assert talk(tui).asked_values == [("tokens", Find("blue sky"))]


@pytest.mark.parametrize(
    ("pasted", "value", "said"),
    [
        ("blue sky\nq\n\nred", "blue sky", ["pasted the first of 3 lines: there is room for one"]),
        ("\n\nblue sky\r\nq", "blue sky", ["pasted the first of 2 lines: there is room for one"]),
        ("blue sky\n \n", "blue sky", []),
        ("\n", "", []),
    ],
)
async def test_a_paste_of_several_lines_says_what_it_has_left_out(pasted: str, value: str, said: list[str]) -> None:
    tui = app()
    async with tui.run_test(size=WIDE, notifications=True) as pilot:
        await pilot.pause()
        tui.post_message(Paste(pasted))  # where there is no line there is nothing to say
        await pilot.press("slash")
        tui.post_message(Paste(pasted))
        await pilot.pause()
        assert explorer(pilot).query_one(Input).value == value
        assert [one.message for one in tui._notifications] == said


async def test_a_letter_with_alt_is_no_text() -> None:
    tui = app()
    async with tui.run_test(size=WIDE) as pilot:
        await pilot.pause()
        await pilot.press("slash")
        for key, character in ("alt+a", "a"), ("b", "b"), ("super+c", "c"), ("plus", "+"), ("upper_d", "D"):
            tui.post_message(Key(key, character))
        await pilot.pause()
        assert explorer(pilot).query_one(Input).value == "b+D"
        assert explorer(pilot).state.selection.overlay == "none"


async def test_keys_and_mouse_reach_nothing_behind_a_dialog() -> None:
    tui = app()
    async with tui.run_test(size=WIDE) as pilot:
        await pilot.pause()
        picture = explorer(pilot).query_one("#picture").region
        await click(pilot, picture.x + 20, picture.y + 12)
        cursor = at(pilot)
        assert cursor != (3, 4)
        for key in ("question_mark", "g"):
            await pilot.press(key)
            opened = dialog(pilot)
            assert opened is not None
            for x, y in ((picture.x + 1, picture.y + 1), (20, 2), (125, 20)):
                assert not opened.region.contains(x, y)
                await click(pilot, x, y)
                pilot.app.post_message(MouseScrollDown(None, x, y, 0, 1, 0, False, False, False, x, y))
            await pilot.press("left", "up", "pageup", "home")
            assert at(pilot) == cursor
            assert dialog(pilot) is opened
            await pilot.press("ctrl+c")
            assert dialog(pilot) is None
        await pilot.press("l")
        assert at(pilot) == (cursor[0], cursor[1] + 1)


async def test_the_focus_is_the_dialogs_and_nobodys_after_it() -> None:
    tui = app()
    async with tui.run_test(size=WIDE) as pilot:
        await pilot.pause()
        screen = explorer(pilot)
        assert screen.focused is None
        await pilot.press("g")
        assert isinstance(screen.focused, Input)
        await pilot.press("ctrl+p")
        assert isinstance(dialog(pilot), Palette)
        assert screen.focused is screen.query_one(".palette Input")
        await pilot.press("escape")
        assert isinstance(dialog(pilot), TextDialog)
        assert screen.focused is screen.query_one(Input)
        await pilot.press("escape")
        assert screen.focused is None
        # the line and not the list, where the line had it
        await pilot.press("M", "tab", *"abc", "ctrl+p", "escape", *"def")
        assert screen.query_one(Input).value == "abcdef"
        await pilot.press("shift+tab", "escape")
        assert screen.focused is None
        await pilot.pause()
        assert not screen.query(".dialog")


@pytest.mark.parametrize(
    ("key", "size"),
    # each on the smallest screen and on one of the others
    sizes(
        [*product(OPENERS, SMALLEST + LARGER)], [*product(OPENERS, SMALLEST), *zip(OPENERS, LARGER * 2, strict=True)]
    ),
)
async def test_a_dialog_stands_in_the_middle_and_moves_nothing(key: str, size: tuple[int, int]) -> None:
    tui = app()
    async with tui.run_test(size=WIDE) as pilot:
        await pilot.pause()
        screen = explorer(pilot)

        async def resize(columns: int, rows: int) -> None:
            await pilot.resize_terminal(columns, rows)
            await until(pilot, lambda: screen.query_one("#status").region.bottom == rows - 1)
            assert screen.size == (columns, rows)

        await resize(*size)

        def regions() -> dict[object, Region]:
            return {one: one.region for one in screen.query("#title, #path, #body, #picture, #panels, #status, .panel")}

        before = regions()
        await pilot.press(key)
        await pilot.pause()
        opened = dialog(pilot)
        assert opened is not None
        for columns, rows in (size, (100, 30), size):
            await resize(columns, rows)
            region = opened.region
            assert 0 < region.height <= 0.9 * rows
            assert 0 < region.width <= 0.94 * columns
            assert abs(region.x - (columns - region.right)) <= 1
            assert abs(region.y - (rows - region.bottom)) <= 1
        assert regions() == before
        await pilot.press("escape")
        await pilot.pause()
        assert regions() == before
        assert "go to" in text(tui, "#keys") or size[0] < 132


async def test_a_click_beside_the_palette_leaves_it() -> None:
    tui = app()
    async with tui.run_test(size=WIDE) as pilot:
        await pilot.pause()
        await pilot.press("ctrl+p")
        await click(pilot, 4, 6)
        assert dialog(pilot) is None
        assert at(pilot) == (3, 4)


@pytest.mark.parametrize(("opens", "kind"), [(("ctrl+p", "\x10"), Palette), (("M", "M"), ModelDialog)])
async def test_a_page_key_typed_at_once_with_a_list_ends_nothing(opens: tuple[str, str], kind: type[Widget]) -> None:
    tui = app()
    async with tui.run_test(size=WIDE) as pilot:
        await pilot.pause()
        for key, character in (opens, ("pagedown", None), ("pageup", None), ("pagedown", None)):
            pilot.app.post_message(Key(key, character))
        await pilot.pause()
        assert tui.return_code is None
        assert isinstance(dialog(pilot), kind)
