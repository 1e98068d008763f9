"""Notices: what the person is told for a while, and no longer than the matter that it is about.

A notice has its time, as any toast. It goes before that once one of its matters is over: what answers a key with the
next key, what failed once the same is asked for again, or has come.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from textual.message import Message
from textual.notifications import Notification, Notify

from vlmtui.lenses.lens_source import LensCall, LensSource
from vlmtui.tui.state.subject import LensRequest

Matter = str | type | LensSource
KEY = "key"
"""The matter of what answers a key: over with the next one, or with a click."""
READING = "reading"
"""The matter of what is said of one reading of an image."""
IMAGE, MODEL, SESSION, REPORT = "image", "model", "session", "report"
DEFAULT_S = 5.0


@dataclass
class Notice(Notification):
    """A notification with the matters that it is about, any of which takes it away when it is over."""

    about: tuple[Matter, ...] = ()


@dataclass
class MattersOver(Message, bubble=False):
    """Notices about any of these `matters` are no longer shown."""

    matters: tuple[Matter, ...]


class Notices:
    """Tells the person something, and takes back what is over. `post` puts a message to the application."""

    def __init__(self, post: Callable[[Message], object]) -> None:
        self._post = post
        self._told: set[Matter] = set()

    def __call__(
        self,
        message: str,
        *,
        title: str = "",
        severity: Any = "information",
        timeout: float = DEFAULT_S,
        about: tuple[Matter, ...] = (KEY,),
    ) -> None:
        """Show a message for a while, `timeout` seconds at most."""
        self._told.update(about)
        self._post(Notify(Notice(message, title, severity, timeout, about=about)))

    def over(self, *matters: Matter) -> None:
        """Show no longer what is about any of these."""
        if told := self._told.intersection(matters):
            self._told -= told
            self._post(MattersOver(tuple(told)))


def matter_of(request: LensRequest) -> Matter:
    """The matter of a request: whatever is asked of the same lens is the same."""
    if isinstance(request.lens, LensCall):
        return request.lens.lens
    return type(request.lens)
