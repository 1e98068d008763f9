"""Status of the session: what it does, holds and took, and what went wrong. No Textual."""

from __future__ import annotations

from dataclasses import dataclass

from vlmtui.session.protocol import Status


@dataclass(frozen=True)
class Work:
    """What the session does, and how far it has come; "" where it is idle."""

    doing: str = ""
    done: int = 0
    total: int = 0

    @property
    def line(self) -> str:
        """`reading the image 30%`."""
        share = f" {100 * self.done // self.total}%" if self.total else ""
        return f"{self.doing}{share}"


READY = Work()


@dataclass
class SessionStatus:
    """`seconds` names the last thing that was timed; `trouble` is a sentence that stays until it is over."""

    work: Work = READY
    reported: Status | None = None
    seconds: tuple[str, float] | None = None
    trouble: str = ""
