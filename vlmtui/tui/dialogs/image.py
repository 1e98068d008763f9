"""Dialog that opens another image, with a preview of the file that is named so far."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from pathlib import Path
from typing import TypeVar

from rich_pixels import Pixels
from textual.timer import Timer
from textual.widgets import Static

from vlmtui.errors import UsageError, VlmtuiError
from vlmtui.files import expand_path
from vlmtui.images.decoding import preview as reduced
from vlmtui.images.image_file import read_source
from vlmtui.images.paths import local_name
from vlmtui.tui.dialogs.text import PathSuggester, TextDialog

_Opened = TypeVar("_Opened")
PREVIEW = (48, 24)
"""Pixels across and down, two a cell."""
PREVIEW_S = 0.2
"""How long after the last key a file is read."""
LARGEST = 64 << 20
"""Bytes of a file that is read for a preview."""


def ask_image(open_it: Callable[[str], Future[_Opened]]) -> TextDialog[_Opened]:
    """A path or an address; the dialog stays until the image has been opened."""

    def read(text: str) -> Awaitable[_Opened]:
        if not text:
            raise UsageError("name an image, or leave with Escape")
        if text == "-":
            raise UsageError("- is standard input, which is the keyboard here: name a file or an address")
        return asyncio.wrap_future(open_it(text))

    below = ImagePreview()
    hint = "a path or an http(s) address · → takes the suggestion"
    return TextDialog(
        "Open an image",
        hint,
        read,
        suggester=PathSuggester(),
        waiting="opening the image …",
        below=below,
        changed=below.look_at,
    )


class ImagePreview(Static):
    """The image file that is named so far, small; nothing where there is none."""

    def __init__(self) -> None:
        super().__init__(classes="preview")
        self.display = False
        self._later: Timer | None = None
        self._shown = ""

    def look_at(self, name: str) -> None:
        """Show a file soon."""
        if self._later is not None:
            self._later.stop()
        self._later = self.set_timer(PREVIEW_S, lambda: self._read(name))

    def _read(self, name: str) -> None:
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
        if name == self._shown and self.is_mounted:
            self.update(found or "")
            self.display = found is not None


def preview(name: str) -> Pixels | None:
    """A file of this disk as half cells; None for what is no image, or too large, or elsewhere."""
    try:
        name = local_name(name)
        path = Path(expand_path(name))
        if not name or "://" in name or not path.is_file() or path.stat().st_size > LARGEST:
            return None
        image = read_source(str(path))
        picture = reduced(image.data, image.source, PREVIEW)
    except (OSError, ValueError, VlmtuiError):
        return None
    # two rows a cell
    rows = max(2, picture.height - picture.height % 2)
    pixels: Pixels = Pixels.from_image(picture, resize=(picture.width, rows))
    return pixels
