"""Status of the session: what it does, holds and took, and what went wrong. No Textual."""

from __future__ import annotations

import math
from dataclasses import dataclass

from vlmtui.display.numbers import count
from vlmtui.session.protocol import Status

LEAST_MEASURED_S = 1.0
"""How long something goes on before it says how long it still takes."""
MINUTE_S = 90
"""From so many seconds on they are said in minutes."""


@dataclass(frozen=True)
class Work:
    """What the session does, and how far it has come; "" where it is idle.

    `seconds` is how long it took, where that was measured, from `before` of them done to those that are done now.
    """

    doing: str = ""
    done: int = 0
    total: int = 0
    of: str = ""
    before: int = 0
    seconds: float = 0.0

    @property
    def line(self) -> str:
        """`reading the image 30%`; of things that are counted also `, 12 of 64 blocks, about 8 s left`."""
        share = f" {100 * self.done // self.total}%" if self.total else ""
        counted = f", {self.done:,} of {count(self.total, self.of)}" if self.of and self.total else ""
        return f"{self.doing}{share}{counted}{self._left}"

    @property
    def _left(self) -> str:
        """How long the rest takes if it goes on as before; "" until that has been measured for a second."""
        if self.seconds < LEAST_MEASURED_S or self.done <= self.before or self.done >= self.total:
            return ""
        left = math.ceil(self.seconds / (self.done - self.before) * (self.total - self.done))
        return f", about {f'{left} s' if left < MINUTE_S else f'{math.ceil(left / 60)} min'} left"


READY = Work()


@dataclass
class SessionStatus:
    """`seconds` names the last thing that was timed; `trouble` is a sentence that stays until it is over."""

    work: Work = READY
    reported: Status | None = None
    seconds: tuple[str, float] | None = None
    trouble: str = ""
