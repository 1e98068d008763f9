"""The explorer on a slow line whose terminal answers queries late or never: its keys act all the same."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from benchmarks.slow_line.slow_terminal import NEVER, SlowLine, SlowTerminal

PHOTO = Path(__file__).parents[2] / "sample_images" / "china.jpg"
EXPLORER = [sys.executable, "-m", "vlmtui", str(PHOTO), "-m", "demo"]
RIGHT, ESCAPE = "\x1b[C", "\x1b"


@pytest.mark.parametrize("answers_after", [3.0, NEVER])
def test_keys_act_whenever_the_terminal_answers(answers_after: float, warm_demo: None) -> None:
    line = SlowLine(125_000, round_trip=0.1, answers_after=answers_after)
    with SlowTerminal(EXPLORER, (120, 40), line) as slow:
        slow.until(lambda screen: screen.shows("row 7 · column 7"), 120)
        slow.press(3 * RIGHT)
        slow.until(lambda screen: screen.shows("row 7 · column 10"), 30)
        slow.press("?")
        slow.until(lambda screen: screen.shows("More of the numbers"), 30)
        slow.press(ESCAPE)
        slow.until(lambda screen: screen.shows("row 7 · column 10"), 30)
        # no reply has become a key
        slow.settle(4.0)
        assert slow.emulator.shows("row 7 · column 10")
        slow.press("q")
        while not slow.has_ended:
            slow.step()
        assert slow.terminal.wait(20) == 0
