"""Text on terminal cells: its width, and cutting or padding it to a width.

Widths are those of rich (`rich.cells.cell_len`), which Textual uses for layout. Of 25,135 non-ASCII pieces shown by
tmux 3, 608 were wider there: those with spacing marks of Indic scripts (category Mc), on whose width terminals
disagree. They are shown as text all the same, since a code point in every Hindi word would help nobody.
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
    """The width of a text in terminal cells."""
    return cell_len(text)


def is_mark(c: str) -> bool:
    """Whether the character is a combining mark, drawn on the one before it."""
    return unicodedata.category(c) in _MARK_CATEGORIES


@lru_cache(maxsize=1 << 14)
def is_unsafe(c: str) -> bool:
    """Whether a character controls the terminal, reorders the row, is invisible, or has no reliable width.

    Combining marks are safe as long as there is a letter to carry them.
    """
    category = unicodedata.category(c)
    if category in _UNSAFE_CATEGORIES:
        return True
    if category == "Zs":
        return c != " "
    # terminals disagree on the width that these give the character before them
    if c in "\ufe0e\ufe0f\u034f" or "\U0001f1e6" <= c <= "\U0001f1ff" or "\U0001f3fb" <= c <= "\U0001f3ff":
        return True
    if category in _MARK_CATEGORIES:
        return "VARIATION SELECTOR" in unicodedata.name(c, "")
    return cell_len(c) == 0 or c == "\u2800" or "FILLER" in unicodedata.name(c, "")


def isolate(text: str) -> str:
    """Surround right-to-left text with left-to-right marks, which have no width, so that it does not reorder its row.

    Marks are used instead of isolates (FSI, PDI) because terminals that reorder support them and others draw no box.
    """
    return f"{_LRM}{text}{_LRM}" if _RTL.search(text) else text


@lru_cache(maxsize=1 << 15)
def fit(text: str, cells: int, align: Align = "left", cut: str = ELLIPSIS) -> str:
    """Cut or pad `text` to exactly `cells` cells, isolated where it runs right to left.

    Cut text ends in `cut`, of one cell or none. Double-width characters and letters with marks are never split.
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
    """The longest prefix of `text` within `cells` cells, and its width."""
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
    "▼": "v",
    "°": "*",
    "±": "+-",
    "−": "-",
    "λ": "lambda",
    "√": "sqrt",
    "‹": "<",
    "›": ">",
    "≥": ">=",
    "≤": "<=",
    "²": "2",
    "’": "'",
    "“": '"',
    "”": '"',
    _LRM: "",
}


def ascii_only(text: str) -> str:
    """Convert to ASCII for a terminal or file that is not UTF-8: look-alikes for drawn symbols, code points otherwise.

    Some look-alikes are wider (`→` becomes `->`), so translate before measuring.
    """
    return text if text.isascii() else "".join(_ascii_char(c) for c in text)


def _ascii_char(c: str) -> str:
    if c.isascii():
        return c
    if (known := _ASCII.get(c)) is not None:
        return known
    if "▀" <= c <= "▟":  # the other block elements
        return "#" if c > "▃" else "-"
    if "─" <= c <= "╿":
        return "+"
    return f"U+{ord(c):04X}"
