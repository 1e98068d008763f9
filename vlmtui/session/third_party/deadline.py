"""Deadline of a foreign lens that was told to stop: how long it may take, and what happens when it does not."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

END_S = 10.0
"""How long a foreign lens may go on after its question was withdrawn, before its session is ended."""


class LensDeadline:
    """Waits, in a thread of its own, for `met` to be called; else calls `end` with the name of the lens."""

    def __init__(self, lens: str, end: Callable[[str], None]) -> None:
        self._lens, self._end = lens, end
        self._met = threading.Event()
        self._over = threading.Event()
        self._until = time.monotonic() + END_S
        threading.Thread(target=self._watch, name="lens-deadline", daemon=True).start()

    def extend(self) -> None:
        """Begin the time anew: the session's own code is running for the lens, such as to load layers."""
        self._until = time.monotonic() + END_S

    def met(self) -> None:
        """The lens has stopped, or its session has ended."""
        self._met.set()

    def wait(self) -> None:
        """Wait until the lens has stopped, or its session has been ended."""
        self._over.wait()

    def _watch(self) -> None:
        try:
            while (rest := self._until - time.monotonic()) > 0:
                if self._met.wait(rest):
                    return
            self._end(self._lens)
        finally:
            self._over.set()
