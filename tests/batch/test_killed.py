"""Real runs, killed at moments that nobody chose, and gone on with: the report is the same to the byte.

`VLMTUI_BATCH_KILLS=20` kills so many; 2 without it. A moment is after how many parts, from a fixed seed, and some time
more.
"""

from __future__ import annotations

import os
import random
import subprocess
import time
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from tests.batch.conftest import COUNT
from tests.waiting import until

KILLS = int(os.environ.get("VLMTUI_BATCH_KILLS", "2"))


PARTS = -(-COUNT // 4)


def parts(out: Path) -> list[Path]:
    return sorted(out.with_name("out.parquet.parts").glob("part-*.parquet"))


@pytest.mark.parametrize("seed", range(KILLS))
def test_killed_and_gone_on_with(command: list[str], unbroken: Path, tmp_path: Path, seed: int) -> None:
    out = tmp_path / "out.parquet"
    chance = random.Random(seed)
    after = chance.randint(1, PARTS)
    with subprocess.Popen([*command, "-o", str(out)], stderr=subprocess.DEVNULL) as run:
        began = until(lambda: len(parts(out)) > 0 and time.monotonic(), 60)
        until(lambda: len(parts(out)) >= after or run.poll() is not None, 60)
        try:
            run.wait(chance.uniform(0, (time.monotonic() - began) / after))
        except subprocess.TimeoutExpired:
            run.kill()
    before = {path: path.stat().st_mtime_ns for path in parts(out)}
    print(f"status {run.returncode}; {len(before)} parts of {PARTS} are there")
    with subprocess.Popen([*command, "-o", str(out)], stderr=subprocess.PIPE) as again:
        until(lambda: len(parts(out)) > len(before) or again.poll() is not None, 60)
        # what was finished is not made again
        assert all(path.stat().st_mtime_ns == then for path, then in before.items() if path.exists())
        assert again.wait() == 1
    assert out.read_bytes() == unbroken.read_bytes()
    assert [path.name for path in tmp_path.iterdir()] == ["out.parquet"]


def test_it_is_what_one_by_one_gives(command: list[str], unbroken: Path, tmp_path: Path) -> None:
    """With the vectors beside it a report is made one picture after the other."""
    options = [word for word in command if word not in ("--part-size", "4")]
    out = tmp_path / "out.parquet"
    done = subprocess.run([*options, "-o", str(out), "--vectors", str(tmp_path / "v.npz")], capture_output=True)
    assert done.returncode == 1
    ours, theirs = pq.read_table(unbroken), pq.read_table(out)
    assert ours.schema.equals(theirs.schema, check_metadata=True)
    assert len(ours) > COUNT
    for name in ours.column_names:
        if name not in ("words", "norm", "z"):
            assert ours[name].equals(theirs[name]), name
    for mine, other in zip(ours.to_pylist(), theirs.to_pylist(), strict=True):
        if mine["error"] is None:
            np.testing.assert_allclose([mine["norm"], mine["z"]], [other["norm"], other["z"]], rtol=1e-5, atol=1e-5)
            scores = [[word["score"] for word in row["words"]] for row in (mine, other)]
            np.testing.assert_allclose(*scores, rtol=1e-5, atol=1e-5)
            for one, two in zip(mine["words"], other["words"], strict=True):
                tied = abs(one["score"] - two["score"]) <= 1e-6 * abs(one["score"])
                assert one["id"] == two["id"] or tied


def test_others_read_it(unbroken: Path) -> None:
    frame = pd.read_parquet(unbroken)
    assert frame["image"].nunique() == COUNT
    assert frame["error"].notna().sum() == 2
    ask = "select count(*), count(distinct image), max(len(words)) from read_parquet(?) where error is null"
    assert duckdb.connect().execute(ask, [str(unbroken)]).fetchone() == (len(frame) - 2, COUNT - 2, 3)
