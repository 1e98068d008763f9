"""Structure of two checkouts: `python -m benchmarks.structure_comparison OTHER_CHECKOUT`.

Files, lines and folders of Python by room, and what a start costs: modules imported, time and CPU time. The two
checkouts are started in turns, after one start of each that is not counted.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.checkouts import HOME, PYTHON, is_checkout, surroundings
from benchmarks.ratios import Measurements, ratio_lines
from benchmarks.startup import PHOTO

ROUNDS = 5
ROOTS = ("vlmtui", "demo_training", "tests", "benchmarks", "examples")
STARTS = {
    "`vlmtui --version`": ("-m", "vlmtui", "--version"),
    "`vlmtui --help`": ("-m", "vlmtui", "--help"),
    "`import vlmtui`": ("-c", "import vlmtui"),
    "`from vlmtui import open_session`": ("-c", "from vlmtui import open_session"),
    f"`vlmtui report {PHOTO.name}`": ("-m", "vlmtui", "report", str(PHOTO), "--no-warm", "--format", "json"),
}
RECORDER = """
import atexit, json, os, sys, time
def record(moment):
    with open(os.environ["IMPORT_RECORDS"], "a") as file:
        numbers = {"modules": len(sys.modules), "cpu": 1000 * time.process_time()}
        print(json.dumps({"command": sys.orig_argv, "moment": moment, **numbers}), file=file)
class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == "torch":
            sys.meta_path.remove(self)
            record("torch")
sys.meta_path.insert(0, Finder())
atexit.register(record, "end")
"""
"""A `sitecustomize`: each process writes how much it has imported when it ends, and when it first imports torch."""


def main(argv: Sequence[str]) -> int:
    """Measure, and print both tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.structure_comparison", description=__doc__)
    parser.add_argument("other", type=Path, metavar="OTHER_CHECKOUT")
    parser.add_argument("--no-start", action="store_true", help="count only: nothing is started")
    options = parser.parse_args(argv)
    if not is_checkout(options.other):
        parser.error(f"{options.other} is no checkout of vlmtui")
    homes = HOME, options.other.resolve()
    print(f"| Python | files, {homes[0]} | lines | folders | files, {homes[1]} | lines | folders |")
    print("| --- " * 7 + "|")
    for line in room_lines(*homes):
        print(line)
    if options.no_start:
        return 0
    print(f"\n| what | {homes[0]} | {homes[1]} | ratio (of pairs: smallest, largest) |\n| --- | --- | --- | --- |")
    for name, words in STARTS.items():
        rounds = [[started(home, name, words) for home in homes] for _ in range(ROUNDS + 1)]
        for line in ratio_lines(rounds[1:]):
            print(line, flush=True)
    return 0


def room_lines(*homes: Path) -> Iterator[str]:
    """One line of a Markdown table for each room of either checkout: three numbers for each checkout."""
    sizes = [_sizes(home) for home in homes]
    for room in sorted({room for size in sizes for room in size}):
        yield (
            f"| {room} | " + " | ".join(f"{number:,}" for size in sizes for number in size.get(room, (0, 0, 0))) + " |"
        )


def _sizes(home: Path) -> dict[str, tuple[int, int, int]]:
    """Files, lines and folders by room: each root, and each folder of the package."""
    rooms: dict[str, list[Path]] = {}
    for root in ROOTS:
        for path in home.glob(f"{root}/**/*.py"):
            rooms.setdefault(root, []).append(path)
            if root == "vlmtui":
                first, *rest = path.relative_to(home / root).parts
                rooms.setdefault(f"{root}/{first if rest else '*.py'}", []).append(path)
                if first != "tui":
                    rooms.setdefault(f"{root} without tui", []).append(path)
    return {
        room: (len(paths), sum(len(path.read_text().splitlines()) for path in paths), len({p.parent for p in paths}))
        for room, paths in rooms.items()
    }


def started(home: Path, name: str, words: Sequence[str]) -> Measurements:
    """One start of a checkout, in a process of its own; the session of a report is counted until it imports torch."""
    with surroundings(home) as around, tempfile.TemporaryDirectory() as folder:
        Path(folder, "sitecustomize.py").write_text(RECORDER)
        records = Path(folder, "records.jsonl")
        around |= {"PYTHONPATH": os.pathsep.join([folder, str(home)]), "IMPORT_RECORDS": str(records)}
        began = time.perf_counter()
        subprocess.run([*PYTHON, *words], env=around, cwd=folder, check=True, capture_output=True)
        took = time.perf_counter() - began
        found = [json.loads(line) for line in records.read_text().splitlines()]
    front = next(one for one in found if one["moment"] == "end" and list(words) == one["command"][-len(words) :])
    measured = {
        f"{name}: modules imported, modules": front["modules"],
        f"{name}: CPU time, ms": front["cpu"],
        f"{name}: time, ms": 1000 * took,
    }
    for session in (one for one in found if one["moment"] == "torch"):
        measured |= {
            f"{name}: modules of the session before torch, modules": session["modules"],
            f"{name}: CPU time of the session before torch, ms": session["cpu"],
        }
    return measured


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
