"""Limits of a chat template, which is a program of strangers: memory while it runs, and the length of its text."""

from __future__ import annotations

import resource
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from vlmtui.errors import ModelError

MOST_TEXT = 16 << 20
MEMORY = 1 << 30
"""That a template may take beyond what the process has."""
_ONE = threading.Lock()


def rendered(render: Callable[[], str]) -> str:
    """What a chat template makes. `ModelError` where it makes more than fits."""
    try:
        # images are prepared by several threads, and the limit is the process's
        with _ONE, _memory_limit():
            text = render()
    except MemoryError:
        text = None
    if text is None or len(text) > MOST_TEXT:
        raise ModelError(f"its chat template is damaged (it makes a prompt of more than {MOST_TEXT >> 20} MB)")
    return text


@contextmanager
def _memory_limit() -> Iterator[None]:
    """In this block the process gets only so much more memory; without effect where the system does not say how much
    it has."""
    try:
        has = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    except (OSError, ValueError, IndexError):
        yield
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    most = has + MEMORY
    if soft != resource.RLIM_INFINITY:
        most = min(most, soft)
    resource.setrlimit(resource.RLIMIT_AS, (most, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
