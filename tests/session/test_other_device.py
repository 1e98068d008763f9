"""A session whose model is not on the CPU."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_on_a_device_apart_from_the_cpu_every_answer_is_the_same() -> None:
    """A tensor that is left on the other device is an error there, as on a GPU."""
    subprocess.run([sys.executable, "-m", "tests.session.other_device"], cwd=ROOT, check=True, timeout=600)
