"""Text on terminal cells: how wide it is, and cutting it to a width.

Widths are rich's (`rich.cells.cell_len`), which Textual lays out by. Of 25,135 pieces that are not ASCII, shown by
tmux 3, 608 were wider there: the ones with spacing marks of Indic scripts (category Mc), on whose width terminals
disagree. They are shown as they are read, for a code point in every Hindi word would help nobody.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Literal

from rich.cells import cell_len

Align = Literal["left", "right", "center"]

ELLIPSIS = "…"
_LRM = "\N{LEFT-TO-RIGHT MARK}"
_RTL = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff\U00010800-\U00010fff\U0001e800-\U0001efff]")
_PLAIN_ASCII = re.compile(r"[ -~]*\Z")

_UNSAFE_CATEGORIES = frozenset(("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"))
_MARK_CATEGORIES = frozenset(("Mn", "Me", "Mc"))


def width(text: str) -> int:
    """Terminal cells across."""
    return cell_len(text)


def is_mark(c: str) -> bool:
    """Whether the character is drawn on the one before it."""
    return unicodedata.category(c) in _MARK_CATEGORIES


@lru_cache(maxsize=1 << 14)
def is_unsafe(c: str) -> bool:
    """Whether a character commands the terminal, turns the row around, cannot be seen, or has no width to rely on.

    Marks are not: what matters with them is whether there is a letter to carry them.
    """
    category = unicodedata.category(c)
    if category in _UNSAFE_CATEGORIES:
        return True
    if category == "Zs":
        return c != " "
    # terminals disagree on the width of what these make of the character before them
    if c in "\ufe0e\ufe0f\u034f" or "\U0001f1e6" <= c <= "\U0001f1ff" or "\U0001f3fb" <= c <= "\U0001f3ff":
        return True
    if category in _MARK_CATEGORIES:
        return "VARIATION SELECTOR" in unicodedata.name(c, "")
    return cell_len(c) == 0 or c == "\u2800" or "FILLER" in unicodedata.name(c, "")


def isolate(text: str) -> str:
    """Keep right-to-left text from reordering its row: left-to-right marks around it, which have no width.

    Marks and not isolates (FSI, PDI): terminals that reorder know the marks, and the others draw no box for them.
    """
    return f"{_LRM}{text}{_LRM}" if _RTL.search(text) else text


@lru_cache(maxsize=1 << 15)
def fit(text: str, cells: int, align: Align = "left", cut: str = ELLIPSIS) -> str:
    """`text` cut or padded to exactly `cells` cells, isolated where it runs right to left.

    What is cut ends in `cut`, one cell or none. No double-width character is split, no mark parted from its letter.
    """
    if cells <= 0:
        return ""
    if _PLAIN_ASCII.match(text):
        taken = text if len(text) <= cells else text[: cells - len(cut)] + cut
        return _pad(taken, len(taken), cells, align)
    text = "".join("\N{REPLACEMENT CHARACTER}" if is_unsafe(c) else c for c in text if c != _LRM)
    total = cell_len(text)
    if total > cells:
        text, total = _cut(text, cells - len(cut))
        text, total = text + cut, total + len(cut)
    return _pad(isolate(text), total, cells, align)


def _cut(text: str, cells: int) -> tuple[str, int]:
    """The longest beginning of `text` within `cells` cells, and its width."""
    used = 0
    for i, c in enumerate(text):
        wide = cell_len(c)
        if used + wide > cells:
            return text[:i], used
        used += wide
    return text, used


def _pad(text: str, used: int, cells: int, align: Align) -> str:
    spare = cells - used
    if align == "right":
        return " " * spare + text
    if align == "center":
        return " " * (spare // 2) + text + " " * (spare - spare // 2)
    return text + " " * spare


_ASCII = {
    "·": ".",
    "–": "-",
    "—": "-",
    "─": "-",
    "│": "|",
    "…": "~",
    "→": "->",
    "←": "<-",
    "↑": "^",
    "↓": "v",
    "×": "x",
    "‿": "+",
    "␣": "_",
    "⏎": "\\n",
    "⇥": "\\t",
    "∅": "0",
    "█": "#",
    "▓": "#",
    "▒": "+",
    "░": ".",
    "●": "*",
    "▲": "^",
    "≥": ">=",
    "≤": "<=",
    "²": "2",
    "’": "'",
    "“": '"',
    "”": '"',
    _LRM: "",
}


def ascii_only(text: str) -> str:
    """`text` for a terminal or file that is not UTF-8: look-alikes for what we draw, code points for the rest.

    Some look-alikes are wider (`→` becomes `->`): translate before measuring.
    """
    return text if text.isascii() else "".join(_ascii_char(c) for c in text)


def _ascii_char(c: str) -> str:
    if c.isascii():
        return c
    if (known := _ASCII.get(c)) is not None:
        return known
    if "▀" <= c <= "▟":  # what is left of the block elements
        return "#" if c > "▃" else "-"
    if "─" <= c <= "╿":
        return "+"
    return f"U+{ord(c):04X}"
