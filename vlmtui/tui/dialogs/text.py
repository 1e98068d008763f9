"""Dialog of one line of text."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Generic, TypeVar

from textual import on
from textual.app import ComposeResult
from textual.suggester import Suggester
from textual.widget import Widget
from textual.widgets import Input
from textual.widgets.input import Selection
from textual.worker import WorkType

from vlmtui.errors import VlmtuiError
from vlmtui.files import expand_path
from vlmtui.tui.dialogs.dialog import Dialog

_T = TypeVar("_T")

KEYS = "Enter goes on · Escape leaves"
"""In the border: what the keys do that end it."""


class TextDialog(Dialog[_T], Generic[_T]):
    """One line of text; what is wrong with it is said below it, and it stays open with what was typed."""

    def __init__(
        self,
        title: str,
        hint: str,
        read: Callable[[str], _T | Awaitable[_T]],
        value: str = "",
        suggester: Suggester | None = None,
        *,
        waiting: str = "",
        below: Widget | None = None,
        changed: Callable[[str], object] | None = None,
    ) -> None:
        """`read` makes the answer of what was typed, or raises `VlmtuiError` with what is wrong with it.

        Where that takes its time it returns an awaitable of the answer, and `waiting` is said meanwhile. `below` stands
        under the line, and `changed` is told of what stands in it.
        """
        super().__init__(title)
        self.border_subtitle = KEYS
        self._hint, self._read, self._value = hint, read, value
        self._suggester = suggester
        self._waiting, self._below, self._changed = waiting, below, changed

    def compose(self) -> ComposeResult:
        yield self.title()
        line = Input(self._value, suggester=self._suggester, select_on_focus=False)
        # a cursor that blinks is sent over the line twice a second
        line.cursor_blink = False
        yield line
        yield self.hint(self._hint)
        if self._below is not None:
            yield self._below

    def on_mount(self) -> None:
        # what stands in the line is typed over
        self.query_one(Input).selection = Selection(0, len(self._value))

    async def submit(self) -> None:
        """Answer with what was typed, or say what is wrong with it."""
        self.workers.cancel_node(self)
        try:
            answer = self._read(self.query_one(Input).value.strip())
        except VlmtuiError as error:
            self.say(str(error), wrong=True)
            return
        if isinstance(answer, Awaitable):
            self.say(self._waiting)
            coming = asyncio.ensure_future(answer)
            # where this is left, or Enter pressed again, before the wait has begun, nobody asks for its error
            coming.add_done_callback(lambda done: done.cancelled() or done.exception())

            wait: WorkType[None] = partial(self._wait_for, coming)
            self.run_worker(wait)
        else:
            await self.reply(answer)

    async def _wait_for(self, answer: Awaitable[_T]) -> None:
        try:
            found = await answer
        except VlmtuiError as error:
            self.say(str(error), wrong=True)
        else:
            await self.reply(found)

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        if self._changed is not None:
            self._changed(event.value.strip())


class PathSuggester(Suggester):
    """Completes a path from what is on the disk (→ takes the suggestion)."""

    def __init__(self) -> None:
        super().__init__(use_cache=False, case_sensitive=True)

    async def get_suggestion(self, value: str) -> str | None:
        """The first entry of the folder that goes on as `value` does."""
        if not value or "://" in value:
            return None
        try:
            path = Path(expand_path(value))
            folder, start = (path, "") if value.endswith("/") else (path.parent, path.name)
            names = sorted(p.name + "/" * p.is_dir() for p in folder.iterdir() if p.name.startswith(start))
        except OSError:
            return None
        return value + names[0][len(start) :] if names else None
