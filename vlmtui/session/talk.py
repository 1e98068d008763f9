"""What a question may say, and must look at, while it is being answered."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vlmtui.errors import CancelledError

if TYPE_CHECKING:
    from vlmtui.session.messages import Note, Question


def _nothing(*_: object) -> None:
    pass


@dataclass(frozen=True)
class Talk:
    """`progress(doing, done, total)` tells the front end how far it is, and raises `CancelledError` where nobody waits
    any more. `should_stop` says the same without raising, and lets quick questions be answered in between. `tell` sends
    a note of another kind. `following` is what will be answered next, where the same front end has asked it already.
    """

    progress: Callable[..., None] = _nothing
    should_stop: Callable[[], bool] = lambda: False
    tell: Callable[[Note], None] = _nothing
    following: Callable[[], Question | None] = lambda: None

    def check(self) -> None:
        """`CancelledError` where nobody waits for the answer any more."""
        if self.should_stop():
            raise CancelledError("the question was withdrawn")
