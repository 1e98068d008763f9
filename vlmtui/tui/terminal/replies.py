"""Replies of a terminal, taken out of what the person types before either can be mistaken for the other."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

KEY_S = 0.1
"""How long the beginning of a sequence is held back, so that Escape alone acts soon."""
REPLY_S = 1.0
"""How long it is held back where it can only be the beginning of a reply, or one is expected."""
LONGEST = 4096
"""Bytes of a reply; what goes on longer was none."""
_POSITION = re.compile(rb"\x1b\[(\d+);(\d+)R")
_REPLY = re.compile(
    rb"\x1b\[(?:[2-9]|\d\d+);\d+R"  # the cursor's position: in row 1 it would be a function key
    rb"|\x1b\[[?>=][\d;]*c|\x1b\[\??[\d;]+n"  # what the terminal is, how it is
    rb"|\x1b\]\d+;[^\x07\x1b]*(?:\x07|\x1b\\)"  # a colour, the clipboard
    rb"|\x1b[P_^][^\x07\x1b]*\x1b\\"  # a setting, a name, a picture protocol
)
_BEGINNING = re.compile(
    rb"\x1b(?:\[(?:[?>=]?[\d;]*\$?)?)?\Z|\x1b\](?:\d+(?:;[^\x07\x1b]*\x1b?)?)?\Z|\x1b[P_^][^\x07\x1b]*\x1b?\Z"
)
_ONLY_A_SEQUENCE = re.compile(rb"\x1b\[[?>=]?\d|\x1b\]\d|\x1b[P_^]..")
BACKGROUND = re.compile(rb"\x1b\]11;rgba?:([0-9a-fA-F]{1,4})/([0-9a-fA-F]{1,4})/([0-9a-fA-F]{1,4})")


class Replies:
    """Bytes from a terminal, without its replies, which may come in parts. `clock` gives seconds."""

    def __init__(self, answered: Callable[[], None], clock: Callable[[], float] = time.monotonic) -> None:
        self._answered, self._clock = answered, clock
        self._held = b""
        self._held_since = 0.0
        self.expected = False
        """Whether a reply is on its way."""

    def feed(self, data: bytes) -> bytes:
        """Take bytes; return those that are no reply. `answered` is called for each position of the cursor."""
        data = self._held + data
        kept = _REPLY.sub(self._note, data)
        beginning = _BEGINNING.search(kept, max(0, len(kept) - LONGEST))
        held = kept[beginning.start() :] if beginning else b""
        if held != self._held:
            self._held_since = self._clock()
        self._held = held
        return kept[: len(kept) - len(held)]

    def rest(self) -> bytes:
        """What is held back, whatever it is."""
        held, self._held = self._held, b""
        return held

    def release(self) -> bytes:
        """What has been held back for long enough: no reply has come of it."""
        if not self._held or self._clock() - self._held_since < self._patience:
            return b""
        held, self._held = self._held, b""
        return held

    @property
    def _patience(self) -> float:
        return REPLY_S if self.expected or _ONLY_A_SEQUENCE.match(self._held) else KEY_S

    def _note(self, reply: re.Match[bytes]) -> bytes:
        if _POSITION.fullmatch(reply[0]):
            self._answered()
        return b""
