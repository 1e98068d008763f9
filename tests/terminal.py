"""A real pseudo-terminal with a program in it: what it writes, what it costs, and what its screen shows."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.emulator import Emulator

MOVED = re.compile(rb"\x1b\[(\d+)(?:;(\d+))?H\Z")
QUESTION = re.compile(rb"\x1b\[6n|\x1b\[c|\x1b\]11;\?\x1b\\")
"""Where the cursor is, what the terminal is, and what its background is."""


class Terminal:
    """Runs `command` in a pty of `size` (columns, rows), which answers questions as a terminal does."""

    def __init__(
        self,
        command: Sequence[str],
        size: tuple[int, int],
        *,
        background: str = "1111/1111/1111",
        answers: bool = True,
        **environment: str,
    ) -> None:
        self._emulator = Emulator(size)
        self._background, self._answers = background, answers
        self._asked = self._drawn = 0
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
            # not os.environ as it stands: readline puts its own COLUMNS and LINES into the C environment
            kept = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "LINES", "NO_COLOR")}
            os.execvpe(
                command[0], list(command), {**kept, "TERM": "xterm-256color", "COLORTERM": "truecolor", **environment}
            )
        self.output = bytearray()
        self.started = time.monotonic()
        self._status: int | None = None

    def read(self, seconds: float) -> bytes:
        """What is written within `seconds`, as soon as there is something; b"" at the end."""
        ready, _, _ = select.select([self.fd], [], [], seconds)
        if not ready:
            return b""
        try:
            data = os.read(self.fd, 1 << 16)
        except OSError:
            return b""
        self.output += data
        self._answer()
        return data

    def _answer(self) -> None:
        """Answer what is asked."""
        for question in QUESTION.finditer(self.output, self._asked):
            self._asked = question.end()
            if self._answers:
                os.write(self.fd, self._answer_to(question))

    def _answer_to(self, question: re.Match[bytes]) -> bytes:
        if question[0] == b"\x1b[c":
            return b"\x1b[?62;22c"
        if question[0] != b"\x1b[6n":
            return b"\x1b]11;rgb:%s\x1b\\" % self._background.encode()
        # nothing is drawn for it: who asks has moved the cursor just before
        moved = MOVED.search(self.output[max(0, question.start() - 16) : question.start()])
        assert moved is not None, self.output[max(0, question.start() - 16) : question.end()]
        return b"\x1b[%s;%sR" % (moved[1], moved[2] or b"1")

    @property
    def screen(self) -> Emulator:
        """What is shown now. It is drawn when it is looked at: that must not slow down what is measured."""
        drawn, self._drawn = self._drawn, len(self.output)
        self._emulator.feed(bytes(self.output[drawn:]))
        return self._emulator

    def shows(self, text: str) -> bool:
        """Whether a line of the screen has a text in it."""
        return self.screen.shows(text)

    def until(self, condition: Callable[[bytearray], bool], seconds: float) -> float:
        """Read until `condition(all output so far)`; the seconds since the start, or AssertionError."""
        end = time.monotonic() + seconds
        while not condition(self.output):
            if time.monotonic() > end:
                raise AssertionError(f"not within {seconds} s; the last of the output: {self.output[-800:]!r}")
            self.read(0.05)
        return time.monotonic() - self.started

    def quiet(self, seconds: float = 0.15, limit: float = 30.0) -> int:
        """Read until nothing comes for `seconds`; the number of bytes that came."""
        before, last, end = len(self.output), time.monotonic(), time.monotonic() + limit
        while time.monotonic() < end:
            if self.read(0.02):
                last = time.monotonic()
            elif time.monotonic() - last > seconds:
                break
        return len(self.output) - before

    def resize(self, columns: int, rows: int) -> None:
        """Another size; the program is told."""
        self.screen.resize(columns, rows)
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def press(self, keys: str) -> None:
        """Type."""
        os.write(self.fd, keys.encode())

    def cpu_seconds(self) -> float:
        """CPU time of the program so far, user and system."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def state(self) -> str:
        """What the program does, as `ps` says it: T where it is stopped."""
        return Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", 1)[1].split()[0]

    def children(self) -> list[int]:
        """Process ids of the program's children."""
        words = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        return [int(word) for word in words]

    def wait(self, seconds: float) -> int:
        """The exit status, or minus the signal; AssertionError when it does not end."""
        end = time.monotonic() + seconds
        while self._status is None:
            self.read(0.02)
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self._status = os.waitstatus_to_exitcode(status)
            elif time.monotonic() > end:
                raise AssertionError(f"still running after {seconds} s")
        return self._status

    def close(self) -> None:
        """End it, whatever it does."""
        if self._status is None:
            try:
                os.kill(self.pid, signal.SIGKILL)
                os.waitpid(self.pid, 0)
            except (ProcessLookupError, ChildProcessError):
                self._status = -9
        os.close(self.fd)

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()
