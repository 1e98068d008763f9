"""Launch of the explorer: what must happen before Textual is imported."""

from __future__ import annotations

import contextlib
import io
import os
import sys
import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from vlmtui.tui.options import ExplorerOptions
from vlmtui.tui.terminal.background import BackgroundQuestion
from vlmtui.tui.terminal.driver_choice import chosen_driver

if TYPE_CHECKING:
    from PIL import Image

    from vlmtui.tui.session_worker import SessionWorker

COLOUR_SYSTEMS = {"truecolor": "truecolor", "256": "256"}


def run(options: ExplorerOptions) -> int:
    """Open the explorer and return its exit status. The image is decoded first: a bad one never opens a screen."""
    # a driver that is not known is said before anything has begun
    chosen_driver()

    from PIL import Image

    picture = Image.fromarray(options.query.read.decode(options.image).rgb)
    if options.color in COLOUR_SYSTEMS:
        # read by Textual as it is imported
        os.environ["TEXTUAL_COLOR_SYSTEM"] = COLOUR_SYSTEMS[options.color]
    # what a key changes is painted with the next frame: of 60 a second it would wait 8 ms on average
    os.environ.setdefault("TEXTUAL_FPS", "120")
    if isinstance(sys.__stdout__, io.TextIOWrapper):
        # what a locale cannot say must not crash the screen
        sys.__stdout__.reconfigure(errors="replace")

    from vlmtui.tui.session_worker import SessionWorker

    worker = SessionWorker(options)
    with thread_errors(lambda error: worker.fail(error)), contextlib.closing(worker):
        # first of all: the session imports torch while Textual is imported here; ssh may have to ask for a password
        worker.start(may_ask=True)

        # ssh has its password by now: the terminal's answer cannot be taken for it
        return show(worker, picture)


def show(worker: SessionWorker, picture: Image.Image) -> int:
    """Run the explorer on a worker that has started, by the driver that was chosen; return its exit status."""
    with BackgroundQuestion() if chosen_driver() == "differences" else contextlib.nullcontext() as question:
        from vlmtui.tui.app import VlmtuiApp

        app = VlmtuiApp(worker, picture, question.answer() if question else None)
        status = app.run()
    for sentence in app.last_words:
        print(f"vlmtui: {sentence}", file=sys.stderr, flush=True)
    if app.failure is not None:
        raise app.failure
    if app.last_words and not status:
        return 1
    return status if status is not None else (app.return_code or 0)


@contextlib.contextmanager
def thread_errors(fail: Callable[[Exception], object]) -> Iterator[None]:
    """Give errors that end a thread to `fail`: printed, they would be lost in the screen."""

    def failed(ended: threading.ExceptHookArgs) -> None:
        if isinstance(ended.exc_value, Exception):
            fail(ended.exc_value)
        else:
            before(ended)

    before, threading.excepthook = threading.excepthook, failed
    try:
        yield
    finally:
        threading.excepthook = before
