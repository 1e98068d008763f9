"""An album of real pictures, and its report as a run that nothing happens to makes it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.cli.test_cli import vlmtui

COMMAND = [sys.executable, "-m", "vlmtui", "report"]
OPTIONS = ["--part-size", "4", "-k", "3"]
COUNT = 41


@pytest.fixture(scope="session")
def album(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of small pictures of three shapes, one that is cut short, and one that is none."""
    folder = tmp_path_factory.mktemp("album")
    rng = np.random.default_rng(6)
    for number in range(COUNT):
        rows, cols = ((48, 64), (70, 70), (20, 90))[number % 3]
        Image.fromarray(rng.integers(0, 256, (rows, cols, 3), np.uint8)).save(folder / f"p{number:03d}.png")
    cut = folder / "p021.png"
    cut.write_bytes(cut.read_bytes()[:3000])
    (folder / "p040.png").write_bytes(b"no picture")
    return folder


@pytest.fixture(scope="package")
def warm(clip_folder: Path) -> Iterator[None]:
    """A warm session that outlives the commands that are killed, but not the tests of this folder: others would find
    it."""
    started = vlmtui("session", "start", "-m", str(clip_folder), "--device", "cpu")
    assert started.returncode == 0, started.stderr
    yield
    assert vlmtui("session", "stop").returncode == 0


@pytest.fixture(scope="session")
def command(album: Path, clip_folder: Path) -> list[str]:
    """The report of the album, but for where it goes."""
    return [*COMMAND, str(album), "-m", str(clip_folder), "--device", "cpu", *OPTIONS]


@pytest.fixture(scope="package")
def unbroken(command: list[str], warm: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report that nothing has happened to."""
    out = tmp_path_factory.mktemp("unbroken") / "out.parquet"
    done = subprocess.run([*command, "-o", str(out)], capture_output=True)
    assert done.returncode == 1, done.stderr
    said = done.stderr.decode().splitlines()
    assert len(said) == 2
    assert "p021.png is damaged or truncated" in said[0]
    assert "p040.png is not an image" in said[1]
    return out
