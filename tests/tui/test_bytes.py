"""Bytes that the explorer writes, at the pseudo-terminal's other end: it must be fluent on a line of 16 KB a second."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from itertools import chain
from operator import ne
from pathlib import Path

import pytest

from tests.emulator import Emulator
from tests.terminal import Terminal

PHOTO = Path(__file__).parents[2] / "sample_images" / "china.jpg"
DEMO = ["vlmtui", str(PHOTO), "-m", "demo"]
FAKE = ["tests.tui.fake", "24", "24", "5", "3", str(PHOTO)]
QUESTION = b"\x1b[6n"
"""What ends a frame: the driver asks where the cursor is, and sends no other frame until it is answered."""
REST_S = 0.6
"""After such a silence nothing more is expected."""
KEYS = {"right": "\x1b[C", "down": "\x1b[B", "left": "\x1b[D", "up": "\x1b[A"}
FRAME, PANELS, STAGE_STEP, FIRST_SCREEN, OPENED, CLOSED = 2_000, 4_000, 3_000, 350_000, 4_000, 60_000
PANNED = {(120, 40): 20_000, (200, 60): 60_000}
MOST_CELLS = 1_000
"""Of a screen, that change where the image does not move."""
HALF_BLOCK = "▀".encode()
ONCE = 1.02
"""Half blocks painted for one that is seen at the end: some few of the cursor may be painted again."""


class AnsweringTerminal(Terminal):
    """A terminal that answers queries, and tells frames apart by holding back its answer."""

    def __init__(self, size: tuple[int, int], command: Sequence[str] = DEMO) -> None:
        super().__init__([sys.executable, "-m", *command], size, answers=False)
        self.emulator = Emulator(size)
        self._reply = b""

    def read(self, seconds: float) -> bytes:
        """Read, and keep the replies for `answer`."""
        data = super().read(seconds)
        self._reply += self.emulator.feed(data)
        return data

    def answer(self) -> bool:
        """Answer what has been asked so far, if anything."""
        reply, self._reply = self._reply, b""
        self.press(reply.decode())
        return bool(reply)

    def cost(self, key: str, condition: Callable[[Emulator], bool] = lambda _: True) -> int:
        """Press a key, if any, and answer all that follows until the screen is as wanted; the number of bytes."""
        before, end = len(self.output), time.monotonic() + 90
        self.press(key)
        # first of all something must come, for a busy machine is silent as well
        while len(self.output) == before or not condition(self.emulator):
            assert time.monotonic() < end, self.emulator.lines
            self.answer()
            self.read(0.05)
        last = time.monotonic()
        while time.monotonic() - last < REST_S:
            # a frame is answered once it has come, not after the silence that ends them all
            if self.read(0.05) or self.answer():
                last = time.monotonic()
        return len(self.output) - before

    def frame(self, key: str) -> int:
        """Press a key; the number of bytes of the frame that follows, with its question, which is not answered yet."""
        before = len(self.output)
        self.press(key)
        self.until(lambda output: QUESTION in output[before:], 10)
        self.quiet(0.06)
        return len(self.output) - before


@pytest.mark.parametrize("size", [(120, 40), (200, 60)])
def test_the_explorer_writes_few_bytes(size: tuple[int, int], warm_demo: None) -> None:
    with AnsweringTerminal(size) as terminal:
        firsts = [terminal.cost("", has_words)]
        moves = {}
        for name, key in KEYS.items():
            for i in range(3):
                moves[f"{name} {i}"] = terminal.frame(key), terminal.cost("")
        steps = {}
        for i in range(2):
            for name, key in {"to vision.5": "[", "to tokens": "]"}.items():
                steps[f"{name} {i}"] = terminal.cost(key)
        dialogs = {}
        for name, key in {"help": "?", "go to": "g", "find": "/", "models": "M"}.items():
            opened = terminal.cost(key, has_dialog)
            columns, rows = dialog_size(terminal.emulator.lines)
            dialogs[name] = columns, rows, opened, terminal.cost("\x1b", lambda screen: not has_dialog(screen))
    # a session that takes longer than a second to tell the model's grid is not waited for: on a busy machine, again
    while min(firsts) > FIRST_SCREEN and len(firsts) < 5:
        with AnsweringTerminal(size) as terminal:
            firsts.append(terminal.cost("", has_words))
    print(f"first screens {firsts}", moves, steps, dialogs, sep="\n")
    assert min(firsts) <= FIRST_SCREEN
    assert all(0 < frame <= FRAME and 0 < panels <= PANELS for frame, panels in moves.values()), moves
    assert all(0 < count <= STAGE_STEP for count in steps.values()), steps
    for columns, rows, opened, closed in dialogs.values():
        # a larger dialog costs more in proportion
        share = max(1.0, columns * rows / (60 * 20))
        assert 0 < opened <= share * OPENED, dialogs
        assert 0 < closed <= share * CLOSED, dialogs


def test_a_move_over_segments_writes_few_bytes(warm_demo: None) -> None:
    with AnsweringTerminal((120, 40)) as terminal:
        terminal.cost("", has_words)
        for overlay in ("norm tokens", "words: ", "segments "):
            terminal.cost("o", lambda screen, overlay=overlay: any(overlay in line for line in screen.lines))  # type: ignore[misc]
        moves = {}
        for key in (*["right", "down"] * 4, *["left"] * 3):
            frame = terminal.frame(KEYS[key])
            moves[f"{key} {len(moves)}"] = frame, terminal.cost("")
        # and a step to another segment
        moves["n"] = terminal.frame("n"), terminal.cost("")
    print(moves)
    assert all(0 < frame <= FRAME and 0 <= panels <= PANELS for frame, panels in moves.values()), moves


def test_the_image_is_painted_once(warm_demo: None) -> None:
    shares = []
    # a session that takes longer than a second to tell the model's grid is not waited for: on a busy machine, again
    while not shares or (min(shares) > ONCE and len(shares) < 5):
        with AnsweringTerminal((200, 60)) as terminal:
            terminal.cost("", has_words)
            on_screen = sum(line.count(HALF_BLOCK.decode()) for line in terminal.emulator.lines)
            shares.append(terminal.output.count(HALF_BLOCK) / on_screen)
    assert 1.0 <= min(shares) <= ONCE, shares


@pytest.mark.parametrize("size", PANNED)
def test_an_enlarged_image_that_moves_sends_its_edge(size: tuple[int, int]) -> None:
    with AnsweringTerminal(size, FAKE) as terminal:
        terminal.cost("", lambda screen: screen.shows("▀") and screen.shows("row "))
        terminal.cost("g12,12\r", lambda screen: screen.shows("row 12"))
        for zoom in ("2×", "4×"):
            terminal.cost("z", lambda screen, zoom=zoom: screen.shows(f"{zoom} · rows"))  # type: ignore[misc]
        moves = []
        for key in [KEYS["right"]] * 7 + [KEYS["down"]] * 7:
            before = terminal.emulator.cells
            sent = terminal.cost(key)
            changed = sum(map(ne, chain(*before), chain(*terminal.emulator.cells)))
            moves.append((changed, sent))
    print(size, moves)
    panned = [sent for changed, sent in moves if changed > MOST_CELLS]
    assert len(panned) >= 6
    assert max(panned) <= PANNED[size]


def has_words(screen: Emulator) -> bool:
    """Whether the words have come."""
    return screen.shows("margin")


def has_dialog(screen: Emulator) -> bool:
    """Whether a dialog is open."""
    return screen.shows("╰")


def dialog_size(lines: Sequence[str]) -> tuple[int, int]:
    """Columns and rows of the dialog on the screen, by its corners."""
    top, bottom = (next(i for i, line in enumerate(lines) if corner in line) for corner in "╭╰")
    return lines[top].index("╮") - lines[top].index("╭") + 1, bottom - top + 1
