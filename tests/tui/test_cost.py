"""What a cursor move writes, in a real terminal, with all panels: it must work over a slow line."""

import sys
from pathlib import Path

from tests.terminal import Terminal

PHOTO = Path(__file__).parents[2] / "sample_images" / "china.jpg"
LIMIT = 10_000


def test_a_cursor_move_writes_little() -> None:
    command = [sys.executable, "-m", "tests.tui.fake", "22", "40", "24", str(PHOTO)]
    with Terminal(command, (200, 60)) as terminal:
        terminal.until(lambda out: b"PATCH" in out and b"w107" in out, 60)
        terminal.quiet(1.0)
        costs = {}
        for name, key in (("right", "\x1b[C"), ("down", "\x1b[B"), ("left", "\x1b[D"), ("up", "\x1b[A")):
            for i in range(6):
                terminal.press(key)
                costs[name, i] = terminal.quiet(0.2)
        terminal.press("q")
        assert terminal.wait(20) == 0
    assert min(costs.values()) > 0
    assert max(costs.values()) <= LIMIT, costs
