"""`outliers` and `atlas` of very many images: time by the number of images, and memory. The readings are made up.

Each measurement is a process of its own, so that its peak of memory is its own.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

from vlmtui.display.numbers import format_bytes, format_duration

OUTLIERS = (100_000, 1_000_000)
"""Images of 14 × 14 patches and tokens at two stages."""
ATLAS = (100_000, 1_000_000)
"""Images of 14 × 14 tokens with 4 of 32,000 words each, in tables of 1,000 images, which are one file."""

_COMMON = """
import hashlib, resource, sys, time
count = int(sys.argv[1])
def digest(number):
    return hashlib.sha256(b"%d" % number).hexdigest()
def done(begun):
    print(time.perf_counter() - begun, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
"""

_OUTLIERS = (
    _COMMON
    + """
import msgspec, numpy as np
from tests.reports import made_reports
from vlmtui.reports.commands.outliers import ImageOutliers, outliers_json
rng = np.random.default_rng(0)
readings = [made_reports.reading(14, 14, seed=seed) for seed in range(200)]  # each with its own places
def images():
    for number in range(count):
        of = readings[number % 200]
        marks = {stage: rng.random(196) < 0.03 for stage in ("vision.1", "tokens")}
        marks["tokens"][7] = True
        image = msgspec.structs.replace(of.image, source=f"album/{number:08}.png", sha256=digest(number))
        yield ImageOutliers(msgspec.structs.replace(of, image=image), marks)
begun = time.perf_counter()
size = sum(map(len, outliers_json(images())))
assert size > 100 * count
done(begun)
"""
)

_ATLAS = (
    _COMMON
    + """
import pathlib, tempfile
from dataclasses import replace
import msgspec, numpy as np
from tests.reports.atlas import tables
from vlmtui.reports.atlas.formats import FORMATS
from vlmtui.reports.atlas.summary import AtlasOptions, build_atlas
rng = np.random.default_rng(0)
pieces = {id_: f"\u2581word{id_}" for id_ in range(32_000)}
def report(number):
    of = tables.seen(number, 14, 14)
    # a few words are in most lists, as those of models are
    ids = (np.minimum(rng.pareto(0.6, (196, 4)) * 10, 31_999).astype(np.int64) + 7 * np.arange(4)) % 32_000
    scores = -np.sort(rng.random((196, 4)), axis=1)
    words = msgspec.structs.replace(of.words, k=4, ids=ids, scores=scores, pieces=pieces, texts=pieces)
    return replace(of, words=words)
with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as home:
    table = tables.write([report(number) for number in range(1000)], pathlib.Path(home, "one.parquet"))
    for number in range(count // 1000):
        pathlib.Path(folder, f"{number:04}.parquet").symlink_to(table)
    begun = time.perf_counter()
    assert sum(map(len, FORMATS["json"](build_atlas(AtlasOptions((folder,))))))
    done(begun)
"""
)


def rows() -> Iterator[tuple[str, str, str]]:
    """Time and peak memory of each command, at two numbers of images."""
    for what, code, counts in (("outliers", _OUTLIERS, OUTLIERS), ("atlas", _ATLAS, ATLAS)):
        measured = {count: _measured(code, count) for count in counts}
        said = ", ".join(
            f"{count:,}: {format_duration(seconds)}, {format_bytes(memory)}"
            for count, (seconds, memory) in measured.items()
        )
        few, many = counts
        growth = measured[many][0] / measured[few][0]
        yield f"{what} of {few:,} and {many:,} images", said, f"time × {many // few} at most (× {growth:.1f})"


def _measured(code: str, count: int) -> tuple[float, int]:
    done = subprocess.run(
        [sys.executable, "-c", code, str(count)], check=True, capture_output=True, text=True, timeout=1800
    )
    seconds, memory = done.stdout.split()
    return float(seconds), int(memory)
