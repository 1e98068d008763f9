"""`python -m benchmarks.same OTHER_CHECKOUT`: this checkout and another one asked the same, and every byte compared.

Both are run on tiny checkpoints of all families and on the models that come with vlmtui: every command line of
`benchmarks.commands`, and the Python API (`benchmarks.asked`). An output is what one of these wrote on stdout and
stderr and into files, and its exit status; a refusal is an output too. Checkpoints are built once and are the same
files for both. What is expected to differ is left out where it arises, in `benchmarks.asked`; a path of one's own
checkout or working folder is as good as the other's. The exit status is 0 only where much was compared and all is the
same.
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
DRIVER = Path(__file__).with_name("asked.py")
NONE = "no-model"
"""The commands that are about no model go under this name."""
FULL = ("demo", "demo-vit", "llava_next", "qwen2_5_vl", "blip2", "mllama")
"""The models that are asked all there is: one of each kind of grid, tower and language model."""
PATIENCE_S = 1200
SHOWN = 40
"""Bytes of an output, from where it differs."""
LISTED = 20
"""Of what differs, a model."""
SIDES = ("this", "that")
SETTLED = {
    "PYTHONHASHSEED": "0",
    "PYTHONDONTWRITEBYTECODE": "1",
    "OMP_NUM_THREADS": "1",
    "CUDA_VISIBLE_DEVICES": "",
    "COLUMNS": "100",
    "TERM": "dumb",
    "LC_ALL": "C.UTF-8",
}
"""What else might make a difference."""


@dataclass
class Compared:
    """What came of one model: how many outputs there were, how many of them refusals, and those that differ.

    `errors` are refusals that nobody had foreseen, though they may be the same on both sides.
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
        """Whether there was something to compare that was no refusal, and nothing differs."""
        needed = self.refusals < self.outputs if self.name != NONE else self.outputs > 0
        return needed and not (self.differ or self.broken)


def main(argv: Sequence[str]) -> int:
    """Compare; 0 where both are the same."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.same", description=__doc__)
    said = ", ".join(FULL)
    parser.add_argument("other", type=Path, metavar="OTHER_CHECKOUT")
    parser.add_argument("--models", metavar="NAME,...", help="only these, of those that --list names")
    parser.add_argument("--only", metavar="WORDS", help="only the commands and questions with these words in them")
    parser.add_argument("--full", action="store_true", help=f"every command of every model, not only of {said}")
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)), metavar="N")
    parser.add_argument("--folder", type=Path, help="keep checkpoints, and what differs, in this folder")
    parser.add_argument("--list", action="store_true", help="name the models, and do nothing else")
    asked = parser.parse_args(argv)
    every = [*checkpoints.DEMOS, *checkpoints.builders(), NONE]
    names = asked.models.split(",") if asked.models else every
    if asked.list:
        print("\n".join(every))
        return 0
    if unknown := [name for name in names if name not in every]:
        parser.error(f"no model {unknown[0]}: --list names them")
    if not is_checkout(asked.other):
        parser.error(f"{asked.other} is no checkout of vlmtui")
    began = time.monotonic()
    with contextlib.ExitStack() as stack:
        folder = asked.folder or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="same-")))
        models = checkpoints.build(folder.absolute() / "models", [name for name in names if name != NONE])
        homes = dict(zip(SIDES, (HOME, asked.other.resolve()), strict=True))
        full = names if asked.full else FULL
        pair = Pair(homes, folder.absolute(), full, asked.only or "")
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
        with ThreadPoolExecutor(asked.jobs) as pool:
            work = {(name, side): pool.submit(pair.run, name, side, models) for name in names for side in SIDES}
            found = []
            try:
                for name in names:
                    ran = {side: work[name, side].result() for side in SIDES}
                    found.append(pair.compared(name, ran))
                    _say(found[-1])
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                pair.stop()
                raise
    return _sum_up(found, time.monotonic() - began)


@dataclass(frozen=True)
class Ran:
    """How a run ended: "" where it did so well."""

    why: str
    seconds: float


class Pair:
    """Two checkouts, run on one model after the other, and the folder in which that is done."""

    def __init__(self, homes: dict[str, Path], folder: Path, full: Sequence[str], only: str) -> None:
        self._homes, self._folder, self._full, self._only = homes, folder, full, only
        self._running: set[int] = set()

    def stop(self) -> None:
        """End what runs."""
        for pid in list(self._running):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)

    def run(self, name: str, side: str, models: dict[str, str]) -> Ran:
        """Ask one checkout about one model, in a process of its own."""
        into = self._into(name, side)
        shutil.rmtree(into, ignore_errors=True)
        _lay_out(into / "desk")
        said = commands.of_none() if name == NONE else commands.of_a_model(name in self._full)
        job = {
            "checkout": str(self._homes[side]),
            "into": str(into),
            "model": "demo" if name == NONE else models[name],
            "commands": [words for words in said if self._only in " ".join(words)],
            "api": name != NONE,
            "only": self._only,
        }
        (into / "job.json").write_text(json.dumps(job))
        began = time.monotonic()
        with surroundings(self._homes[side]) as own, (into / "log").open("wb") as log:
            around = own | SETTLED
            process = subprocess.Popen(
                [*PYTHON, str(DRIVER), str(into / "job.json")],
                env=around, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=into, start_new_session=True,
            )  # fmt: skip
            self._running.add(process.pid)
            try:
                status: int | None = process.wait(PATIENCE_S)
            except subprocess.TimeoutExpired:
                status = None
            finally:
                self._running.discard(process.pid)
            if status != 0:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()
                stop = [*PYTHON, "-m", "vlmtui", "session", "stop", "--quiet"]
                subprocess.run(stop, env=around, check=False)
        took = time.monotonic() - began
        if status == 0:
            return Ran("", took)
        last = (into / "log").read_text(errors="replace").strip().splitlines()[-1:] or ["nothing"]
        how = f"did not end within {PATIENCE_S} s" if status is None else f"ended with status {status}"
        return Ran(f"{self._homes[side]} {how}; its log {into / 'log'} ends: {last[0]}", took)

    def compared(self, name: str, ran: dict[str, Ran]) -> Compared:
        """Compare what both have written; what is the same is removed."""
        found = Compared(name, seconds=[one.seconds for one in ran.values()])
        found.broken = "; ".join(one.why for one in ran.values() if one.why)
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
                if texts[0] != texts[1] and self._plain(name, texts[0]) != self._plain(name, texts[1]):
                    wrong.append(f"{stream}: {_apart(*(self._plain(name, text) for text in texts))}")
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

    def _plain(self, name: str, text: bytes) -> bytes:
        """Without what is a side's own: its checkout and its working folder."""
        for side in SIDES:
            for path in (self._into(name, side), self._homes[side]):
                text = text.replace(os.fsencode(path), b"...")
        return text


def _lay_out(desk: Path) -> None:
    """The pictures: one to look at, an album, and a file that is none."""
    from PIL import Image

    (desk / "album").mkdir(parents=True)
    places = {
        "picture.png": ("china.jpg", (420, 180)), "album/wide.png": ("rocket.jpg", (200, 90)),
        "album/tall.png": ("coffee.png", (130, 300)), "album/small.png": ("flower.jpg", (9, 7)),
        "album/square.png": ("astronaut.png", (96, 96)),
    }  # fmt: skip
    for name, (photo, size) in places.items():
        with Image.open(PHOTOS / photo) as image:
            image.convert("RGB").resize(size).save(desk / name)
    (desk / "broken.png").write_bytes(b"no picture")


def _apart(one: bytes, other: bytes) -> str:
    """Where two texts part."""
    at = next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    begin = max(0, at - 20)
    return f"from byte {at} on, {one[begin : at + SHOWN]!r} against {other[begin : at + SHOWN]!r}"


def _say(found: Compared) -> None:
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


def _sum_up(found: Sequence[Compared], seconds: float) -> int:
    outputs, refusals = sum(one.outputs for one in found), sum(one.refusals for one in found)
    differ, broken = sum(len(one.differ) for one in found), sum(bool(one.broken) for one in found)
    print(
        f"{len(found)} models, {outputs} outputs compared ({sum(one.bytes for one in found) / 1e6:.0f} MB), "
        f"{refusals} of them refusals, {differ} differ, {broken} models not compared; {seconds:.0f} s"
    )
    return 0 if found and all(one.good for one in found) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
