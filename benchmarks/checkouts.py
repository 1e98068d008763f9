"""Environment to run one of several checkouts in: by `PYTHONPATH`, without the user's models, sessions or settings."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

HOME = Path(__file__).parents[1]
PYTHON = (sys.executable, "-P")
"""Python without the working folder in its path: another checkout may be there."""
_PERSONAL = ("VLMTUI_", "HF_", "PYTHON", "XDG_", "COLUMNS", "LINES", "NO_COLOR", "LANG", "LC_")


def is_checkout(folder: Path) -> bool:
    """Whether vlmtui can be run from a folder."""
    return (folder / "vlmtui" / "__init__.py").exists()


@contextlib.contextmanager
def surroundings(checkout: Path) -> Iterator[dict[str, str]]:
    """Environment variables to run a checkout with; the folders they name are removed afterwards."""
    inherited = {key: value for key, value in os.environ.items() if not key.startswith(_PERSONAL)}
    # the path of a socket must be short
    with tempfile.TemporaryDirectory(prefix="vs-", dir="/tmp", ignore_cleanup_errors=True) as runtime:
        yield inherited | {
            "PYTHONPATH": str(checkout),
            "XDG_RUNTIME_DIR": runtime,
            "XDG_STATE_HOME": f"{runtime}/state",
            "VLMTUI_CACHE": f"{runtime}/cache",
            "HF_HOME": f"{runtime}/hub",
            "HF_HUB_OFFLINE": "1",
        }
