"""Keys that come in one write of a real terminal, as a paste or a quick hand over a slow line sends them."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from tests.emulator import Emulator
from tests.terminal import Terminal

PHOTO = Path(__file__).parents[3] / "sample_images" / "china.jpg"
SIZE = (120, 40)


def test_what_is_typed_at_once_is_done_in_its_order() -> None:
    command = [sys.executable, "-m", "tests.tui.fake", "14", "21", "5", "3", str(PHOTO)]
    emulator = Emulator(SIZE)
    fed = 0

    def showing(condition: Callable[[], bool]) -> Callable[[bytearray], bool]:
        def shown(output: bytearray) -> bool:
            nonlocal fed
            terminal.press(emulator.feed(bytes(output[fed:])).decode())
            fed = len(output)
            return condition()

        return shown

    def burst(keys: str, *expected: str) -> None:
        terminal.press(keys)
        terminal.until(showing(lambda: all(emulator.shows(text) for text in expected)), 30)

    def at(row: int, column: int) -> str:
        return f"row {row} · column {column} ·"

    with Terminal(command, SIZE) as terminal:
        terminal.until(showing(lambda: emulator.shows(at(7, 10))), 60)
        burst("g3,4\rll", at(3, 6))
        burst("/sky\rh", "find sky: cosine")  # and the cursor goes to the highest
        burst("g1,1\rg2,2\r", at(2, 2))
        burst("\x10overlay: similarity\rj", "cosine with row 3, col 2", at(3, 2))
        burst("\x10go to\r9,9\rk", at(8, 9))
        burst("g99,99\r", "Go to", "99,99", "the whole image has rows 0 to 13 and columns 0 to 20")
        burst("\x0301,1" + "\x7f" * 4 + "g\x150,1\r", at(0, 1))
        burst("i/no/such/picture.png\r", "Open an image", "/no/such/picture.png does not exist")
        burst("\x15x\x03?", "More of the numbers")
        burst("ql", at(0, 2))
        # keys behind the one that quits have nothing to act on
        terminal.press("q" + "ia/ge" * 4)
        assert terminal.wait(10) == 0
        assert b"unexpected" not in terminal.output
