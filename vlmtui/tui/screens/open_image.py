"""Dialog that opens another image, with a preview of the file that is named so far."""

from __future__ import annotations

import contextlib
import threading
from pathlib import Path

from PIL import Image
from rich_pixels import Pixels
from textual import on
from textual.timer import Timer
from textual.widgets import Input, Static

from vlmtui.errors import UsageError, VlmtuiError
from vlmtui.files import expand_path
from vlmtui.image import MAX_PIXELS, decode, read_source
from vlmtui.tui.screens.dialogs import PathSuggester, TextDialog

PREVIEW = (48, 24)
"""Pixels across and down, two a cell."""
PREVIEW_S = 0.2
"""How long after the last key a file is read."""
LARGEST = 64 << 20
"""Bytes of a file that is read for a preview."""


class OpenImage(TextDialog[str]):
    """A path or an address."""

    def __init__(self) -> None:
        hint = "a path or an http(s) address · → takes what is suggested"
        super().__init__("Another picture", hint, _named, "", PathSuggester())
        self._later: Timer | None = None
        self._shown = ""

    @on(Input.Changed)
    def _changed(self, event: Input.Changed) -> None:
        if self._later is not None:
            self._later.stop()
        name = event.value.strip()
        self._later = self.set_timer(PREVIEW_S, lambda: self._look_at(name))

    def _look_at(self, name: str) -> None:
        """Read the file in a thread; the latest named wins."""
        self._later = None
        self._shown = name

        def work() -> None:
            found = preview(name)
            # the dialog may have been left
            with contextlib.suppress(RuntimeError):
                self.app.call_from_thread(self._show, name, found)

        threading.Thread(target=work, name="preview", daemon=True).start()

    def _show(self, name: str, found: Pixels | None) -> None:
        if name != self._shown or not self.is_mounted:
            return
        for before in self.query(".preview"):
            before.remove()
        if found is not None:
            self.query_one(".dialog").mount(Static(found, classes="preview"), after=".dialog-hint")


def preview(name: str) -> Pixels | None:
    """A file of this disk as half cells; None for what is no image, or too large, or elsewhere."""
    path = Path(expand_path(name))
    try:
        if not name or "://" in name or not path.is_file() or path.stat().st_size > LARGEST:
            return None
        image = read_source(str(path))
        picture = Image.fromarray(decode(image.data, image.source, MAX_PIXELS).rgb)
    except (OSError, ValueError, VlmtuiError):
        return None
    picture.thumbnail(PREVIEW)
    # two rows a cell
    rows = max(2, picture.height - picture.height % 2)
    pixels: Pixels = Pixels.from_image(picture, resize=(picture.width, rows))
    return pixels


def _named(text: str) -> str:
    if not text:
        raise UsageError("name a picture, or leave with Escape")
    if text == "-":
        raise UsageError("- is standard input, and that is the keyboard here: name a file or an address")
    return text
