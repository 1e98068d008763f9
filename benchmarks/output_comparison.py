"""Outputs of two checkouts, byte by byte: `python -m benchmarks.output_comparison OTHER_CHECKOUT`.

Both checkouts are run on tiny checkpoints of all families and on the models that ship with vlmtui: every command line
of `benchmarks.commands`, and the Python API (`benchmarks.output_recorder`). An output is what one of these wrote on
stdout, on stderr and into files, and its exit status; a refusal is an output too. Checkpoints are built once, and both
read the same files. What is expected to differ is left out by `benchmarks.output_recorder`; paths of a checkout and of
its working folder count as equal. The exit status is 0 only where every model gave something to compare and all of it
is the same.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks import checkpoints, commands
from benchmarks.checkouts import HOME, PYTHON, is_checkout, surroundings

PHOTOS = HOME / "sample_images"
RECORDER = Path(__file__).with_name("output_recorder.py")
NONE = "no-model"
"""The name of the commands that are about no model."""
FULL = ("demo", "demo-vit", "llava_next", "qwen2_5_vl", "blip2", "mllama")
"""Models that every command is run on: one of each kind of grid, tower and language model."""
TIMEOUT_S = 1200
SHOWN = 40
"""Bytes printed of an output, from where it differs."""
LISTED = 20
"""Differences printed of each model."""
SIDES = ("this", "that")
FIXED = {
    "PYTHONHASHSEED": "0",
    "PYTHONDONTWRITEBYTECODE": "1",
    "OMP_NUM_THREADS": "1",
    "CUDA_VISIBLE_DEVICES": "",
    "COLUMNS": "100",
    "TERM": "dumb",
    "LC_ALL": "C.UTF-8",
}
"""Environment variables that might change an output otherwise."""


@dataclass
class Comparison:
    """Comparison of one model: the number of outputs, how many of them are refusals, and those that differ.

    `errors` are unexpected exceptions, which may be the same on both sides.
    """

    name: str
    outputs: int = 0
    refusals: int = 0
    errors: int = 0
    bytes: int = 0
    seconds: list[float] = field(default_factory=list)
    differ: list[str] = field(default_factory=list)
    broken: str = ""

    @property
    def good(self) -> bool:
        """Whether nothing differs, and there is something to compare other than refusals."""
        needed = self.refusals < self.outputs if self.name != NONE else self.outputs > 0
        return needed and not (self.differ or self.broken)


def main(argv: Sequence[str]) -> int:
    """Compare the two checkouts; returns 0 where they are the same."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.output_comparison", description=__doc__)
    parser.add_argument("other", type=Path, metavar="OTHER_CHECKOUT")
    parser.add_argument("--models", metavar="NAME,...", help="only these, of those that --list names")
    parser.add_argument("--only", metavar="WORDS", help="only the commands and questions with these words in them")
    parser.add_argument(
        "--full", action="store_true", help=f"every command of every model, not only of {', '.join(FULL)}"
    )
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)), metavar="N")
    parser.add_argument("--folder", type=Path, help="keep checkpoints, and what differs, in this folder")
    parser.add_argument("--list", action="store_true", help="name the models, and do nothing else")
    options = parser.parse_args(argv)
    every = [*checkpoints.DEMOS, *checkpoints.builders(), NONE]
    names = options.models.split(",") if options.models else every
    if options.list:
        print("\n".join(every))
        return 0
    if unknown := [name for name in names if name not in every]:
        parser.error(f"no model {unknown[0]}: --list names them")
    if not is_checkout(options.other):
        parser.error(f"{options.other} is no checkout of vlmtui")
    began = time.monotonic()
    with contextlib.ExitStack() as stack:
        folder = options.folder or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="same-")))
        models = checkpoints.build(folder.absolute() / "models", [name for name in names if name != NONE])
        homes = dict(zip(SIDES, (HOME, options.other.resolve()), strict=True))
        full = names if options.full else FULL
        pair = Pair(homes, folder.absolute(), full, options.only or "")
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
        with ThreadPoolExecutor(options.jobs) as pool:
            work = {(name, side): pool.submit(pair.run, name, side, models) for name in names for side in SIDES}
            found = []
            try:
                for name in names:
                    ran = {side: work[name, side].result() for side in SIDES}
                    found.append(pair.compare(name, ran))
                    _print(found[-1])
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                pair.stop()
                raise
    return _sum_up(found, time.monotonic() - began)


@dataclass(frozen=True)
class Run:
    """One run of a recorder: the reason it failed, "" where it did not, and how long it took."""

    failure: str
    seconds: float


class Pair:
    """Two checkouts that are run on one model after the other, in a folder."""

    def __init__(self, homes: dict[str, Path], folder: Path, full: Sequence[str], only: str) -> None:
        self._homes, self._folder, self._full, self._only = homes, folder, full, only
        self._running: set[int] = set()

    def stop(self) -> None:
        """Kill the recorders that are running."""
        for pid in list(self._running):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)

    def run(self, name: str, side: str, models: dict[str, str]) -> Run:
        """Record the outputs of one checkout about one model, in a process of its own."""
        into = self._into(name, side)
        shutil.rmtree(into, ignore_errors=True)
        _write_images(into / "desk")
        lines = commands.without_model() if name == NONE else commands.with_model(name in self._full)
        job = {
            "checkout": str(self._homes[side]),
            "into": str(into),
            "model": "demo" if name == NONE else models[name],
            "commands": [words for words in lines if self._only in " ".join(words)],
            "api": name != NONE,
            "only": self._only,
        }
        (into / "job.json").write_text(json.dumps(job))
        began = time.monotonic()
        with surroundings(self._homes[side]) as environment, (into / "log").open("wb") as log:
            environment |= FIXED
            process = subprocess.Popen(
                [*PYTHON, str(RECORDER), str(into / "job.json")],
                env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=into, start_new_session=True,
            )  # fmt: skip
            self._running.add(process.pid)
            try:
                status: int | None = process.wait(TIMEOUT_S)
            except subprocess.TimeoutExpired:
                status = None
            finally:
                self._running.discard(process.pid)
            if status != 0:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()
                stop = [*PYTHON, "-m", "vlmtui", "session", "stop", "--quiet"]
                subprocess.run(stop, env=environment, check=False)
        took = time.monotonic() - began
        if status == 0:
            return Run("", took)
        last = (into / "log").read_text(errors="replace").strip().splitlines()[-1:] or ["nothing"]
        how = f"did not end within {TIMEOUT_S} s" if status is None else f"ended with status {status}"
        return Run(f"{self._homes[side]} {how}; its log {into / 'log'} ends: {last[0]}", took)

    def compare(self, name: str, ran: dict[str, Run]) -> Comparison:
        """Compare what both have written; the files are removed where all is the same."""
        found = Comparison(name, seconds=[one.seconds for one in ran.values()])
        found.broken = "; ".join(one.failure for one in ran.values() if one.failure)
        if found.broken:
            return found
        this, that = (self._into(name, side) for side in SIDES)
        mine, theirs = (json.loads((into / "results.json").read_text()) for into in (this, that))
        if [one["what"] for one in mine] != [one["what"] for one in theirs]:
            found.broken = "not the same was asked of both"
            return found
        for number, (one, other) in enumerate(zip(mine, theirs, strict=True)):
            found.outputs += 1
            found.refusals += one["status"] != 0
            wrong = [f"exit status {one['status']!r} against {other['status']!r}"] * (one["status"] != other["status"])
            errors = (this / f"{number:03}.err").read_bytes()
            found.errors += isinstance(one["status"], str) or b"vlmtui: unexpected" in errors
            for end, stream in (("out", "stdout"), ("err", "stderr")):
                texts = [(into / f"{number:03}.{end}").read_bytes() for into in (this, that)]
                found.bytes += len(texts[0])
                if texts[0] != texts[1] and self._without_paths(name, texts[0]) != self._without_paths(name, texts[1]):
                    wrong.append(f"{stream}: {_difference(*(self._without_paths(name, text) for text in texts))}")
            names = sorted({*one["files"], *other["files"]})
            wrong += [f"file {file}" for file in names if one["files"].get(file) != other["files"].get(file)]
            found.bytes += sum((this / "desk" / file).stat().st_size for file in one["files"])
            wrong += ["files that are gone"] * (one["gone"] != other["gone"])
            if wrong:
                found.differ.append(f"{number:03} {one['what']}\n      {'; '.join(wrong)}")
        if not found.differ:
            for into in (this, that):
                shutil.rmtree(into)
        return found

    def _into(self, name: str, side: str) -> Path:
        return self._folder / side / name

    def _without_paths(self, name: str, text: bytes) -> bytes:
        """Replace the paths of both checkouts and of their working folders."""
        for side in SIDES:
            for path in (self._into(name, side), self._homes[side]):
                text = text.replace(os.fsencode(path), b"...")
        return text


def _write_images(desk: Path) -> None:
    """Write the images that commands name: one, an album, and a file that is no image."""
    from PIL import Image

    (desk / "album").mkdir(parents=True)
    sizes = {
        "picture.png": ("china.jpg", (420, 180)), "album/wide.png": ("rocket.jpg", (200, 90)),
        "album/tall.png": ("coffee.png", (130, 300)), "album/small.png": ("flower.jpg", (9, 7)),
        "album/square.png": ("astronaut.png", (96, 96)),
    }  # fmt: skip
    for name, (photo, size) in sizes.items():
        with Image.open(PHOTOS / photo) as image:
            image.convert("RGB").resize(size).save(desk / name)
    (desk / "broken.png").write_bytes(b"no picture")


def _difference(one: bytes, other: bytes) -> str:
    """Describe where two texts begin to differ."""
    at = next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    begin = max(0, at - 20)
    return f"from byte {at} on, {one[begin : at + SHOWN]!r} against {other[begin : at + SHOWN]!r}"


def _print(found: Comparison) -> None:
    took = " and ".join(f"{seconds:.0f} s" for seconds in found.seconds)
    print(f"{found.name}: {found.outputs} outputs, {found.refusals} refusals, {len(found.differ)} differ ({took})")
    if found.errors:
        print(f"  {found.errors} of the refusals are errors that nobody had foreseen")
    if found.broken:
        print(f"  not compared: {found.broken}")
    elif not found.good and not found.differ:
        print("  nothing but refusals was compared")
    for line in found.differ[:LISTED]:
        print(f"  {line}")
    if len(found.differ) > LISTED:
        print(f"  and {len(found.differ) - LISTED} more")
    sys.stdout.flush()


def _sum_up(found: Sequence[Comparison], seconds: float) -> int:
    outputs, refusals = sum(one.outputs for one in found), sum(one.refusals for one in found)
    differ, broken = sum(len(one.differ) for one in found), sum(bool(one.broken) for one in found)
    print(
        f"{len(found)} models, {outputs} outputs compared ({sum(one.bytes for one in found) / 1e6:.0f} MB), "
        f"{refusals} of them refusals, {differ} differ, {broken} models not compared; {seconds:.0f} s"
    )
    return 0 if found and all(one.good for one in found) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
