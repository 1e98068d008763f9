"""Time from the command to the image and to its words, and peak memory. Times are ratios within one run."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from tests.terminal import Terminal

PHOTO = Path(__file__).parents[1] / "sample_images" / "china.jpg"
IMPORT = "from transformers import LlavaForConditionalGeneration"
RUNS = 5
HALF_BLOCK = "▀".encode()


def rows() -> Iterator[tuple[str, str, str]]:
    """Start the explorer and import transformers in turns, so that noise falls on both; medians."""
    imports, pictures, words, front, session = [], [], [], [], []
    for _ in range(RUNS):
        began = time.monotonic()
        subprocess.run([sys.executable, "-c", IMPORT], check=True)
        imports.append(time.monotonic() - began)
        with Terminal([sys.executable, "-m", "vlmtui", str(PHOTO)], (120, 40)) as terminal:
            pictures.append(terminal.until(lambda out: out.count(HALF_BLOCK) > 500, 60))
            words.append(terminal.until(lambda out: b"above" in out and b"margin" in out, 120))
            terminal.quiet(0.5)
            front.append(peak(terminal.pid))
            session.append(peak(terminal.children()[0]))
            terminal.press("q")
            terminal.wait(10)
    base = statistics.median(imports)
    picture, word = statistics.median(pictures), statistics.median(words)
    yield f"`python -c '{IMPORT}'`", f"{base:.2f} s", ""
    yield (
        "command to image on the screen",
        f"{picture:.2f} s, {picture / base:.2f} of that import",
        "at most 0.25 of that import",
    )
    yield "command to words (demo model)", f"{word:.2f} s, {word / base:.2f} of that import", ""
    yield "peak memory of the front end", f"{max(front) / 1e6:.0f} MB", ""
    yield "peak memory of the session (demo model, float32)", f"{max(session) / 1e6:.0f} MB", ""


def peak(pid: int) -> int:
    """Peak memory of a process so far, in bytes (VmHWM)."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError(f"process {pid} has no VmHWM")
