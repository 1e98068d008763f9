"""What a question may say, and must look at, while it is being answered."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from vlmtui.errors import CancelledError

if TYPE_CHECKING:
    from vlmtui.session.protocol import Note, Question


def _nothing(*_: object) -> None:
    pass


class CallbackEvent(threading.Event):
    """An event that also calls whoever asked for it: once, in the thread that sets it, or at once where it is set."""

    def __init__(self) -> None:
        super().__init__()
        self._then: list[Callable[[], object]] = []
        self._guard = threading.Lock()

    def set(self) -> None:
        """It has happened."""
        with self._guard:
            super().set()
            told, self._then = self._then, []
        for callback in told:
            callback()

    def then(self, callback: Callable[[], object]) -> None:
        """Call this when it happens."""
        with self._guard:
            happened = self.is_set()
            if not happened:
                self._then.append(callback)
        if happened:
            callback()


@dataclass(frozen=True)
class RequestControl:
    """`progress(doing, done, total)` tells the front end how far it is, and raises `CancelledError` where nobody waits
    any more. `should_stop` says the same without raising, and lets quick questions be answered in between. `tell` sends
    a note of another kind. `following` is what will be answered next, where the same front end has asked it already.
    `withdrawn` is set, in another thread, when nobody waits any more; whoever withdrew it is told by `still` that the
    session itself is at work yet, not a lens of somebody else.
    """

    progress: Callable[..., None] = _nothing
    should_stop: Callable[[], bool] = lambda: False
    tell: Callable[[Note], None] = _nothing
    following: Callable[[], Question | None] = lambda: None
    withdrawn: CallbackEvent = field(default_factory=CallbackEvent)
    still: Callable[[], None] = _nothing

    def check(self) -> None:
        """`CancelledError` where nobody waits for the answer any more."""
        if self.should_stop():
            raise CancelledError("the question was withdrawn")
