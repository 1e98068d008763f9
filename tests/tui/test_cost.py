"""What a cursor move writes and a step along the path takes, in a real terminal, with all panels: it must work over a
slow line."""

import sys
from pathlib import Path

from tests.terminal import Terminal

PHOTO = Path(__file__).parents[2] / "sample_images" / "china.jpg"
LIMIT = 10_000
AT_REST = 5_000
STEPS = 12
STEP_S = 0.1
"""Many times what a step costs: benchmarks compare what it costs exactly."""


def test_a_cursor_move_writes_little_and_a_step_is_quick() -> None:
    command = [sys.executable, "-m", "tests.tui.fake", "22", "40", "24", "32", str(PHOTO)]
    with Terminal(command, (200, 60)) as terminal:
        terminal.until(lambda out: terminal.shows("PATCH") and terminal.shows("w107"), 60)
        terminal.quiet(1.0)
        costs = {}
        for where, walk in (("tokens", ""), ("layers", "]]]"), ("all layers", "w")):
            terminal.press(walk)
            terminal.quiet(0.5)
            for name, key in (("right", "\x1b[C"), ("down", "\x1b[B"), ("left", "\x1b[D"), ("up", "\x1b[A")):
                for i in range(4):
                    terminal.press(key)
                    costs[where, name, i] = terminal.quiet(0.3)
        terminal.press("w")
        terminal.quiet(0.5)
        for _ in range(2):  # the second time all is known
            before = terminal.cpu_seconds()
            for key in "]" * STEPS + "[" * STEPS:
                terminal.press(key)
                terminal.quiet(0.05)
        # in CPU time, for others may use the machine
        a_step = (terminal.cpu_seconds() - before) / (2 * STEPS)
        terminal.press("q")
        assert terminal.wait(20) == 0
    assert min(costs.values()) > 0
    # the words of all layers come apart from the move, and only once the cursor rests
    limits = {"tokens": LIMIT, "layers": LIMIT, "all layers": LIMIT + AT_REST}
    assert all(cost <= limits[where] for (where, _, _), cost in costs.items()), costs
    assert a_step <= STEP_S
