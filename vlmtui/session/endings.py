"""Why a session ended, by its log and the limits of the system (`ulimit`), with what to do."""

from __future__ import annotations

import contextlib
import os
import re
import resource
import time
from pathlib import Path

from vlmtui.memory import memory_limit

LAST_LINE_S = 5.0
"""How old the last line of a log may be to say why the session ended."""
_ENDED = "vlmtui session: ended by a client: "
_EXCEPTION = re.compile(r"[\w.]*(Error|Exception|Interrupt|Exit)\b")
_NO_MEMORY = re.compile(
    r"failed to map segment|cannot allocate memory|can't allocate memory|MemoryError", re.IGNORECASE
)

_OF_C_CODE = re.compile(r"SystemError\b|RuntimeError: can't start new thread")
"""What C code that checks no allocation ends with: a reason to name a memory limit, where there is one."""


def write_end(log: Path, reason: str) -> None:
    """Write into a session's log why a front end ends it; `why_ended` finds it there."""
    with contextlib.suppress(OSError), log.open("a") as file:
        file.write(f"\n{_ENDED}{reason}\n")


def why_ended(log: Path) -> str:
    """Why a session ended, by its log: why a front end ended it, or the exception in the last line; "" for neither.

    Where a limit of the system is the reason, it is named.
    """
    try:
        with log.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - 4096))
            lines = file.read().decode(errors="replace").strip().splitlines()
            age = time.time() - os.fstat(file.fileno()).st_mtime
    except OSError:
        return ""
    if ended := next((line for line in reversed(lines) if line.startswith(_ENDED)), ""):
        return f" ({ended.removeprefix(_ENDED).strip()[:200]})"
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)[0]
    if limit != resource.RLIM_INFINITY and limit <= size:
        return f" (its log may not have more than {size:,} bytes: raise the limit of file sizes, ulimit -f)"
    last = lines[-1].strip()[:200] if lines else ""
    # any other line, and one from long before the end, was written before somebody killed it, and is no reason
    if age > LAST_LINE_S or not (_EXCEPTION.match(last) or _NO_MEMORY.search(last)):
        return ""
    return f" ({last}{_memory_advice(last)})"


def _memory_advice(error: str) -> str:
    """What to do about an error of memory that ran out; "" for any other."""
    limit = memory_limit()
    if not (_NO_MEMORY.search(error) or (limit is not None and _OF_C_CODE.match(error))):
        return ""
    return ": end other programs" if limit is None else f": raise the memory limit of {limit >> 20:,} MB, ulimit -v"
