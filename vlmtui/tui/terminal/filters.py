"""Filters for terminals with 256 colours, matched perceptually, and for locales that are not UTF-8."""

from __future__ import annotations

import os
from functools import lru_cache

from rich.color import Color as RichColor
from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.filter import LineFilter

from vlmtui.display.colours import xterm_number
from vlmtui.display.pieces import ascii_only, width

HALF_BLOCKS = "▀▄"
# one cell each, where the look-alikes of reports are wider or too heavy for a screen
ONE_CELL = {"→": ">", "━": "=", "─": "-", "▁": "_", "▂": "_", "▃": "_"}
# what Python itself puts into LC_CTYPE where it cannot use the locale (PEP 538)
COERCED = ("c.utf-8", "c.utf8", "utf-8")


class Perceptual256(LineFilter):
    """Truecolor to the xterm colour that looks nearest; rich's own rule crushes dark colours to black."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """The same segments in 256 colours."""
        return [Segment(text, _style_256(style) if style else None, control) for text, style, control in segments]


@lru_cache(maxsize=1 << 14)
def _style_256(style: Style) -> Style:
    return style + Style(color=_colour_256(style.color), bgcolor=_colour_256(style.bgcolor))


def _colour_256(colour: RichColor | None) -> RichColor | None:
    if colour is None or colour.triplet is None:
        return colour
    return RichColor.from_ansi(xterm_number((colour.triplet.red, colour.triplet.green, colour.triplet.blue)))


class Ascii(LineFilter):
    """Every character as ASCII of the same width; a cell of two pixels becomes one pixel of their mean."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """The same segments without a character beyond ASCII."""
        return [segment if segment.text.isascii() else _ascii(segment) for segment in segments]


@lru_cache(maxsize=1 << 14)
def _ascii(segment: Segment) -> Segment:
    text, style, control = segment
    if style and set(text) <= set(HALF_BLOCKS):
        return Segment(" " * len(text), Style(bgcolor=_mean(style.color, style.bgcolor)), control)
    return Segment("".join(_same_width(c) for c in text), style, control)


def _same_width(character: str) -> str:
    if character.isascii():
        return character
    if character in ONE_CELL:
        return ONE_CELL[character]
    cells, letters = width(character), ascii_only(character)
    # part of a code point's name, such as the U of U+2603, would be read as a letter
    return (letters if len(letters) <= cells else "").ljust(cells, "?")


def _mean(one: RichColor | None, other: RichColor | None) -> RichColor | None:
    if one is None or other is None or one.triplet is None or other.triplet is None:
        return other or one
    return RichColor.from_rgb(*((a + b) // 2 for a, b in zip(one.triplet, other.triplet, strict=True)))


def terminal_is_utf8() -> bool:
    """Whether the locale says UTF-8, or says nothing: terminals without a word about it are UTF-8 today."""
    for name in ("LC_ALL", "LC_CTYPE", "LANG"):
        value = os.environ.get(name, "").lower()
        if not value or (name == "LC_CTYPE" and value in COERCED and "." in os.environ.get("LANG", "")):
            continue
        return "utf-8" in value or "utf8" in value
    return True
