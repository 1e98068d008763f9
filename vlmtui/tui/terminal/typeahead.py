"""Typeahead: keys typed faster than a dialog opens go to the dialog, in their order."""

from __future__ import annotations

from weakref import WeakKeyDictionary

from textual.app import App
from textual.driver import Driver
from textual.events import Event, Key
from textual.screen import Screen

from vlmtui.tui.screens.dialogs import TextDialog


class TypingAhead(App[int]):
    """An app whose dialogs miss no key.

    A key goes to the screen that was there when it came, and only from its bubbling up is it known what it opens: by
    then the next keys are on their way to that screen too. Those find a dialog in its place, and are handed on to it.
    """

    def __init__(self, driver_class: type[Driver] | None = None) -> None:
        super().__init__(driver_class)
        self._typed_on: WeakKeyDictionary[Key, Screen[object]] = WeakKeyDictionary()

    async def on_event(self, event: Event) -> None:
        if isinstance(event, Key) and not event.is_forwarded and self.screen_stack:
            screen = self.screen
            if isinstance(screen, TextDialog) and screen.focused is None:
                screen.typed(event)
                return
            self._typed_on[event] = screen
        await super().on_event(event)

    def on_key(self, event: Key) -> None:
        """A key that nothing below took: it was meant for a dialog, or may have a binding."""
        typed_on, screen = self._typed_on.pop(event, None), self.screen
        if typed_on not in (None, screen) and isinstance(screen, TextDialog):
            event.prevent_default()
            screen.typed(event)
