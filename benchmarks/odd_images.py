"""Attack on the reading of images: odd, damaged and hostile files, under limits of memory and time.

    python -m benchmarks.odd_images [FOLDER] [--mutants N]

Every file of FOLDER (such as Tests/images of Pillow's source archive) is decoded by a worker with a limit of
memory, and of time for each file. Without FOLDER, valid images of every format that Pillow writes are
mutated: cut, bytes changed, lengths made large. A file is held where it is decoded, or refused in one sentence; lost
where another error, a signal, the limit of memory or of time ends it. Prints the counts, and every file that was lost.
"""

from __future__ import annotations

import argparse
import io
import random
import resource
import select
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

MEMORY = 4 << 30
"""Bytes of address space of a worker."""
SECONDS = 20
MAX_PIXELS = 20_000_000
_WORKER = """
import sys
from vlmtui.errors import ImageError
from vlmtui.images.decoding import decode
for line in sys.stdin:
    name = line.rstrip("\\n")
    with open(name, "rb") as file:
        data = file.read()
    try:
        image = decode(data, "photo", {pixels})
        assert image.rgb.dtype == "uint8" and image.rgb.shape == (image.height, image.width, 3)
        said = "decoded"
    except ImageError as error:
        text = str(error)
        said = "refused" if len(text) < 400 and "\\n" not in text else "lost: " + repr(text)
    except BaseException as error:
        said = f"lost: {{type(error).__name__}}: {{error}}".replace("\\n", " ")
    print(said, flush=True)
"""


@dataclass
class AttackCounts:
    """How many files were tried, and what became of them; `lost` names those that were not held."""

    outcomes: Counter[str] = field(default_factory=Counter)
    lost: list[str] = field(default_factory=list)

    @property
    def tried(self) -> int:
        """All files."""
        return self.outcomes.total()

    def sentence(self) -> str:
        """The counts."""
        decoded, refused = self.outcomes["decoded"], self.outcomes["refused"]
        held = f"{decoded + refused} held ({decoded} decoded, {refused} refused)"
        held = f"{decoded + refused} held ({decoded} decoded, {refused} refused)"
        return f"{self.tried} tried, {held}, {len(self.lost)} lost"


def attack(files: Iterator[Path]) -> AttackCounts:
    """Decode files in a worker, which is begun again after one that ended it."""
    counts = AttackCounts()
    worker: subprocess.Popen[str] | None = None
    for file in files:
        if worker is None or worker.poll() is not None:
            worker = _worker()
        outcome = _answer(worker, file)
        counts.outcomes[outcome.partition(":")[0]] += 1
        if outcome.startswith("lost"):
            counts.lost.append(f"{file}: {outcome}")
    if worker is not None:
        worker.kill()
        worker.wait()
    return counts


def _worker() -> subprocess.Popen[str]:
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))

    return subprocess.Popen(
        [sys.executable, "-c", _WORKER.format(pixels=MAX_PIXELS)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        preexec_fn=limit,
    )


def _answer(worker: subprocess.Popen[str], file: Path) -> str:
    assert worker.stdin is not None
    assert worker.stdout is not None
    worker.stdin.write(f"{file}\n")
    worker.stdin.flush()
    if not select.select([worker.stdout], [], [], SECONDS)[0]:
        worker.kill()
        worker.wait()
        return f"lost: more than {SECONDS} s"
    line = worker.stdout.readline().strip()
    return line or f"lost: the worker ended with status {worker.wait()}"


def mutants(folder: Path, each: int, seed: int = 0) -> Iterator[Path]:
    """Write mutants of a valid image in every format that Pillow writes, `each` of a format."""
    Image.init()
    chance = random.Random(seed)
    rgb = np.random.default_rng(seed).integers(0, 256, (24, 32, 3), dtype=np.uint8)
    for format in sorted(Image.SAVE):  # noqa: A001
        if format in ("PDF", "MPO"):
            continue
        for mode in ("RGB", "L", "1", "P", "RGBA", "CMYK", "I;16", "I", "F", "LA"):
            file = io.BytesIO()
            try:
                Image.fromarray(rgb).convert("L" if mode == "I;16" else mode).convert(mode).save(file, format)
            except Exception:  # not every format has every mode
                continue
            whole = file.getvalue()
            for number in range(each):
                path = folder / f"{format}-{mode.replace(';', '')}-{number}"
                path.write_bytes(whole if not number else _mutant(whole, chance))
                yield path


def _mutant(data: bytes, chance: random.Random) -> bytes:
    changed = bytearray(data)
    if not changed:
        return data
    kind = chance.randrange(4)
    if kind == 0:
        return bytes(changed[: chance.randrange(len(changed))])
    header = min(len(changed), 96)
    for _ in range(chance.choice((1, 1, 3, 12))):
        at = chance.randrange(header if kind == 1 else len(changed))
        changed[at] = chance.choice((0, 255, 127, 128, chance.randrange(256)))
    if kind == 3:
        at = chance.randrange(header)
        changed[at : at + 4] = chance.choice((b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\0\0\xff\xff"))
    return bytes(changed)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", nargs="?", type=Path)
    parser.add_argument("--mutants", type=int, default=40)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        if given.folder is not None:
            files = iter(sorted(path for path in given.folder.rglob("*") if path.is_file()))
        else:
            files = mutants(Path(made), given.mutants)
        counts = attack(files)
    print(counts.sentence())
    print(*counts.lost, sep="\n")


if __name__ == "__main__":
    main()
