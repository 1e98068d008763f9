"""Textual application around the explorer: themes, terminals, signals, errors, leaving."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import signal
import sys
import threading
import time
from collections.abc import Sequence
from typing import Any

from PIL import Image
from textual import on
from textual.app import App
from textual.events import Event, InputEvent, Key, MouseDown, Paste
from textual.filter import LineFilter
from textual.notifications import Notify
from textual.style import Style

from vlmtui.display.pieces import plain
from vlmtui.tui import messages
from vlmtui.tui.actions.keymap import bindings, keymap
from vlmtui.tui.actions.palette import ActionCommands
from vlmtui.tui.dialogs.palette import Palette
from vlmtui.tui.initial_selection import command_of
from vlmtui.tui.notices import KEY, REPORT, MattersOver, Notice, Notices
from vlmtui.tui.screens.explorer import Explorer
from vlmtui.tui.session_worker import SessionWorker
from vlmtui.tui.terminal.background import TerminalStart
from vlmtui.tui.terminal.driver import DifferenceDriver, driver_class
from vlmtui.tui.terminal.filters import Ascii, Perceptual256, terminal_is_utf8
from vlmtui.tui.terminal.theme import DARK_NAME, LIGHT_NAME, themes

INTERRUPTED = 130
LAST_RESORT_S = 1.0
AGAIN_S = 2.0
"""How long after a Ctrl-C that had nothing to stop another one quits."""


def _collect_less() -> None:
    """To go through all that was imported takes 50 ms, which a key press would wait for every now and then."""
    gc.freeze()
    gc.set_threshold(20_000, 20, 100)


class VlmtuiApp(App[int]):
    """The explorer on one image."""

    CSS_PATH = "app.tcss"
    TITLE = "vlmtui"
    AUTO_FOCUS = None
    BINDINGS = bindings(of_app=True)

    def __init__(self, worker: SessionWorker, picture: Image.Image, start: TerminalStart | None = None) -> None:
        """`start`: what was learnt of the terminal before; without it Textual's own driver paints."""
        super().__init__(driver_class=driver_class(start))
        self._worker = worker
        self._quits_until = 0.0
        self._tell = Notices(self.post_message)
        settings = worker.options.settings()
        self._explorer = Explorer(worker, picture, self._tell, settings)
        self.failure: Exception | None = None
        """Why the explorer was left, where nothing could be shown."""
        self.last_words: list[str] = []
        """What is to be said once the terminal is as it was: a line that is typed again must not be folded."""
        self._told_failure = False
        self._loop_of_app: asyncio.AbstractEventLoop | None = None
        self._failed_early: Exception | None = None
        worker.fail = self.fail
        for error in worker.failed:
            self.fail(error)
        self._poorer: list[LineFilter] = []
        if not terminal_is_utf8():
            self._poorer.append(Ascii())
        if self.console.color_system == "256":
            self._poorer.append(Perceptual256())
        for theme in themes():
            self.register_theme(theme)
        asked = {"light": LIGHT_NAME, "dark": DARK_NAME}.get(worker.options.theme)
        self.theme = asked or settings.theme or (LIGHT_NAME if start and start.light else DARK_NAME)
        self.set_keymap(keymap(settings.keys))

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Textual's own filters, then ours for poorer terminals."""
        return [*super().get_line_filters(), *self._poorer]

    async def on_event(self, event: Event) -> None:
        """Keys, pastes and the mouse are the explorer's dialogs' where some are open."""
        if isinstance(event, Key | MouseDown) and not event.is_forwarded:
            self._tell.over(KEY)
            if not (isinstance(event, Key) and event.key == "ctrl+c"):
                self._quits_until = 0.0
        of_person = isinstance(event, InputEvent | Paste) and not event.is_forwarded and self._explorer.is_active
        if of_person and (self._explorer.keep_early(event) or await self._explorer.dialogs.take(event)):
            return
        await super().on_event(event)

    async def on_mount(self) -> None:
        loop = self._loop_of_app = asyncio.get_running_loop()
        loop.set_exception_handler(self._failed_in_loop)
        if self._failed_early is not None:
            raise self._failed_early
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            loop.add_signal_handler(number, self._terminated, 128 + number)
        # keys that have been typed by now are for the explorer
        await self.push_screen(self._explorer)
        self.call_after_refresh(_collect_less)

    def action_leave(self) -> None:
        """Quit at once."""
        self._worker.close()
        self.exit(0)

    async def action_interrupt(self) -> None:
        """Leave a dialog; stop what goes on; where nothing does, say that another one within two seconds quits."""
        explorer, now = self._explorer, time.monotonic()
        if explorer.dialogs.top is not None:
            await explorer.dialogs.leave_top()
        elif explorer.interrupted():
            self._quits_until = 0.0
        elif now < self._quits_until or explorer.state.results.reading is None:
            self._worker.close()
            self.exit(INTERRUPTED)
        else:
            self._quits_until = now + AGAIN_S
            self._tell("Ctrl-C again, or q, quits", timeout=AGAIN_S)

    def on_notify(self, event: Notify) -> None:
        """Say a thing once: what is said again takes the place of what it was."""
        for before in list(self._notifications):
            if (before.message, before.title) == (event.notification.message, event.notification.title):
                del self._notifications[before]

    def action_command_palette(self) -> None:
        """Every action by name, over a dialog too."""
        if not isinstance(self._explorer.dialogs.top, Palette):
            commands = ActionCommands(self._explorer, Style(underline=True))
            self._explorer.dialogs.open(Palette([commands]), lambda found: found.command())

    @on(MattersOver)
    def _matters_over(self, message: MattersOver) -> None:
        """Take away what is about one of them."""
        notices = [one for one in self._notifications if isinstance(one, Notice)]
        if stale := [one for one in notices if not set(message.matters).isdisjoint(one.about)]:
            for notice in stale:
                del self._notifications[notice]
            # Textual removes the toast alone, and keeps what holds it
            for holder in self._explorer.query("ToastHolder"):
                if any(getattr(toast, "_notification", None) in stale for toast in holder.children):
                    holder.remove()
            self._refresh_notifications()

    def action_save_screen(self) -> None:
        """Save the screen as SVG in the folder one is in."""
        try:
            path = self.save_screenshot(path=".")
        except OSError as error:
            self._tell(f"the screen could not be saved here ({error.strerror})", severity="error")
        else:
            self._tell(f"saved {path}", about=(REPORT,))

    def action_redraw(self) -> None:
        """Paint all of the screen, whatever the terminal shows by now."""
        if isinstance(self._driver, DifferenceDriver):
            self._driver.forget()
        self.screen.refresh()

    def action_switch_theme(self) -> None:
        """Dark or light."""
        self.theme = LIGHT_NAME if self.current_theme.dark else DARK_NAME

    @on(messages.SessionFailed)
    def _could_not_begin(self, message: messages.SessionFailed) -> None:
        """Leave a screen that has nothing to show: the model of the command line could not be loaded."""
        if message.error is not None:
            self.failure = message.error
            self._worker.close()
            self.exit(return_code=1)

    def fail(self, error: Exception) -> None:
        """End with one sentence about an error of ours, in whatever thread it was raised."""
        if self._loop_of_app is None:
            self._failed_early = self._failed_early or error
        elif threading.get_ident() == self._thread_id:
            self._handle_exception(error)
        else:
            # the loop may have ended by itself
            with contextlib.suppress(RuntimeError):
                self._loop_of_app.call_soon_threadsafe(self._handle_exception, error)

    def _failed_in_loop(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """An error in a callback or a task of the loop, which nobody waits for."""
        if isinstance(error := context.get("exception"), Exception):
            self.fail(error)
        else:
            loop.default_exception_handler(context)

    def _fatal_error(self) -> None:
        """An error of ours: one sentence, with --debug the traceback that Textual prints; and how to go on."""
        error = sys.exc_info()[1] or self._exception
        if self._told_failure:
            self._close_messages_no_wait()
        elif self._worker.options.debug or error is None:
            super()._fatal_error()
        else:
            what = " ".join(str(error).split()) or "no more is known"
            said = f"unexpected {type(error).__name__} ({plain(what)}): --debug shows where"
            self.last_words.append(said)
            self._close_messages_no_wait()
        if not self._told_failure:
            self.last_words += self._to_see_it_again()
        self._told_failure = True

    def _to_see_it_again(self) -> list[str]:
        state = self._explorer.state
        if state.results.reading is None:
            return []
        try:
            command = command_of(state.results, state.selection, self._worker.options.query.search.metric)
        except Exception:
            # where the state is broken the error that was first is what counts
            return []
        return [f"to see it again: {plain(command)}"]

    def _terminated(self, status: int) -> None:
        self._worker.close()
        self.exit(status)
        # a terminal that has gone cannot be restored, and waiting for it would leave a process behind
        last_resort = threading.Timer(LAST_RESORT_S, os._exit, [status])
        last_resort.daemon = True
        last_resort.start()
