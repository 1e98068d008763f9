"""Difference of two screens: the fewest sequences that make what a terminal shows into what it should show."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from vlmtui.tui.terminal.screen_grid import TAIL, ScreenGrid

_OWN_WIDTH = 0x300, range(0x2190, 0x2800)
"""Characters whose width terminals agree on: those below the first code point, and arrows, blocks and lines."""


_ON_BLANKS = frozenset({"4", "5", "7", "9", "21", "53"})
"""Attributes that are seen on a blank: lines under, through and over it, blinking, and colours that are exchanged."""
_SHORT = 3
"""Bytes of the shortest move of the cursor to the right."""


class _Pen(NamedTuple):
    """A style in its parts; "" is the terminal's own colour."""

    attributes: frozenset[str]
    foreground: str
    background: str


def difference(shown: ScreenGrid, wanted: ScreenGrid) -> str:
    """Write the cells of `wanted` that look different in `shown`, of the same size; `shown` has them afterwards.

    Cells that were never painted are left as they are. The text begins with no assumption about the terminal's cursor
    and colours, and leaves both where the last cell put them. A blank has the colour of its background alone.
    """
    pieces: list[str] = []
    pen: _Pen | None = None
    place: tuple[int, int] | None = None
    for row in sorted(wanted.touched):
        characters, styles = wanted.characters[row], wanted.styles[row]
        for column in _changed(shown, wanted, row):
            character = characters[column]
            assert character is not None
            if place != (row, column):
                pieces.append(_unchanged(wanted, place, row, column, pen) or _move(place, row, column))
            if (needed := _needed(pen, character, styles[column])) != pen:
                pieces.append(_restyled(pen, needed))
                pen = needed
            pieces.append(character)
            after = column + 1 + (column + 1 < wanted.width and characters[column + 1] == TAIL)
            # at the right edge the cursor stays, and where the terminal may count otherwise it is not known
            place = (row, after) if after < wanted.width and _is_agreed(character) else None
        shown.characters[row], shown.styles[row] = characters[:], styles[:]
    wanted.touched.clear()
    return "".join(pieces)


def _changed(shown: ScreenGrid, wanted: ScreenGrid, row: int) -> list[int]:
    """The columns of a row to write, each the first cell of its character."""
    characters, styles = wanted.characters[row], wanted.styles[row]
    before, styles_before = shown.characters[row], shown.styles[row]
    if characters == before and styles == styles_before:
        return []
    cells = zip(characters, before, styles, styles_before, strict=True)
    return [
        column
        for column, (new, old, style, old_style) in enumerate(cells)
        if (new != old or (style != old_style and not _looks_alike(new, style, old_style)))
        and new is not None
        and new != TAIL
    ]


def _looks_alike(character: str | None, style: str, other: str) -> bool:
    return character == " " and _blank(style) is not None and _blank(style) == _blank(other)


def _needed(pen: _Pen | None, character: str, style: str) -> _Pen:
    """The pen that draws a character as the style has it, with as few changes of the present one as may be."""
    if pen is None or character != " " or (background := _blank(style)) is None:
        return _pen(style)
    return _Pen(pen.attributes - _ON_BLANKS, pen.foreground, background)


def _unchanged(wanted: ScreenGrid, place: tuple[int, int] | None, row: int, column: int, pen: _Pen | None) -> str:
    """What stands between the cursor and a column, where that is shorter than to go there; else ""."""
    if place is None or place[0] != row or not place[1] < column <= place[1] + _SHORT:
        return ""
    between = wanted.characters[row][place[1] : column]
    styles = wanted.styles[row][place[1] : column]
    if all(
        character and character.isascii() and _needed(pen, character, style) == pen
        for character, style in zip(between, styles, strict=True)
    ):
        return "".join(character for character in between if character)
    return ""


@lru_cache(maxsize=4096)
def _is_agreed(character: str) -> bool:
    below, blocks = _OWN_WIDTH
    return len(character) == 1 and (ord(character) < below or ord(character) in blocks)


def _move(place: tuple[int, int] | None, row: int, column: int) -> str:
    if place is not None and place[0] == row and place[1] < column:
        step = column - place[1]
        return "\x1b[C" if step == 1 else f"\x1b[{step}C"
    return f"\x1b[{row + 1};{column + 1}H"


@lru_cache(maxsize=1 << 16)
def _restyled(old: _Pen | None, new: _Pen) -> str:
    """The shortest SGR sequence from one pen to another; None is one that is not known."""
    parameters: list[str] = []
    if old is None or old.attributes - new.attributes:
        parameters.append("0")
        old = _Pen(frozenset(), "", "")
    parameters += sorted(new.attributes - old.attributes)
    if new.foreground != old.foreground:
        parameters.append(new.foreground or "39")
    if new.background != old.background:
        parameters.append(new.background or "49")
    return f"\x1b[{';'.join(parameters)}m" if parameters else ""


@lru_cache(maxsize=1 << 14)
def _blank(style: str) -> str | None:
    """The background of a blank in a style; None where more of the style is seen."""
    pen = _pen(style)
    return None if pen.attributes & _ON_BLANKS else pen.background


@lru_cache(maxsize=1 << 14)
def _pen(style: str) -> _Pen:
    """A style in its parts, of what Rich writes: attributes, and colours of 16, 256 or 16 million."""
    attributes: set[str] = set()
    colours = {"3": "", "4": ""}
    codes = iter(style.split(";")) if style else iter(())
    for code in codes:
        if code in ("38", "48"):
            kind = next(codes, "")
            values = [next(codes, "0") for _ in range(3 if kind == "2" else 1)]
            colours[code[0]] = ";".join([code, kind, *values])
        elif code in ("39", "49"):
            colours[code[0]] = ""
        elif code == "0":
            attributes, colours = set(), {"3": "", "4": ""}
        elif len(code) >= 2 and code[:-1] in ("3", "4", "9", "10"):
            colours["3" if code[:-1] in ("3", "9") else "4"] = code
        elif code:
            attributes.add(code)
    return _Pen(frozenset(attributes), colours["3"], colours["4"])
