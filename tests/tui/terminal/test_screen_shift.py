"""Shifts of the screen against an emulator that is given everything, and against tmux."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tui.terminal import frames
from tests.tui.terminal.test_screen_difference import Tmux, emulator, halves_whole
from vlmtui.tui.terminal import screen_shift
from vlmtui.tui.terminal.frame_reader import FrameReader
from vlmtui.tui.terminal.screen_difference import difference
from vlmtui.tui.terminal.screen_grid import ScreenGrid
from vlmtui.tui.terminal.screen_shift import RowsScroll, RowsShift, least_difference, shift_between

WIDTH, HEIGHT = 90, 24
LEFT, TOP, CELLS, ROWS = 3, 2, 50, 20
"""Of the image, in cells."""
PIXELS = np.random.default_rng(3).integers(0, 256, (30, 40, 3))
ZOOM = 4
WORDS = ["margin 漢字 1.037", "cafe\u0301 한글", "· token 37 →", "the words of the patch", "norm 10.2"]


def frame(column: int, row: int, words: int = 0) -> str:
    """A screen with a part of a picture of which each pixel is `ZOOM` × `ZOOM` cells, and with words on both sides."""
    picture = PIXELS.repeat(ZOOM, 0).repeat(ZOOM, 1)
    written = []
    for y in range(HEIGHT):
        beside = WORDS[(y + words) % len(WORDS)]
        written.append(
            f"\x1b[{y + 1};1H\x1b[38;2;9;9;9;48;2;1;1;1m{' ' * WIDTH}\x1b[{y + 1};{LEFT + CELLS + 4}H{beside}"
        )
        written.append(f"\x1b[{y + 1};1H{y:2}\x1b[0m\x1b[{y + 1};{LEFT + 1}H")
        for x in range(CELLS) if TOP <= y < TOP + ROWS else ():
            (r, g, b), (s, h, c) = picture[2 * (y + row) : 2 * (y + row) + 2, x + column]
            written.append(f"\x1b[38;2;{r};{g};{b};48;2;{s};{h};{c}m▀\x1b[0m")
    return "".join(written)


class Screens:
    """A terminal that is sent the least, one that is sent everything, and the grids between."""

    def __init__(self, width: int = WIDTH, height: int = HEIGHT) -> None:
        self.size = width, height
        (self.ours, self._ours), (self.plain, self._plain) = emulator(*self.size), emulator(*self.size)
        self.shown, self.wanted = ScreenGrid(*self.size), ScreenGrid(*self.size)
        self._reader = FrameReader(self.wanted)

    def paint(self, text: str) -> None:
        """Write a frame as Textual does."""
        self._reader.read(text)
        self._plain.feed(text)

    def send(self) -> int:
        """Send what is different; the number of bytes."""
        sent = least_difference(self.shown, self.wanted)
        self._ours.feed(sent)
        return len(sent)

    @property
    def same(self) -> bool:
        """Whether both terminals show the same, and the grid is what they show."""
        return (
            frames.cells(self.ours) == frames.cells(self.plain)
            and self.shown.characters == self.wanted.characters
            and self.shown.styles == self.wanted.styles
            and not self.wanted.touched
        )


def cost(screens: Screens, before: str, after: str) -> tuple[int, int]:
    """Bytes from one frame to another: with shifts, and without."""
    screens.paint(before)
    screens.send()
    screens.paint(after)
    without = len(difference(screens.shown.copy(), copy_of(screens.wanted)))
    return screens.send(), without


def copy_of(grid: ScreenGrid) -> ScreenGrid:
    other = grid.copy()
    other.touched = set(range(grid.height))
    return other


@pytest.mark.parametrize("step", [ZOOM, -ZOOM, 2 * ZOOM, 3, -3])
def test_an_image_that_goes_sideways_costs_its_edge(step: int) -> None:
    screens = Screens()
    with_shift, without = cost(screens, frame(20, 10), frame(20 + step, 10))
    assert screens.same
    print(step, with_shift, without)
    # an edge of `step` columns, and two sequences a row
    assert with_shift < without * 0.9 * abs(step) / CELLS + 30 * ROWS + 1000


@pytest.mark.parametrize("step", [ZOOM // 2, -ZOOM // 2, ZOOM, 1])
def test_an_image_that_goes_up_or_down_costs_its_edge_and_what_is_beside_it(step: int) -> None:
    screens = Screens()
    with_shift, without = cost(screens, frame(20, 10), frame(20, 10 + step))
    assert screens.same
    print(step, with_shift, without)
    assert with_shift < without * (abs(step) / ROWS) + 90 * HEIGHT


@pytest.mark.parametrize(
    ("after", "shift"),
    [
        (frame(24, 10), RowsShift(tuple(range(TOP, TOP + ROWS)), LEFT, LEFT + CELLS, 4)),
        (frame(16, 10), RowsShift(tuple(range(TOP, TOP + ROWS)), LEFT, LEFT + CELLS, -4)),
        (frame(20, 12), RowsScroll(TOP, TOP + ROWS, 2)),
        (frame(20, 8), RowsScroll(TOP, TOP + ROWS, -2)),
        (frame(20, 10, words=1), None),
        (frame(90, 10), None),
        (frame(20, 10).replace("▀", "▄"), None),
    ],
)
def test_the_shift_is_found(after: str, shift: RowsShift | RowsScroll | None) -> None:
    screens = Screens()
    screens.paint(frame(20, 10))
    screens.send()
    screens.paint(after)
    assert shift_between(screens.shown, screens.wanted) == shift


def walks() -> st.SearchStrategy[list[tuple[int, int, int]]]:
    return st.lists(st.tuples(st.integers(0, 100), st.integers(0, 30), st.integers(0, 4)), min_size=1, max_size=3)


@settings(max_examples=30, deadline=None)
@given(walks(), st.lists(st.tuples(st.integers(-9, 9), st.integers(-9, 9), st.booleans()), min_size=1, max_size=5))
def test_the_screen_is_as_if_everything_had_been_sent(
    starts: list[tuple[int, int, int]], steps: list[tuple[int, int, bool]]
) -> None:
    screens = Screens()
    for column, row, words in starts:
        for across, down, sideways in steps:
            column = min(max(column + across * sideways, 0), 110)
            row = min(max(row + down * (not sideways), 0), 36)
            screens.paint(frame(column, row, words))
            screens.send()
            assert screens.same


@settings(deadline=None)
@given(frames.FRAMES)
def test_shifts_that_are_no_use_do_no_harm(texts: list[str]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        for name in ("LEAST_CHANGED", "SAMPLE", "LEAST_VOTES"):
            patch.setattr(screen_shift, name, 1)
        # made whatever they cost
        patch.setattr(screen_shift, "_least", lambda shifted, plain: shifted)
        screens = Screens(frames.WIDTH, frames.HEIGHT)
        blank = "".join(f"\x1b[{y + 1};1H{' ' * frames.WIDTH}" for y in range(frames.HEIGHT))
        for text in [blank, *texts]:
            screens.paint(text)
            if not halves_whole(screens.plain):
                # where the emulator is no judge
                return
            screens.send()
            assert screens.same


@pytest.mark.skipif(shutil.which("tmux") is None, reason="needs tmux")
@pytest.mark.parametrize(("column", "row"), [(24, 10), (16, 10), (20, 12), (20, 8)])
def test_tmux_shifts_the_same(column: int, row: int, tmp_path: Path) -> None:
    screens = Screens()
    screens.paint(frame(20, 10))
    screens.send()
    screens.paint(frame(column, row, words=3))
    assert shift_between(screens.shown, screens.wanted) is not None
    sent = least_difference(screens.shown, screens.wanted)
    assert "\x1b[4@" in sent or "r\x1b[" in sent
    tmux = Tmux(tmp_path, (WIDTH, HEIGHT))
    try:
        plain = tmux.draw(frame(column, row, words=3))
        assert any("漢" in line for line in plain.display)
        assert frames.cells(tmux.draw(frame(20, 10) + sent)) == frames.cells(plain)
    finally:
        tmux("kill-server")
