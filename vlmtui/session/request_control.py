"""Control of a running request: how its progress is reported, and how it learns that nobody waits for it any more."""

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
    """An event with callbacks. Each is called once: in the thread that sets the event, or at once where it is set."""

    def __init__(self) -> None:
        super().__init__()
        self._callbacks: list[Callable[[], object]] = []
        self._guard = threading.Lock()

    def set(self) -> None:
        """Set the event, and call the callbacks."""
        with self._guard:
            super().set()
            callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            callback()

    def then(self, callback: Callable[[], object]) -> None:
        """Add a callback."""
        with self._guard:
            happened = self.is_set()
            if not happened:
                self._callbacks.append(callback)
        if happened:
            callback()


@dataclass(frozen=True)
class RequestControl:
    """What the code that answers a request reports to, and has to check.

    `progress(doing, done, total)` reports to the front end, and raises `CancelledError` where nobody waits any more.
    `should_stop` says the same without raising, and has quick questions answered in between. `tell` sends a note of
    another type. `following` is the next question, where the same front end has asked it already. `withdrawn` is set,
    in another thread, when nobody waits any more; `still` tells whoever withdrew the request that the session's own
    code is still running for it, not that of a foreign lens.
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
            raise CancelledError("the request was cancelled")
