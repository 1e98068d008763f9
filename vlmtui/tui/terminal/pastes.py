"""Pasted text without control characters: an escape in it would end the paste, and what follows would act as keys."""

from __future__ import annotations

import re

BEGIN, END = b"\x1b[200~", b"\x1b[201~"
_CONTROLS = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
"""All but tabs and ends of lines."""


class Pastes:
    """Bytes as they are typed, those of a bracketed paste without its control characters.

    The marks of a paste must come whole: `Replies`, which is before it, holds back the beginning of a sequence.
    """

    def __init__(self) -> None:
        self._pasting = False

    def feed(self, data: bytes) -> bytes:
        """Take bytes, and return them cleaned."""
        cleaned = b""
        while data:
            mark = END if self._pasting else BEGIN
            before, found, data = data.partition(mark)
            cleaned += (_CONTROLS.sub(b"", before) if self._pasting else before) + found
            if found:
                self._pasting = not self._pasting
        return cleaned
