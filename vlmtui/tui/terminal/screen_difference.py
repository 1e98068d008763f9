"""Difference of two screens: the fewest sequences that make what a terminal shows into what it should show."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from vlmtui.tui.terminal.screen_grid import TAIL, ScreenGrid

_OWN_WIDTH = 0x300, range(0x2190, 0x2800)
"""Characters whose width terminals agree on: those below the first code point, and arrows, blocks and lines."""


class _Pen(NamedTuple):
    """A style in its parts; "" is the terminal's own colour."""

    attributes: frozenset[str]
    foreground: str
    background: str


def difference(shown: ScreenGrid, wanted: ScreenGrid) -> str:
    """Write the cells of `wanted` that `shown`, of the same size, does not have; `shown` has them afterwards.

    Cells that were never painted are left as they are. The text begins with no assumption about the terminal's cursor
    and colours, and leaves both where the last cell put them.
    """
    pieces: list[str] = []
    pen: str | None = None
    place: tuple[int, int] | None = None
    for row in sorted(wanted.touched):
        characters, styles = wanted.characters[row], wanted.styles[row]
        for column in _changed(shown, wanted, row):
            character, style = characters[column], styles[column]
            assert character is not None
            if place != (row, column):
                pieces.append(_move(place, row, column))
            if style != pen:
                pieces.append(_restyled(pen, style))
                pen = style
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
        if (new != old or style != old_style) and new is not None and new != TAIL
    ]


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
def _restyled(before: str | None, after: str) -> str:
    """The shortest SGR sequence from one style to another; None is a style that is not known."""
    new = _pen(after)
    old = _Pen(frozenset(), "", "") if before is None else _pen(before)
    parameters: list[str] = []
    if before is None or old.attributes - new.attributes:
        parameters.append("0")
        old = _Pen(frozenset(), "", "")
    parameters += sorted(new.attributes - old.attributes)
    if new.foreground != old.foreground:
        parameters.append(new.foreground or "39")
    if new.background != old.background:
        parameters.append(new.background or "49")
    return f"\x1b[{';'.join(parameters)}m" if parameters else ""


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
