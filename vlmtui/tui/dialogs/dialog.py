"""Dialog: a widget over the explorer that has the keys until it is answered or left."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import ClassVar, Generic, TypeVar

from rich.text import Text
from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.widget import Widget
from textual.widgets import Static

_T = TypeVar("_T")

LEAVES = "↑ ↓ scroll · Escape closes"
"""In the border of a page that may be longer than the screen."""


async def _nobody(answer: object) -> None:
    """The answer to a dialog that stands on no layer."""


class Dialog(VerticalScroll, Generic[_T], can_focus=False):
    """What all dialogs have in common: a title, Escape leaves, Tab goes to the next of their widgets.

    A dialog composes its widgets, says which has the focus at first (`first`), and answers on Enter (`submit`). `reply`
    closes it, with None for no answer; the layer sets it.
    """

    ALLOW_SELECT = False
    LEFT_BY_CLICK: ClassVar[bool] = False
    """Whether a click beside it closes it."""
    BINDINGS = [
        Binding("escape", "leave", "leave", priority=True),
        Binding("enter", "submit", "answer", priority=True),
        Binding("tab", "next_widget", "next", priority=True),
        Binding("shift+tab", "next_widget(-1)", "previous", priority=True),
    ]

    def __init__(self, title: str) -> None:
        super().__init__(classes="dialog")
        self._title = title
        self.reply: Callable[[_T | None], Awaitable[None]] = _nobody

    def title(self) -> Static:
        """The line at its top."""
        return Static(Text(self._title), classes="dialog-title")

    def hint(self, text: str) -> Static:
        """The line under its widgets."""
        return Static(Text(text), classes="dialog-hint")

    def say(self, sentence: str, *, wrong: bool = False) -> None:
        """Say something in the place of the hint, where the dialog has not been left meanwhile."""
        for hint in self.query(".dialog-hint").results(Static):
            hint.set_class(wrong, "wrong")
            hint.update(Text(sentence))

    def first(self) -> Widget | None:
        """The widget that has the focus at first."""
        return next(iter(self._focusable()), None)

    def take_focus(self) -> None:
        """Have the keys."""
        self.screen.set_focus(self.first())

    async def submit(self) -> None:
        """Answer with what has been chosen or typed."""
        await self.reply(None)

    def on_mount(self) -> None:
        self.take_focus()

    async def action_leave(self) -> None:
        """Close without an answer."""
        await self.reply(None)

    async def action_submit(self) -> None:
        """Answer."""
        await self.submit()

    def action_next_widget(self, step: int = 1) -> None:
        """Give the focus to another widget of the dialog."""
        there, focused = self._focusable(), self.screen.focused
        if there:
            at = there.index(focused) if focused in there else -1
            self.screen.set_focus(there[(at + step) % len(there)])

    def _focusable(self) -> list[Widget]:
        return [widget for widget in self.walk_children(Widget, with_self=True) if widget.focusable]
