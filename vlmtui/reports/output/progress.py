"""Progress line of a report on standard error, erased when the work is done."""

from __future__ import annotations

import os
import sys
import threading
import time

from vlmtui.display.pieces import ascii_only, fit, plain
from vlmtui.session.protocol import Progress

_LEAST_S = 0.1


class ProgressLine:
    """Display of the current work; nothing where standard error is not a terminal, or with `quiet`.

    Called from the thread that reads from the session, and from the one that writes the report.
    """

    def __init__(self, quiet: bool) -> None:
        self._shown = not quiet and sys.stderr.isatty() and os.environ.get("TERM", "dumb") != "dumb"
        self._utf8 = (sys.stderr.encoding or "").lower().startswith("utf")
        self._lock = threading.Lock()
        self._drawn = ""
        self._last = ("", 0.0)

    def __call__(self, progress: Progress) -> None:
        """Show progress."""
        if not self._shown:
            return
        now = time.monotonic()
        with self._lock:
            doing, then = self._last
            if doing == progress.doing and now - then < _LEAST_S:
                return
            self._last = progress.doing, now
            share = f" {100 * progress.done // progress.total}%" if progress.total else ""
            text = f"{plain(progress.doing)}{share}"
            text = text if self._utf8 else ascii_only(text)
            columns = _columns()
            self._write(f"\r\x1b[2K{fit(text, columns - 1).rstrip()}")
            self._drawn = text

    def clear(self) -> None:
        """Erase the line before other output on the terminal."""
        with self._lock:
            if self._drawn:
                self._write("\r\x1b[2K")
            self._drawn = ""

    def _write(self, text: str) -> None:
        try:
            sys.stderr.write(text)
            sys.stderr.flush()
        except OSError:
            self._shown = False  # the terminal has gone; the report may still be written elsewhere


def _columns() -> int:
    try:
        return os.get_terminal_size(sys.stderr.fileno()).columns or 80
    except OSError:
        return 80
