"""Layer of the explorer's dialogs: which are open, and to whom keys, pastes and the mouse go.

Textual puts a key into the queue of the widget that has the focus when it comes, and looks for its binding when it has
bubbled up: of keys that come at once, later ones then overtake what the first has opened or closed. Here each key is
handled to its end before the next is looked at, by what is open at that time.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from textual import events
from textual.errors import NoWidget
from textual.screen import Screen
from textual.widget import AwaitMount, Widget
from textual.widgets import Input

from vlmtui.tui.dialogs.dialog import Dialog

Then = Callable[[Any], object]
"""What is done with an answer; may return an awaitable."""
COMMANDING = frozenset(("alt", "ctrl", "super", "hyper", "meta"))
"""Modifiers that make a key of a character no text."""


@dataclass(frozen=True)
class _Opened:
    """A dialog that is open, what is done with its answer, and what had the focus before it."""

    dialog: Dialog[Any]
    then: Then
    focused: Widget | None


class DialogLayer:
    """The dialogs that are open over a screen, the last on top."""

    def __init__(self, screen: Screen[Any], notify: Callable[[str], object]) -> None:
        self._screen, self._notify = screen, notify
        self._open: list[_Opened] = []
        self._closing: list[Dialog[Any]] = []
        self._mounting: AwaitMount | None = None

    @property
    def top(self) -> Dialog[Any] | None:
        """The dialog that has the keys."""
        return self._open[-1].dialog if self._open else None

    def open(self, dialog: Dialog[Any], then: Then) -> None:
        """Open a dialog over what is there; `then` is given its answer, where there is one."""
        for before in self._closing:
            before.display = False  # one that is still being removed would stand beside it
        self._open.append(_Opened(dialog, then, self._screen.focused))
        dialog.reply = partial(self._reply, dialog)
        self._mounting = self._screen.mount(dialog)

    def leave(self) -> None:
        """Close all dialogs without an answer."""
        for opened in reversed(self._open):
            self._close(opened)

    async def leave_top(self) -> None:
        """Close the dialog that has the keys, without an answer."""
        if self.top is not None:
            await self._reply(self.top, None)

    async def take(self, event: events.Event) -> bool:
        """Handle a key or a paste; whether `event` is dealt with, or is the mouse's on what lies behind a dialog."""
        if not self._screen.is_attached:
            # what was typed behind the key that quits: there is nothing left for it to act on
            return True
        match event:
            case events.Key():
                await self._settled()
                await self._press(event)
            case events.Paste():
                await self._settled()
                self._paste(event.text)
            case events.MouseEvent():
                return not await self._reaches(event)
            case _:
                return False
        return True

    async def _settled(self) -> None:
        """Wait until the dialog on top is there, and has the focus."""
        if self._mounting is not None:
            mounting, self._mounting = self._mounting, None
            await mounting
        top, focused = self.top, self._screen.focused
        if top is not None and (focused is None or top not in focused.ancestors_with_self):
            top.take_focus()

    async def _press(self, event: events.Key) -> None:
        app, top = self._screen.app, self.top
        if top is not None and (text := _text_of(event)) and self._type(text):
            return
        active = self._screen.active_bindings.get(event.key)
        if active is None:
            return
        # what is for wherever one is, and else what is on top
        everywhere = active.binding.priority and active.node is app
        if top is None or everywhere or top in active.node.ancestors_with_self:
            await app.run_action(active.binding.action, active.node)

    def _paste(self, text: str) -> None:
        """Type the first line of what was pasted, and say so where that is not all."""
        lines = [line for line in text.splitlines() if line.strip()]
        if self.top is not None and lines and self._type(lines[0]) and len(lines) > 1:
            self._notify(f"pasted the first of {len(lines)} lines: there is room for one")

    def _type(self, text: str) -> bool:
        """Type into the line that has the focus, or into that of the dialog, which then has it."""
        line = self._screen.focused
        lines = self.top.query(Input) if self.top is not None and not isinstance(line, Input) else ()
        for line in lines:
            self._screen.set_focus(line)
        if isinstance(line, Input):
            line.replace(text, *sorted(line.selection))
        return isinstance(line, Input)

    async def _reaches(self, event: events.MouseEvent) -> bool:
        """Whether the mouse is on what has it: a dialog where one is open, or what holds it."""
        top, app = self.top, self._screen.app
        if top is None or app.mouse_captured is not None:
            return True
        try:
            widget, _ = self._screen.get_widget_at(int(event.x), int(event.y))
        except NoWidget:
            return False
        if top in widget.ancestors_with_self:
            return True
        if isinstance(event, events.MouseDown) and top.LEFT_BY_CLICK:
            await self._reply(top, None)
        return False

    async def _reply(self, dialog: Dialog[Any], answer: Any) -> None:
        opened = next((one for one in self._open if one.dialog is dialog), None)
        if opened is None:
            return
        self._close(opened)
        if answer is not None:
            done = opened.then(answer)
            if inspect.isawaitable(done):
                await done

    def _close(self, opened: _Opened) -> None:
        if self.top is opened.dialog:
            self._screen.set_focus(opened.focused)
        self._open = [one for one in self._open if one is not opened]
        self._closing = [one for one in (*self._closing, opened.dialog) if one.is_attached]
        opened.dialog.remove()


def _text_of(key: events.Key) -> str:
    """The character that a key types, or ""."""
    held = COMMANDING.intersection(key.key.split("+")[:-1])
    return key.character if key.character is not None and key.is_printable and not held else ""
