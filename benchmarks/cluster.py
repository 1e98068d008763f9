"""A table of 2,000 images by two sessions on Ray, one worker killed on the way, against one session."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from vlmtui.display.numbers import format_duration

IMAGES = 2_000
BAD = 7  # files that are no images: rows with an error
K = 8
DEADLINE_S = 1800.0
"""For one table, which takes some minutes on two cores."""


def rows() -> Iterator[tuple[str, str, str]]:
    """Make both tables, one after the other, on this machine's cores; they must have the same bytes."""
    with tempfile.TemporaryDirectory() as folder:
        album = Path(folder, "album")
        album.mkdir()
        _write_images(album)
        alone, plain = _report(album, Path(folder, "plain.parquet"))
        ray, killed = _report(album, Path(folder, "ray.parquet"), "--engine", "ray", "--workers", "2", kill=True)
        same = Path(folder, "plain.parquet").read_bytes() == Path(folder, "ray.parquet").read_bytes()
    assert plain == 0
    what = f"{IMAGES:,} small images, {BAD} bad: two sessions on Ray, {killed} worker killed, against one session"
    equal = "the same bytes" if same else "OTHER BYTES"
    yield what, f"{equal}; {format_duration(ray)} against {format_duration(alone)}", "the same"


def _write_images(album: Path) -> None:
    """Write small images of random colours, a few of them no images at all."""
    rng = np.random.default_rng(5)
    for number in range(IMAGES):
        height, width = rng.integers(20, 200, 2)
        coarse = rng.integers(0, 256, (4, 4, 3), np.uint8)
        Image.fromarray(coarse).resize((int(width), int(height))).save(album / f"{number:04}.png")
    for number in rng.choice(IMAGES, BAD, replace=False):
        (album / f"{number:04}.png").write_text("no picture")


def _report(album: Path, out: Path, *options: str, kill: bool = False) -> tuple[float, int]:
    """Write a table; returns the seconds it took and the workers killed: one, after a fifth of the parts is written."""
    began, killed = time.perf_counter(), 0
    command = [sys.executable, "-m", "vlmtui", "report", str(album), "-o", str(out), "-k", str(K), "--quiet", *options]
    parts = out.with_name(out.name + ".parts")
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as run:
        while run.poll() is None:
            if time.perf_counter() - began > DEADLINE_S:
                run.kill()
                raise TimeoutError(f"the table was not whole after {DEADLINE_S:.0f} s")
            time.sleep(0.2)
            due = kill and len(list(parts.glob("part-*"))) > IMAGES / 64 / 5
            if due and not killed and (at := _workers(run.pid)):
                os.kill(at[0], signal.SIGKILL)
                killed = 1
    assert run.returncode == 1, "the exit status reports bad images"
    return time.perf_counter() - began, killed


def _workers(pid: int) -> list[int]:
    """Process ids, below a process, of those that started a model session."""
    found = []
    for child in _children(pid):
        if any(b"vlmtui.session" in Path(f"/proc/{one}/cmdline").read_bytes() for one in _children(child)):
            found.append(child)
        found += _workers(child)
    return found


def _children(pid: int) -> list[int]:
    try:
        return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []
