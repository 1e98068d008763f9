"""Driver that sends differences: of what Textual paints, only the cells that the terminal does not show already."""

from __future__ import annotations

import asyncio
import os
import select
import sys
import time
from codecs import getincrementaldecoder
from functools import partial
from typing import Any, cast

from textual._xterm_parser import XTermParser
from textual.app import App
from textual.driver import Driver
from textual.drivers._writer_thread import WriterThread
from textual.drivers.linux_driver import LinuxDriver
from textual.events import Resize
from textual.geometry import Size
from textual.message import Message

from vlmtui.tui.terminal.background import TerminalStart
from vlmtui.tui.terminal.frame_flow import FrameFlow
from vlmtui.tui.terminal.frame_reader import SYNC_BEGIN, SYNC_END, FrameReader
from vlmtui.tui.terminal.pastes import Pastes
from vlmtui.tui.terminal.replies import Replies
from vlmtui.tui.terminal.screen_grid import ScreenGrid
from vlmtui.tui.terminal.screen_shift import least_difference

QUESTION = "\x1b[6n"
"""Where is the cursor? The terminal answers when it has read all that came before."""
BELOW_FIRST_ROW = "\x1b[2H"
"""An answer with row 1 could be a function key."""
LAST_ANSWER_S = 0.5
"""How long the last answer is waited for, which would else be typed into the shell."""
BUSY_S = 0.01
"""How long a terminal that does not answer is left alone while it has not taken the frame before."""
READ_S = 0.1
SETTLED_S = 0.5
"""How long after a change of size the screen should have it."""


class DifferenceDriver(LinuxDriver):
    """Textual's driver for Linux and macOS, with a grid of what the terminal shows between the two.

    What Textual writes changes a second grid; the difference is sent as one frame, and no other until the terminal has
    answered it. Frames that are painted meanwhile only change the grid.
    """

    def __init__(self, app: App[Any], *, start: TerminalStart | None = None, **options: Any) -> None:
        super().__init__(app, **options)
        _on_terminal(self)
        self._start = start or TerminalStart()
        self._flow = FrameFlow()
        self._replies = Replies(self._answered)
        self._drawing = False
        self._timer: asyncio.TimerHandle | asyncio.Handle | None = None
        self._wanted = self._shown = ScreenGrid(0, 0)
        self._reader = FrameReader(self._wanted)
        self._cursor = (-1, -1)

    # what Textual calls

    def start_application_mode(self) -> None:
        """Take the terminal over."""
        self._fit_grids(super()._get_terminal_size())
        self.forget()
        self._drawing = True
        super().start_application_mode()  # type: ignore[no-untyped-call]
        if self._start.line is not None:
            # as it was before the background was asked for
            self.attrs_before, self._start.line = self._start.line, None

    def write(self, data: str) -> None:
        """Change the grid of what the terminal should show; what is not about cells is sent at once."""
        for sequence in self._reader.read(data):
            super().write(sequence)

    def flush(self) -> None:
        """Send what has changed as soon as the terminal can take it."""
        if self._drawing and self._timer is None:
            self._timer = self._loop.call_soon(self._send)

    def forget(self) -> None:
        """Send all cells again: the terminal may show anything."""
        self._shown = ScreenGrid(self._wanted.width, self._wanted.height)
        self._wanted.touched.update(range(self._wanted.height))
        self._cursor = (-1, -1)
        self.flush()

    def disable_input(self) -> None:
        """Stop reading, once the last answer has come."""
        self._drawing = False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        reading = self._key_thread is not None and self._key_thread.is_alive() and not self.exit_event.is_set()
        if reading and self._flow.answers and self._writer_thread is not None and self._writer_thread.is_alive():
            self._disable_mouse_support()
            self._flow.sent(0)
            super().write(f"{BELOW_FIRST_ROW}{QUESTION}")
            deadline = time.monotonic() + LAST_ANSWER_S
            while self._flow.waits_for_answer and time.monotonic() < deadline:
                time.sleep(0.002)
        super().disable_input()

    # the size

    def _get_terminal_size(self) -> tuple[int, int]:
        """Tell the size, for Textual, which asks at the start and at every change."""
        size = super()._get_terminal_size()
        self._loop.call_soon_threadsafe(self._resized, size)
        return size

    def process_message(self, message: Message) -> None:
        """Hand a message on to the app; a terminal may tell its size in one."""
        if isinstance(message, Resize):
            self._loop.call_soon_threadsafe(self._resized, (message.size.width, message.size.height))
        super().process_message(message)

    def _resized(self, size: tuple[int, int]) -> None:
        if self._fit_grids(size):
            # a size that changes there and back is no change to Textual, which would then paint nothing
            self._app.call_later(self._repaint)
        self._loop.call_later(SETTLED_S, self._check_size)
        self.forget()

    def _check_size(self) -> None:
        """Tell Textual again of a size that it missed, as it does when it is suspended at that moment."""
        size = Size(self._wanted.width, self._wanted.height)
        if self._drawing and self._app.screen_stack and self._app.screen.size != size:
            self._app.post_message(Resize(size, size))

    def _fit_grids(self, size: tuple[int, int]) -> bool:
        """Make the grids as large as the terminal; return whether they were not."""
        if size == (self._wanted.width, self._wanted.height):
            return False
        self._wanted = self._reader.grid = ScreenGrid(*size)
        return True

    def _repaint(self) -> None:
        if self._app.screen_stack:
            self._app.screen.refresh()

    # output

    def _send(self) -> None:
        self._timer = None
        if not self._drawing or self._writer_thread is None:
            return
        wait = self._flow.wait() or (0.0 if _is_idle(self._writer_thread) else BUSY_S)
        if wait:
            self._timer = self._loop.call_later(wait, self._send)
            return
        frame = least_difference(self._shown, self._wanted)
        cursor = self._wanted.row, self._wanted.column
        if frame or cursor != self._cursor:
            self._cursor = cursor
            asks = self._flow.asks
            frame += _ending(cursor, asks)
            if self._reader.synchronised:
                frame = f"{SYNC_BEGIN}{frame}{SYNC_END}"
            if asks:
                self._flow.sent(len(frame))
                self._replies.expected = True
            super().write(frame)

    def _answered(self) -> None:
        """Note an answer, in the thread that reads."""
        self._flow.answered()
        self._replies.expected = self._flow.waits_for_answer
        self._loop.call_soon_threadsafe(self._go_on)

    def _go_on(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._send()

    # input

    def run_input_thread(self) -> None:
        """Read what is typed: without the terminal's replies, and without bytes that are not UTF-8."""
        parser, pastes = XTermParser(self._debug), Pastes()
        decode = getincrementaldecoder("utf-8")(errors="ignore").decode

        def type_(data: bytes) -> None:
            if text := decode(data):
                for event in parser.feed(text):
                    self.process_message(event)

        typed, self._start.typed = self._start.typed, b""
        type_(pastes.feed(typed))
        while not self.exit_event.is_set():
            if select.select([self.fileno], [], [], READ_S)[0]:
                try:
                    data = os.read(self.fileno, 4096)
                except OSError:
                    data = b""
                if not data:
                    # the terminal has gone, or what was piped in has ended
                    break
                type_(pastes.feed(self._replies.feed(data)))
            type_(pastes.feed(self._replies.release()))
            for event in parser.tick():
                self.process_message(event)


def driver_class(start: TerminalStart | None) -> type[Driver]:
    """The driver as Textual makes one, with what was learnt of the terminal before; Textual's own where that is
    None."""
    made = _textual_driver if start is None else partial(DifferenceDriver, start=start)
    return cast("type[Driver]", made)


def _textual_driver(app: App[Any], **options: Any) -> LinuxDriver:
    """Textual's own driver, on the terminal."""
    return _on_terminal(LinuxDriver(app, **options))


def _on_terminal(driver: LinuxDriver) -> LinuxDriver:
    """Have a driver draw on standard output, the terminal; Textual draws on stderr, which may lead into a file.

    An error of the thread that reads is left to end it as any other thread, see `launch.thread_errors`: Textual would
    print its traceback, and the explorer would end with status 0.
    """
    if sys.__stdout__ is not None:
        driver._file = sys.__stdout__
    driver._run_input_thread = driver.run_input_thread  # type: ignore[method-assign]
    return driver


def _ending(cursor: tuple[int, int], asks: bool) -> str:
    """The cursor where Textual wants it, asked about below the first row: an answer with row 1 could be a key."""
    row, column = cursor
    place = f"\x1b[{row + 1};{column + 1}H"
    if not asks:
        return place
    return f"{place}{QUESTION}" if row else f"{BELOW_FIRST_ROW}{QUESTION}{place}"


def _is_idle(writer: WriterThread) -> bool:
    """Whether the kernel has taken all that was written."""
    return writer._queue.empty()
