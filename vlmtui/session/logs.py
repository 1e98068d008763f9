"""Logs of sessions: where they are, and which of them are kept."""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path

from platformdirs import user_log_dir

KEPT = 10
"""How many logs of sessions that have ended are kept, with the new one."""
_PATTERN = "session-*.log"


def log_folder() -> Path:
    """The folder of the logs: the user's own, or one in the temporary folder where that is not writable."""
    folder = Path(user_log_dir("vlmtui", appauthor=False))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if os.access(folder, os.W_OK | os.X_OK):
            return folder
    except OSError:
        pass
    fallback = Path(tempfile.gettempdir()) / f"vlmtui-logs-{os.getuid()}"
    fallback.mkdir(mode=0o700, parents=True, exist_ok=True)
    return fallback


def new_log() -> Path:
    """Create the log of a session that begins now; its path.

    Older logs are deleted, except for the newest and those of processes that still run: an error may still name them.
    """
    folder = log_folder()
    old = sorted((path for path in folder.glob(_PATTERN) if not _in_use(path)), key=_age)
    for path in old[: -(KEPT - 1)]:
        path.unlink(missing_ok=True)
    stamp = time.strftime("%Y%m%d-%H%M%S")
    path = folder / f"session-{stamp}-{os.getpid()}.log"
    count = 1
    while path.exists():
        count += 1
        path = folder / f"session-{stamp}-{os.getpid()}-{count}.log"
    path.touch(mode=0o600)
    return path


def log_of(pid: int) -> Path | None:
    """The log of the warm session with this process id; None where there is none here."""
    found = sorted(log_folder().glob(f"session-*-*-{pid}*.log"), key=_age)
    return next((path for path in reversed(found) if path.stem.split("-")[3] == str(pid)), None)


def _in_use(path: Path) -> bool:
    """Whether the process that created this log, whose id is in its name, still runs."""
    try:
        os.kill(int(path.stem.split("-")[3]), 0)
    except (ValueError, IndexError, ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        pass  # another user's process, which runs
    return True


def _age(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
