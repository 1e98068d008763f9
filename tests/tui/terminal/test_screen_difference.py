"""Differences of screens against an emulator that is given everything, and against tmux."""

from __future__ import annotations

import shutil
import subprocess
import time
import uuid
from pathlib import Path

import pyte
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tui.terminal.frames import CLUSTERS, FRAMES, HEIGHT, STYLES, WIDTH, cells
from vlmtui.tui.terminal.frame_reader import FrameReader
from vlmtui.tui.terminal.screen_difference import difference
from vlmtui.tui.terminal.screen_grid import ScreenGrid


def emulator(width: int = WIDTH, height: int = HEIGHT) -> tuple[pyte.Screen, pyte.Stream]:
    screen = pyte.Screen(width, height)
    # as Textual sets it
    screen.reset_mode(7 << 5)
    return screen, pyte.Stream(screen)


def halves_whole(screen: pyte.Screen) -> bool:
    """Whether no wide character lost its second cell: the emulator leaves the first then, terminals clear it."""
    for row in range(screen.lines):
        for column in range(screen.columns):
            wide = any(len(c) == 1 and ord(c) > 0x2E80 for c in screen.buffer[row][column].data[:1])
            tail = column + 1 < screen.columns and screen.buffer[row][column + 1].data == ""
            if wide != tail:
                return False
    return True


@given(FRAMES, st.data())
def test_the_screen_is_as_if_everything_had_been_sent(frames: list[str], data: st.DataObject) -> None:
    plain, plain_stream = emulator()
    ours, our_stream = emulator()
    shown, wanted = ScreenGrid(WIDTH, HEIGHT), ScreenGrid(WIDTH, HEIGHT)
    reader = FrameReader(wanted)
    for frame in frames:
        before = plain.buffer.copy()
        plain_stream.feed(frame)
        if not halves_whole(plain):
            # where the emulator is no judge
            plain.buffer = before
            return
        reader.read(frame)
        if data.draw(st.booleans(), label="frame is sent"):
            our_stream.feed(difference(shown, wanted))
            assert cells(ours) == cells(plain)
    our_stream.feed(difference(shown, wanted))
    assert cells(ours) == cells(plain)
    assert difference(shown, wanted) == ""


@given(FRAMES)
def test_what_is_painted_again_costs_nothing(frames: list[str]) -> None:
    shown, wanted = ScreenGrid(WIDTH, HEIGHT), ScreenGrid(WIDTH, HEIGHT)
    reader = FrameReader(wanted)
    reader.read(frames[0])
    difference(shown, wanted)
    reader.read(frames[0])
    if "\u0301" not in frames[0] and "\u0323" not in frames[0]:
        assert difference(shown, wanted) == ""


def test_a_style_is_changed_by_its_parts() -> None:
    shown, wanted = ScreenGrid(4, 1), ScreenGrid(4, 1)
    FrameReader(wanted).read("\x1b[1;1H\x1b[38;2;1;2;3;48;2;4;5;6ma\x1b[0m\x1b[38;2;1;2;3;48;2;7;8;9mb\x1b[0mc")
    assert difference(shown, wanted) == "\x1b[1;1H\x1b[0;38;2;1;2;3;48;2;4;5;6ma\x1b[48;2;7;8;9mb\x1b[39;49mc"


def test_a_blank_has_the_colour_of_its_background_alone() -> None:
    shown, wanted = ScreenGrid(5, 1), ScreenGrid(5, 1)
    reader = FrameReader(wanted)
    reader.read("\x1b[1;1H\x1b[31;44ma\x1b[1;32;44m b\x1b[0m")
    assert difference(shown, wanted) == "\x1b[1;1H\x1b[0;31;44ma \x1b[1;32mb"
    reader.read("\x1b[1;2H\x1b[33;44m ")
    assert difference(shown, wanted) == ""
    for style in ("45", "4;33;44", "7;33;44", "9;33;44"):
        reader.read(f"\x1b[1;2H\x1b[0;{style}m ")
        assert difference(shown, wanted) == f"\x1b[1;2H\x1b[0;{style}m "


def test_what_is_unchanged_is_written_where_a_move_is_longer() -> None:
    shown, wanted = ScreenGrid(12, 1), ScreenGrid(12, 1)
    reader = FrameReader(wanted)
    reader.read("\x1b[1;1Habcdefghijkl")
    difference(shown, wanted)
    reader.read("\x1b[1;1HAbcdEfghiJ\x1b[1;1HA")
    assert difference(shown, wanted) == "\x1b[1;1H\x1b[0mAbcdE\x1b[4CJ"


def test_a_cell_that_was_never_painted_is_left_alone() -> None:
    shown, wanted = ScreenGrid(4, 2), ScreenGrid(4, 2)
    FrameReader(wanted).read("\x1b[2;3Hx")
    assert difference(shown, wanted) == "\x1b[2;3H\x1b[0mx"


class Tmux:
    """A pane of tmux, which draws what is written to it."""

    def __init__(self, folder: Path, size: tuple[int, int] = (WIDTH, HEIGHT)) -> None:
        self.size = columns, rows = size
        self.socket = f"vlmtui-test-{uuid.uuid4().hex}"
        self.pipe = folder / "pipe"
        self.pipe.touch()
        command = f"printf '\\033[?7l'; tail -c +1 -f {self.pipe}"
        self("new-session", "-d", "-x", str(columns), "-y", str(rows), command)

    def __call__(self, *words: str) -> str:
        command = ["tmux", "-L", self.socket, "-f", "/dev/null", *words]
        return subprocess.run(command, check=True, capture_output=True, text=True, timeout=30).stdout

    def draw(self, text: str) -> pyte.Screen:
        """Draw, and return what stands there with its colours once it stands still."""
        with self.pipe.open("a") as pipe:
            pipe.write(f"\x1b[2J{text}")
        before, now = None, ""
        while now != before or not now.strip():
            before, now = now, self("capture-pane", "-p", "-e", "-N")
            time.sleep(0.15)
        screen, stream = emulator(*self.size)
        stream.feed(now.rstrip("\n").replace("\n", "\r\n"))
        return screen


@pytest.mark.skipif(shutil.which("tmux") is None, reason="needs tmux")
def test_tmux_draws_the_same(tmp_path: Path) -> None:
    """Wide characters written over each other's halves too, where pyte is no judge."""
    rows = []
    for i in range(HEIGHT):
        row = ""
        for j in range(14):
            text, style = CLUSTERS[(5 * i + 3 * j) % len(CLUSTERS)], STYLES[(i + j) % len(STYLES)]
            row += f"\x1b[{i + 1};{1 + (7 * j + 3 * i) % (WIDTH - 2)}H\x1b[{style}m{text}\x1b[0m"
        rows.append(row)
    frame = "\x1b[0m" + "".join(f"\x1b[{i + 1};1H{' ' * WIDTH}" for i in range(HEIGHT)) + "".join(rows)
    shown, wanted = ScreenGrid(WIDTH, HEIGHT), ScreenGrid(WIDTH, HEIGHT)
    FrameReader(wanted).read(frame)
    tmux = Tmux(tmp_path)
    try:
        plain = tmux.draw(frame)
        assert any("漢" in line for line in plain.display)
        assert cells(tmux.draw(difference(shown, wanted))) == cells(plain)
    finally:
        tmux("kill-server")
