"""Cost of a cursor move: bytes and CPU time at 200×60 cells, 40×22 patches, 24 vision and 32 LLM layers, all panels."""

from __future__ import annotations

import statistics
import sys
from collections.abc import Iterator

from benchmarks.startup import PHOTO
from tests.terminal import Terminal

MOVES = 25
KEYS = {"right": "\x1b[C", "down": "\x1b[B", "left": "\x1b[D", "up": "\x1b[A"}
FAKE_EXPLORER = ("-m", "tests.tui.fake", "22", "40", "24", "32", str(PHOTO))
"""Arguments of Python that open the explorer on a made-up reading."""


def rows() -> Iterator[tuple[str, str, str]]:
    """Move over a made-up reading: every word and every norm differs from patch to patch, as in no real image."""
    command = [sys.executable, *FAKE_EXPLORER]
    written: list[int] = []
    with Terminal(command, (200, 60)) as terminal:
        terminal.until(shown, 60)
        terminal.quiet(1.0)
        began = terminal.cpu_seconds()
        for key in KEYS.values():
            for _ in range(MOVES):
                terminal.press(key)
                written.append(terminal.quiet(0.1))
        cpu = (terminal.cpu_seconds() - began) / len(written)
        terminal.press("q")
        terminal.wait(10)
    mean, most = statistics.mean(written), max(written)
    yield "bytes a cursor move", f"{mean / 1000:.1f} KB on average, {most / 1000:.1f} KB at most", "at most 10 KB"
    yield "CPU time a cursor move", f"{1000 * cpu:.1f} ms", "at most 15 ms"


def shown(out: bytearray) -> bool:
    """Whether the explorer shows all its panels."""
    return b"PATCH" in out and b"margin" in out
