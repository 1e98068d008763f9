"""Speed of two checkouts in one run: `python -m benchmarks.speed_comparison OTHER_CHECKOUT`.

Medians of five. The two are measured in turns (A B A B …); the ratio is the median of the five neighbouring pairs, with
the smallest and the largest. On a busy machine CPU times tell more than seconds. `--cost` counts instead in how many
files and on how many lines of the package the name of each lens is.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, median

from benchmarks import batching, cursor
from benchmarks.checkouts import HOME, PYTHON, is_checkout, surroundings
from benchmarks.ratios import Measurements, ratio_lines
from benchmarks.stage_steps import BACK, FORWARD, STEPS, step
from benchmarks.startup import HALF_BLOCK, PHOTO
from tests.terminal import Terminal

ROUNDS = 5
MOVES = 10
"""Cursor moves in each direction."""
SIZE = (120, 40)
IMAGES = 48
LENSES = ("similarity", "pca", "evidence", "position")
_TIMED = """
import sys, time
from vlmtui.cli import main
began = time.perf_counter()
status = main(sys.argv[1:])
print(time.perf_counter() - began)
sys.exit(status)
"""


@dataclass(frozen=True)
class Side:
    """One of the two checkouts: its environment, the folder with the album, the process id of its warm session."""

    environment: dict[str, str]
    folder: Path
    session: int = 0

    def run(self, *words: str) -> str:
        """Run Python to its end; returns its stdout. RuntimeError where it fails."""
        options = {"env": self.environment, "cwd": self.folder, "stdin": subprocess.DEVNULL, "capture_output": True}
        done = subprocess.run([*PYTHON, *words], text=True, **options)  # type: ignore[call-overload]
        if done.returncode:
            raise RuntimeError(f"{' '.join(words)}: {done.stderr}")
        return str(done.stdout)

    def terminal(self, *words: str) -> Terminal:
        """Start Python in a terminal."""
        return Terminal([*PYTHON, *words], SIZE, **self.environment)


def start_processes(side: Side) -> Measurements:
    """Whole processes, from their start to their end."""
    measured = {}
    for what in ("--help", "--version", f"report {PHOTO} --no-warm --format json"):
        began, cpu = time.perf_counter(), _cpu_of_children()
        side.run("-m", "vlmtui", *what.split())
        name = f"`vlmtui {what.replace(str(PHOTO), PHOTO.name)}`"
        measured[f"{name}, s"] = time.perf_counter() - began
        if what.startswith("--"):  # that of a session is not always counted
            measured[f"{name}: CPU time, s"] = _cpu_of_children() - cpu
    return measured


def move_cursor(side: Side) -> Measurements:
    """Cursor moves on a made-up reading in which every word differs, with all panels; see `benchmarks.cursor`."""
    took, written = [], []
    with side.terminal(*cursor.FAKE_EXPLORER) as terminal:
        terminal.until(cursor.shown, 60)
        terminal.quiet(1.0)
        before = terminal.cpu_seconds()
        for key in cursor.KEYS.values():
            for _ in range(MOVES):
                length = len(terminal.output)
                took.append(step(terminal, key))
                written.append(len(terminal.output) - length)
        cpu = (terminal.cpu_seconds() - before) / len(took)
        _leave(terminal)
    return {
        "a cursor move, from the key to the last byte, ms": 1000 * median(took),
        "CPU time a cursor move, ms": 1000 * cpu,
        "bytes a cursor move, B": mean(written),
    }


def step_stages(side: Side) -> Measurements:
    """Start of the explorer with the demo model, and steps from stage to stage."""
    with side.terminal("-m", "vlmtui", str(PHOTO), "--no-warm") as terminal:
        picture = terminal.until(lambda out: out.count(HALF_BLOCK) > 500, 60)
        words = terminal.until(lambda out: b"margin" in out, 120)
        terminal.quiet(2.0)
        took = [step(terminal, key) for _ in range(2) for key in STEPS * BACK + STEPS * FORWARD]
        _leave(terminal)
    return {
        "command to image on the screen, s": picture,
        "command to words, s": words,
        "a stage step, from the key to the last byte, ms": 1000 * median(took),
    }


def report_images(side: Side) -> Measurements:
    """A table of many images, by the warm session, which has the model loaded."""
    cpu = _cpu_of(side.session) if side.session else 0.0
    seconds = float(side.run("-c", _TIMED, "report", "album", "--fresh", "-o", "words.parquet", "--quiet"))
    measured = {f"{IMAGES} images into a parquet (demo), images/s": IMAGES / seconds}
    if side.session:
        measured["CPU time of the session for that, s"] = _cpu_of(side.session) - cpu
    return measured


MEASURES: tuple[Callable[[Side], Measurements], ...] = (start_processes, move_cursor, step_stages, report_images)


def main(argv: Sequence[str]) -> int:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speed_comparison", description=__doc__)
    parser.add_argument("other", type=Path, metavar="OTHER_CHECKOUT")
    parser.add_argument("--cost", nargs="*", metavar="LENS", help=f"count the names of lenses: {', '.join(LENSES)}")
    options = parser.parse_args(argv)
    if not is_checkout(options.other):
        parser.error(f"{options.other} is no checkout of vlmtui")
    homes = HOME, options.other.resolve()
    if options.cost is not None:
        print(f"| lens | {homes[0]} | {homes[1]} |\n| --- | --- | --- |")
        for lens in options.cost or LENSES:
            print(f"| {lens} | {' | '.join(cost(home, lens) for home in homes)} |")
        return 0
    print(f"| what | {homes[0]} | {homes[1]} | ratio (of pairs: smallest, largest) |\n| --- | --- | --- | --- |")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with contextlib.ExitStack() as stack:
        sides = [stack.enter_context(_ready(home)) for home in homes]
        for measure in MEASURES:
            for line in ratio_lines([[measure(side) for side in sides] for _ in range(ROUNDS)]):
                print(line, flush=True)
    return 0


def cost(checkout: Path, word: str) -> str:
    """Count the files and lines of the package that have a word in them, in any case."""
    command = ["git", "grep", "-Iwic", word, "--", "vlmtui"]
    done = subprocess.run(command, cwd=checkout, capture_output=True, text=True)
    counts = [int(line.rpartition(":")[2]) for line in done.stdout.splitlines()]
    return f"{len(counts)} files, {sum(counts)} lines"


@contextlib.contextmanager
def _ready(home: Path) -> Iterator[Side]:
    """A side with an album, compiled, and with a warm session that has the demo model loaded."""
    with surroundings(home) as environment, tempfile.TemporaryDirectory() as folder:
        side = Side(environment, Path(folder))
        (side.folder / "album").mkdir()
        for photo in batching.photos(IMAGES):
            (side.folder / "album" / photo.source).write_bytes(photo.data)
        where = side.run("-c", "import vlmtui; print(vlmtui.__file__)").strip()
        if not Path(where).is_relative_to(home):
            raise RuntimeError(f"vlmtui came from {where}, not from {home}")
        side.run("-m", "vlmtui", "session", "start", "-m", "demo", "--idle", "10m")
        try:
            for measure in (start_processes, report_images):
                measure(side)
            status = dict(line.split(None, 1) for line in side.run("-m", "vlmtui", "session", "status").splitlines())
            yield Side(side.environment, side.folder, int(status["process"]))
        finally:
            side.run("-m", "vlmtui", "session", "stop")


def _cpu_of(pid: int) -> float:
    """CPU seconds of a running process, user and system."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _cpu_of_children() -> float:
    """CPU seconds of the children that have ended, user and system."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _leave(terminal: Terminal) -> None:
    terminal.press("q")
    terminal.wait(10)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
