"""Background of the terminal: its colour, asked for before Textual starts, so that the answer cannot become keys."""

from __future__ import annotations

import contextlib
import os
import re
import select
import termios
import time
import tty
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

from vlmtui.tui.terminal.replies import BACKGROUND, Replies

WAIT_S = 0.3
"""How long an answer is waited for, counted from the question: Textual is imported meanwhile."""
_QUESTION = b"\x1b]11;?\x1b\\\x1b[c"
"""The colour, then what every terminal answers: where that comes alone, no colour will."""
_ATTRIBUTES = re.compile(rb"\x1b\[\?[\d;]*c")


@dataclass
class TerminalStart:
    """What is known of a terminal before Textual starts: background, `typed` bytes, and how its line was set."""

    background: tuple[int, int, int] | None = None
    typed: bytes = b""
    line: list[Any] | None = field(default=None, repr=False)

    @property
    def light(self) -> bool:
        """Whether the background is light; one that is not known is taken for dark."""
        if self.background is None:
            return False
        red, green, blue = self.background
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue > 127.5


class BackgroundQuestion:
    """A question to the terminal, from the moment it is entered; its line is as it was after the exit."""

    def __init__(self) -> None:
        self._start = TerminalStart()
        self._asked_at = 0.0

    def __enter__(self) -> BackgroundQuestion:
        with contextlib.suppress(termios.error, OSError):
            if os.isatty(0) and os.isatty(1):
                self._start.line = termios.tcgetattr(0)
                # the answer must not be echoed, and must not wait for Enter; a Ctrl-C still stops the start
                line = termios.tcgetattr(0)
                line[tty.IFLAG] &= ~termios.ICRNL
                line[tty.LFLAG] &= ~(termios.ECHO | termios.ICANON)
                termios.tcsetattr(0, termios.TCSANOW, line)
                os.write(1, _QUESTION)
                self._asked_at = time.monotonic()
        return self

    def answer(self) -> TerminalStart:
        """The colour, where it came in time, and all else that was typed."""
        if self._start.line is not None:
            received = b"".join(self._received())
            if colour := BACKGROUND.search(received):
                red, green, blue = (int(part, 16) * 255 // (16 ** len(part) - 1) for part in colour.groups())
                self._start.background = red, green, blue
            replies = Replies(lambda: None)
            self._start.typed = replies.feed(received) + replies.rest()
        return self._start

    def _received(self) -> Iterator[bytes]:
        received = b""
        while not _ATTRIBUTES.search(received):
            left = self._asked_at + WAIT_S - time.monotonic()
            if not select.select([0], [], [], max(0.0, left))[0]:
                return
            part = os.read(0, 4096)
            if not part:
                return
            received += part
            yield part

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._start.line is not None:
            with contextlib.suppress(termios.error):
                termios.tcsetattr(0, termios.TCSANOW, self._start.line)
