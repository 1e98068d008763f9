"""A lens that was told to stop: how long it may take, and what is done when it does not."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

END_S = 10.0
"""How long a lens that is not built in may go on after its question was withdrawn: then its session is ended."""


class LensDeadline:
    """Waits, in a thread of its own, until `left` is called; else `end` is called with the lens's name.

    `still` says that the session itself is at work for the lens, as while it loads layers: the time begins anew.
    """

    def __init__(self, lens: str, end: Callable[[str], None]) -> None:
        self._lens, self._end = lens, end
        self._left = threading.Event()
        self._over = threading.Event()
        self._until = time.monotonic() + END_S
        threading.Thread(target=self._watch, name="lens-leaving", daemon=True).start()

    def still(self) -> None:
        """The session is at work."""
        self._until = time.monotonic() + END_S

    def left(self) -> None:
        """It has stopped, or there is no session any more."""
        self._left.set()

    def wait(self) -> None:
        """Until it has stopped, or its session has been ended."""
        self._over.wait()

    def _watch(self) -> None:
        try:
            while (rest := self._until - time.monotonic()) > 0:
                if self._left.wait(rest):
                    return
            self._end(self._lens)
        finally:
            self._over.set()
