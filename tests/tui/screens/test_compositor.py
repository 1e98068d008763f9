"""What lies over one another on the screen, held against a painter who goes from the back to the front cell by cell."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from rich.cells import split_graphemes
from rich.text import Text
from textual._compositor import Compositor, CompositorUpdate
from textual.app import App
from textual.events import Paste
from textual.geometry import Region
from textual.pilot import Pilot
from textual.screen import Screen
from textual.widgets import Static

from tests.tui.fake import app
from tests.tui.screens.test_explorer import dialog, explorer
from tests.tui.screens.test_whole_screen import lines
from tests.tui.sizes import sizes
from tests.tui.terminal.frames import CLUSTERS
from tests.tui.test_session_worker import until
from vlmtui.tui.screens.compositor import VisibleCompositor
from vlmtui.tui.terminal.frame_reader import FrameReader
from vlmtui.tui.terminal.screen_grid import ScreenGrid

WIDE_TEXT = "天空青い cafe\u0301 한글 🌊"
WIDTHS = range(40, 201)
DIALOGS = {"go to": "g", "find": "slash", "image": "i", "model": "M tab", "palette": "ctrl+p", "question": "a"}
SIZE = (24, 6)
Box = tuple[int, int, int, int]


def characters(line: str) -> Iterator[tuple[str, int]]:
    """Each character of a line with its marks, and its cells."""
    return ((line[start:end], width) for start, end, width in split_graphemes(line)[0])


def painted(screen: Screen[Any]) -> list[str]:
    """The lines of a screen whose widgets are painted from the back to the front, as text."""
    columns, rows = screen.size
    cells = [[" "] * columns for _ in range(rows)]
    for widget, (region, clip) in reversed(screen._compositor.visible_widgets.items()):
        strips = widget.render_lines(Region(0, 0, region.width, region.height))
        for y, strip in enumerate(strips, region.y):
            x = region.x
            for character, width in characters(strip.text):
                place = range(x, x + width)
                x += width
                whole = all(clip.contains(column, y) for column in place)
                for column in place if width else ():
                    if not clip.contains(column, y):
                        continue
                    if cells[y][column] == "" and column == place[0]:
                        cells[y][column - 1] = " "
                    if column == place[-1] and column + 1 < columns and cells[y][column + 1] == "":
                        cells[y][column + 1] = " "
                    cells[y][column] = (character if column == place[0] else "") if whole else " "
    return ["".join(line) for line in cells]


@pytest.mark.parametrize(
    ("name", "widths"),
    [
        ("go to", sizes(WIDTHS, WIDTHS[2::3])),
        *((name, WIDTHS[at :: len(DIALOGS)]) for at, name in enumerate(DIALOGS) if at),
    ],
)
async def test_wide_characters_stand_in_a_dialog_at_all_widths(name: str, widths: range) -> None:
    tui = app(pieces=dict.fromkeys(range(60), "漢字"))
    async with tui.run_test(size=(40, 22)) as pilot:
        await pilot.pause()
        screen = explorer(pilot)
        await pilot.press(*DIALOGS[name].split())
        tui.post_message(Paste(WIDE_TEXT))
        await pilot.pause()
        assert dialog(pilot) is not None
        for columns in widths:
            await pilot.resize_terminal(columns, 22)
            await until(pilot, lambda columns=columns: screen._compositor.size.width == columns)
            shown = lines(pilot)
            assert any(WIDE_TEXT in line for line in shown), "\n".join(shown)
            assert columns % 3 or shown == painted(screen)
        await pilot.press("escape")
        await pilot.pause()
        assert lines(pilot) == painted(screen)


class Painting(VisibleCompositor):
    """The compositor with its frames, which others of these tests go without."""

    render_update = Compositor.render_update  # as it is imported, before any fixture


class Layers(Screen[None]):
    """Widgets over one another, the last in front."""

    CSS = "Layers { layers: a b c d; } Static { position: absolute; width: 4; height: 1; background: blue; }"

    def __init__(self) -> None:
        super().__init__()
        self._compositor = Painting()


class Shown(App[None]):
    """An application with a grid of what a terminal shows of its frames."""

    def __init__(self) -> None:
        super().__init__()
        self.terminal = ScreenGrid(*SIZE)
        self._reader = FrameReader(self.terminal)

    def _display(self, screen: Screen[Any], renderable: object) -> None:
        if isinstance(renderable, CompositorUpdate):
            self._reader.read(renderable.render_segments(self.console))


BOXES = st.tuples(st.integers(-3, 23), st.integers(-1, 5), st.integers(1, 20), st.integers(1, 4))
TEXTS = st.lists(st.sampled_from([*CLUSTERS, *"漢한ー"]), min_size=1, max_size=40).map("".join)
CHANGES = st.tuples(st.integers(0, 3), st.one_of(BOXES, TEXTS, st.booleans()))


async def change(pilot: Pilot[None], widgets: list[Static], at: int, what: Box | str | bool) -> None:
    """Move a widget, give it another text, or show it or not."""
    widget = widgets[at]
    if isinstance(what, bool):
        widget.display = what
    elif isinstance(what, str):
        widget.update(Text(what, no_wrap=False))
    else:
        widget.styles.offset = what[:2]
        widget.styles.width, widget.styles.height = what[2:]
    await pilot.pause()


async def follow(changes: list[tuple[int, Box | str | bool]]) -> None:
    tui = Shown()
    async with tui.run_test(size=SIZE) as pilot:
        screen = Layers()
        await tui.push_screen(screen)
        widgets = [Static(Text("漢字ab" * 30)) for _ in "abcd"]
        for layer, widget in zip("abcd", widgets, strict=True):
            widget.styles.layer = layer
        await screen.mount(*widgets)
        await change(pilot, widgets, 0, (0, 0, *SIZE))
        for at, what in changes:
            await change(pilot, widgets, at, what)
            assert ["".join(map(str, row)) for row in tui.terminal.characters] == painted(screen)


@settings(deadline=None, max_examples=40)
@given(st.lists(CHANGES, min_size=1, max_size=12))
@example([(0, "e\u0301漢" * 12), (1, (4, 0, 3, 1))])
@example([(0, "a\u0323\u0302漢" * 12), (1, (3, 0, 3, 1)), (2, (10, 0, 2, 1))])
@example([(1, (18, 0, 8, 1)), (1, "aaa漢e\u0301漢")])  # the mark is on the last character of the screen
def test_the_terminal_shows_what_is_in_front_after_any_change(changes: list[tuple[int, Box | str | bool]]) -> None:
    asyncio.run(follow(changes))
