"""Cost of a step from stage to stage on the demo model, from the key to the last byte written."""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Iterator

from benchmarks.startup import PHOTO
from tests.terminal import Terminal

OVERLAYS = ("none", "norms", "words", "similarity", "pca")
BACK, FORWARD = "[", "]"
STEPS = 5
"""Steps from the tokens back to vision.1, and as many forward again."""
GAP_S = 0.08
"""A step is over when nothing has been written for so long."""


def rows() -> Iterator[tuple[str, str, str]]:
    """Step through all stages twice under each overlay: the first time nothing is computed or drawn yet."""
    command = [sys.executable, "-m", "vlmtui", str(PHOTO), "--no-warm"]
    with Terminal(command, (200, 60)) as terminal:
        terminal.until(lambda out: b"margin" in out, 60)
        terminal.quiet(2.0)
        for overlay in OVERLAYS:
            first, again = _walk(terminal), _walk(terminal)
            said = f"{1000 * statistics.median(again):.0f} ms, at most {1000 * max(again):.0f}"
            new = f"{1000 * statistics.median(first):.0f} ms, at most {1000 * max(first):.0f}"
            yield f"a stage step under overlay {overlay}", f"{said}; the first time {new}", "under 30 ms"
            terminal.press("o")
            terminal.quiet(1.0)
        terminal.press("q")
        terminal.wait(10)


def _walk(terminal: Terminal) -> list[float]:
    """Seconds of each step, back and forward."""
    return [step(terminal, key) for key in STEPS * BACK + STEPS * FORWARD]


def step(terminal: Terminal, key: str) -> float:
    """Seconds from a key to the last byte that it causes."""
    began = last = time.perf_counter()
    terminal.press(key)
    while time.perf_counter() - last < GAP_S or last == began:
        if terminal.read(0.005):
            last = time.perf_counter()
        elif time.perf_counter() - began > 2:
            break  # nothing has changed, so nothing is written
    return last - began
