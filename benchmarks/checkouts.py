"""How one checkout of several is run: by `PYTHONPATH`, with no models, sessions or settings of the person."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

HOME = Path(__file__).parents[1]
PYTHON = (sys.executable, "-P")
"""Without the working folder, where another checkout may be."""
_PERSONAL = ("VLMTUI_", "HF_", "PYTHON", "XDG_", "COLUMNS", "LINES", "NO_COLOR", "LANG", "LC_")


def is_checkout(folder: Path) -> bool:
    """Whether vlmtui can be run from there."""
    return (folder / "vlmtui" / "__init__.py").exists()


@contextlib.contextmanager
def surroundings(checkout: Path) -> Iterator[dict[str, str]]:
    """The environment to run a checkout in; its folders are gone afterwards."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(_PERSONAL)}
    # the path of a socket must be short
    with tempfile.TemporaryDirectory(prefix="vs-", dir="/tmp", ignore_cleanup_errors=True) as runtime:
        yield kept | {
            "PYTHONPATH": str(checkout),
            "XDG_RUNTIME_DIR": runtime,
            "XDG_STATE_HOME": f"{runtime}/state",
            "VLMTUI_CACHE": f"{runtime}/cache",
            "HF_HOME": f"{runtime}/hub",
            "HF_HUB_OFFLINE": "1",
        }
