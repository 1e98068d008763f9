"""A program in a pseudo-terminal at the near end of a slow line, an emulated terminal at the far end."""

from __future__ import annotations

import os
import select
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Self

from benchmarks.slow_line.throttle import Throttle
from tests.emulator import Emulator
from tests.terminal import Terminal

TICK_S = 0.005
"""How often bytes that have arrived are looked at."""
NEVER = float("inf")
BLINK_BYTES = 1000
BLINK_GAP_S = 0.35
"""Up to so many bytes after so long a silence are a text field whose cursor blinks, twice a second."""


@dataclass(frozen=True)
class SlowLine:
    """`rate` in bytes per second, both ways, None for any; `round_trip` in seconds.

    `answers_after` is how late the terminal answers queries, in seconds beside the round trip; NEVER if it does not.
    """

    rate: float | None = None
    round_trip: float = 0.0
    answers_after: float = 0.0


class SlowTerminal:
    """A program that is written to and read from over a slow line; `clock` in seconds, for tests."""

    def __init__(
        self,
        command: Sequence[str],
        size: tuple[int, int],
        line: SlowLine,
        clock: Callable[[], float] = time.monotonic,
        **environment: str,
    ) -> None:
        self._clock = clock
        self.down = Throttle(line.rate, line.round_trip / 2)
        self.up = Throttle(line.rate, line.round_trip / 2)
        self._answers_after = line.answers_after
        self._answers = Throttle(None, 0.0 if line.answers_after == NEVER else line.answers_after)
        self.has_ended = False
        """Whether the program has closed its terminal, and all that it wrote was read."""
        self.emulator = Emulator(size)
        self.terminal = Terminal(command, size, **environment)
        self.started = self.pressed = self.changed = clock()
        """When the program was started, the last key was pressed, the last byte of a change arrived at the far end."""
        self.count = self.count_at_change = 0
        """How many bytes have arrived at the far end, until now and until the last change."""
        self.blinks = False
        """Whether a text field is open: what its cursor writes is no change."""
        self._burst = (0.0, 0)
        """When its last byte arrived, and how many so far: bytes with no silence between them."""
        self.tail = b""
        """The last of them."""

    def step(self, seconds: float = TICK_S) -> None:
        """Move what can be moved, after waiting for output for some seconds at most."""
        down_has_room = self.down.room(self._clock()) > 0 and not self.has_ended
        ready, _, _ = select.select([self.terminal.fd] if down_has_room else [], [], [], seconds)
        now = self._clock()
        if ready:
            try:
                data = os.read(self.terminal.fd, self.down.room(now) or 1)
            except OSError:
                data = b""
            self.has_ended = not data
            self.down.send(data, now)
        if arrived := self.down.arrived(now):
            self.count += len(arrived)
            self.tail = (self.tail + arrived)[-4096:]
            last, count = self._burst
            self._burst = (now, len(arrived) + (count if now < last + BLINK_GAP_S else 0))
            if not self.blinks or self._burst[1] > BLINK_BYTES:
                self.changed, self.count_at_change = now, self.count
            reply = self.emulator.feed(arrived)
            if self._answers_after != NEVER:
                self._answers.send(reply, now)
        self.up.send(self._answers.arrived(now), now)
        typed = self.up.arrived(now)
        if typed and not self.has_ended:
            os.write(self.terminal.fd, typed)

    def press(self, keys: str) -> None:
        """Type at the far end."""
        self.pressed = self._clock()
        self.up.send(keys.encode(), self.pressed)

    def run(self, seconds: float) -> None:
        """Go on for some seconds."""
        end = self._clock() + seconds
        while self._clock() < end:
            self.step()

    def until(self, condition: Callable[[Emulator], bool], seconds: float) -> None:
        """Go on until the screen is as wanted; looked at when something has come, a few times a second."""
        end, looked_at = self._clock() + seconds, 0
        while self._clock() < end and not self.has_ended:
            self.run(0.2)
            if looked_at != self.count:
                looked_at = self.count
                if condition(self.emulator):
                    return
        raise AssertionError("\n".join([f"not within {seconds} s:", *self.emulator.lines, repr(self.tail[-300:])]))

    def settle(self, quiet: float, limit: float = 600.0) -> float:
        """Go on until nothing has changed for `quiet` seconds; returns when the last byte arrived, by the clock."""
        began = self._clock()
        while self._clock() < max(began, self.changed) + quiet:
            if self._clock() > began + limit:
                raise AssertionError(f"not settled within {limit} s")
            self.step()
        return self.changed

    def close(self) -> None:
        """End the program, whatever it does."""
        self.terminal.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()
