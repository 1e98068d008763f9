"""A copy of the project for tests that add something to the explorer, and a process that drives it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def copied(into: Path) -> Path:
    """The package and its tests copied, without weights; the folder."""
    for name in ("vlmtui", "tests"):
        shutil.copytree(ROOT / name, into / name, ignore=shutil.ignore_patterns("__pycache__", "*.safetensors"))
    return into


def driven(copy: Path, driver: str) -> None:
    """Run a program in the copy, which must succeed."""
    done = subprocess.run(
        [sys.executable, "-P", "-c", driver],
        env=os.environ | {"PYTHONPATH": str(copy)},
        cwd=copy,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
