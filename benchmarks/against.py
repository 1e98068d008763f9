"""`python -m benchmarks.against OTHER_CHECKOUT`: the speed of this checkout and another one, taking turns in one run.

Medians of five, the two one after the other each time (A B A B …); the ratio is the median of the five neighbouring
pairs, with the smallest and the largest. On a busy machine CPU times tell more than seconds. `--cost` counts instead
in how many files and lines the name of each lens is.
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

from benchmarks import cursor, many
from benchmarks.checkouts import HOME, PYTHON, is_checkout, surroundings
from benchmarks.stages import BACK, ON, STEPS, step
from benchmarks.start import PHOTO, PICTURE
from tests.terminal import Terminal

ROUNDS = 5
MOVES = 10
"""In each direction."""
SIZE = (120, 40)
PICTURES = 48
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
    """A checkout, its environment, the folder with the album, and the process of its warm session."""

    around: dict[str, str]
    folder: Path
    session: int = 0

    def run(self, *words: str) -> str:
        """What Python prints, run to its end."""
        options = {"env": self.around, "cwd": self.folder, "stdin": subprocess.DEVNULL, "capture_output": True}
        done = subprocess.run([*PYTHON, *words], text=True, **options)  # type: ignore[call-overload]
        if done.returncode:
            raise RuntimeError(f"{' '.join(words)}: {done.stderr}")
        return str(done.stdout)

    def terminal(self, *words: str) -> Terminal:
        """Python in a terminal."""
        return Terminal([*PYTHON, *words], SIZE, **self.around)


Numbers = dict[str, float]
"""What was measured, with its unit behind a comma: one number each."""


def started(side: Side) -> Numbers:
    """Whole processes, from nothing."""
    found = {}
    for what in ("--help", "--version", f"report {PHOTO} --no-warm --format json"):
        began, cpu = time.perf_counter(), _cpu_of_children()
        side.run("-m", "vlmtui", *what.split())
        said = f"`vlmtui {what.replace(str(PHOTO), PHOTO.name)}`"
        found[f"{said}, s"] = time.perf_counter() - began
        if what.startswith("--"):  # a session's is not always counted
            found[f"{said}: CPU time, s"] = _cpu_of_children() - cpu
    return found


def moved(side: Side) -> Numbers:
    """The cursor on a made-up reading in which every word differs, all panels; see `benchmarks.cursor`."""
    took, written = [], []
    with side.terminal(*cursor.FAKE) as terminal:
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


def stepped(side: Side) -> Numbers:
    """The explorer with the demo model: how soon it is there, and steps along the path."""
    with side.terminal("-m", "vlmtui", str(PHOTO), "--no-warm") as terminal:
        picture = terminal.until(lambda out: out.count(PICTURE) > 500, 60)
        words = terminal.until(lambda out: b"of words" in out, 120)
        terminal.quiet(2.0)
        took = [step(terminal, key) for _ in range(2) for key in STEPS * BACK + STEPS * ON]
        _leave(terminal)
    return {
        "command to picture on the screen, s": picture,
        "command to words, s": words,
        "a stage step, from the key to the last byte, ms": 1000 * median(took),
    }


def read(side: Side) -> Numbers:
    """Many pictures into a table, by the warm session, which holds the model."""
    cpu = _cpu_of(side.session) if side.session else 0.0
    seconds = float(side.run("-c", _TIMED, "report", "album", "--fresh", "-o", "words.parquet", "--quiet"))
    found = {f"{PICTURES} pictures into a parquet (demo), images/s": PICTURES / seconds}
    if side.session:
        found["CPU time of the session for that, s"] = _cpu_of(side.session) - cpu
    return found


MEASURES: tuple[Callable[[Side], Numbers], ...] = (started, moved, stepped, read)


def main(argv: Sequence[str]) -> int:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.against", description=__doc__)
    parser.add_argument("other", type=Path, metavar="OTHER_CHECKOUT")
    parser.add_argument("--cost", nargs="*", metavar="LENS", help=f"count the names of lenses: {', '.join(LENSES)}")
    asked = parser.parse_args(argv)
    if not is_checkout(asked.other):
        parser.error(f"{asked.other} is no checkout of vlmtui")
    homes = HOME, asked.other.resolve()
    if asked.cost is not None:
        print(f"| lens | {homes[0]} | {homes[1]} |\n| --- | --- | --- |")
        for lens in asked.cost or LENSES:
            print(f"| {lens} | {' | '.join(cost(home, lens) for home in homes)} |")
        return 0
    print(f"| what | {homes[0]} | {homes[1]} | ratio (of pairs: smallest, largest) |\n| --- | --- | --- | --- |")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with contextlib.ExitStack() as stack:
        sides = [stack.enter_context(_ready(home)) for home in homes]
        for measure in MEASURES:
            for line in _table([[measure(side) for side in sides] for _ in range(ROUNDS)]):
                print(line, flush=True)
    return 0


def cost(checkout: Path, word: str) -> str:
    """In how many files of the package, and on how many lines, a word is: as itself, or with a capital."""
    command = ["git", "grep", "-Iwic", word, "--", "vlmtui"]
    done = subprocess.run(command, cwd=checkout, capture_output=True, text=True)
    counts = [int(line.rpartition(":")[2]) for line in done.stdout.splitlines()]
    return f"{len(counts)} files, {sum(counts)} lines"


@contextlib.contextmanager
def _ready(home: Path) -> Iterator[Side]:
    """A checkout with a warm session that holds the demo model, all of it compiled; and an album."""
    with surroundings(home) as around, tempfile.TemporaryDirectory() as folder:
        side = Side(around, Path(folder))
        (side.folder / "album").mkdir()
        for photo in many.photos(PICTURES):
            (side.folder / "album" / photo.source).write_bytes(photo.data)
        where = side.run("-c", "import vlmtui; print(vlmtui.__file__)").strip()
        if not Path(where).is_relative_to(home):
            raise RuntimeError(f"vlmtui came from {where}, not from {home}")
        side.run("-m", "vlmtui", "session", "start", "-m", "demo", "--idle", "10m")
        try:
            for measure in (started, read):
                measure(side)
            status = dict(line.split(None, 1) for line in side.run("-m", "vlmtui", "session", "status").splitlines())
            yield Side(side.around, side.folder, int(status["process"]))
        finally:
            side.run("-m", "vlmtui", "session", "stop")


def _table(rounds: Sequence[Sequence[Numbers]]) -> Iterator[str]:
    """A line for each thing measured, of rounds of both sides."""
    for what in rounds[0][0]:
        pairs = [tuple(numbers[what] for numbers in pair) for pair in rounds]
        this, that = (median(numbers) for numbers in zip(*pairs, strict=True))
        ratios = [one / other for one, other in pairs]
        name, _, unit = what.rpartition(", ")
        spread = f"{median(ratios):.2f} ({min(ratios):.2f}, {max(ratios):.2f})"
        yield f"| {name} | {_figure(this)} {unit} | {_figure(that)} {unit} | {spread} |"


def _cpu_of(pid: int) -> float:
    """Of a process that runs, user and system."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _cpu_of_children() -> float:
    """Of those that have ended, user and system."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _figure(number: float) -> str:
    return f"{number:.3g}" if number < 1000 else f"{number:,.0f}"


def _leave(terminal: Terminal) -> None:
    terminal.press("q")
    terminal.wait(10)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
