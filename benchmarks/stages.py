"""What a step along the path costs on the demo model once a picture is read: from the key to the last byte written."""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Iterator

from benchmarks.start import PHOTO
from tests.terminal import Terminal

OVERLAYS = ("none", "norms", "words", "similarity", "pca")
BACK, ON = "[", "]"
STEPS = 5
"""From the tokens back to vision.1, and on again."""
GAP_S = 0.08
"""So long nothing is written when a step is over."""


def rows() -> Iterator[tuple[str, str, str]]:
    """Each overlay walked twice: the first time every stage is drawn, and asked about, for the first time."""
    command = [sys.executable, "-m", "vlmtui", str(PHOTO), "--no-warm"]
    with Terminal(command, (200, 60)) as terminal:
        terminal.until(lambda out: b"of words" in out, 60)
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
    """Seconds of each step, back and on."""
    return [step(terminal, key) for key in STEPS * BACK + STEPS * ON]


def step(terminal: Terminal, key: str) -> float:
    """Seconds from a key to the last byte of what it changes."""
    began = last = time.perf_counter()
    terminal.press(key)
    while time.perf_counter() - last < GAP_S or last == began:
        if terminal.read(0.005):
            last = time.perf_counter()
        elif time.perf_counter() - began > 2:
            break  # nothing is written where nothing changes
    return last - began
