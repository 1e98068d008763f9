"""Cells of one patch: the cursor on it, its marks, the lines that divide it. Pure functions."""

from __future__ import annotations

from typing import cast

import numpy as np
from rich.color import Color
from rich.segment import Segment
from rich.style import Style

from vlmtui.display.canvas import Pixels
from vlmtui.display.cell_layout import CellLayout
from vlmtui.display.colours import Colour, blend, contrast, ink
from vlmtui.tui.widgets.blocks import half_block

LINE_STRENGTH = 0.45
TINT = 0.6
"""The share of a mark's colour where it tints half-cells."""
LEAST_FOR_BRACKET = 3
LEAST_CONTRAST = 3.0
TALLEST_BRACKET, CORNER = 8, 2
"""Lines of a bracket without a gap, and of each of its ends with one."""


def has_bracket(layout: CellLayout, row: int) -> bool:
    """Whether the cursor is a bracket in whole cells, and not half-cells of another colour."""
    return layout.wide >= LEAST_FOR_BRACKET and len(layout.cell_rows(row)) > 0


def bracket(line: int, wide: int, tall: int) -> list[tuple[int, str]]:
    """The marks of the cursor on one line of wide × tall cells: (cell, character).

    On a tall patch they are at its corners alone, since every cell costs some forty bytes at each move.
    """
    if tall > TALLEST_BRACKET and CORNER <= line < tall - CORNER:
        return []
    if tall == 1:
        return [(0, "["), (wide - 1, "]")]
    left, right = ("┏", "┓") if line == 0 else ("┗", "┛") if line == tall - 1 else ("┃", "┃")
    return [(0, left), (wide - 1, right)]


def patch_pixels(pixels: Pixels, layout: CellLayout, row: int, col: int) -> Pixels:
    """The pixels of a patch that are in view, to be changed in place."""
    x, y, wide, high = layout.extent(row, col)
    return pixels[max(0, y) : max(0, y + high), max(0, x) : max(0, x + wide)]


def tint(pixels: Pixels, colour: Colour) -> None:
    """Tint the pixels of a marked patch in place."""
    pixels[:] = blend(pixels, np.array(colour), TINT)


def solid_colours(pixels: Pixels, accent: Colour) -> tuple[Colour, Colour]:
    """The colours of the two parts of the cursor over such pixels: the accent, which says that it is the cursor, and
    beside it black or white where the accent alone would not stand out."""
    mean = pixels.reshape(-1, 3).mean(axis=0) if pixels.size else np.zeros(3)
    return accent, accent if contrast(mean, accent) >= LEAST_CONTRAST else ink(mean)


def solid_cells(
    pixels: Pixels, layout: CellLayout, cell: tuple[int, int], line: int, accent: Colour
) -> list[tuple[int, Segment]]:
    """The cells of a line with the half-cells of a patch in the colour of the cursor: (x, cell)."""
    left, top, across, down = layout.region(*cell)
    if not top <= line < top + down:
        return []
    x0, y0, wide, high = layout.extent(*cell)
    colours = solid_colours(patch_pixels(pixels, layout, *cell), accent)

    def colour(x: int, y: int) -> Colour:
        if not y0 <= y < y0 + high:
            return cast(Colour, tuple(int(v) for v in pixels[y, x]))
        # side by side where there are two columns, else below each other
        second = 2 * (x - x0) >= wide if wide > 1 else 2 * (y - y0 + 1) > high
        return colours[second]

    return [(x, half_block(colour(x, 2 * line), colour(x, 2 * line + 1))) for x in range(left, left + across)]


def divisions(line: int, wide: int, tall: int, split: tuple[int, int]) -> list[tuple[int, str]]:
    """Thin lines on one line of wide × tall cells that divide it into `split` parts (down, across): (cell, character).

    None where the parts do not end on an edge or in the middle of a cell.
    """
    down, across = split
    if wide % across or 2 * tall % down:
        return []
    uprights = {i * wide // across for i in range(1, across)}
    level = ""
    for i in range(1, down):
        cell, half = divmod(2 * tall * i // down, 2)
        if cell == line:
            level = "─" if half else "▔"
    marks = [(x, level) for x in range(wide) if level and x not in uprights]
    return [*marks, *((x, "▏") for x in uprights)]


def divided(pixels: np.ndarray, mark: str) -> Segment:
    """A cell of two pixels [2, 3] as its mean, with a line over it that shows on it."""
    ground = tuple(int(v) for v in pixels.mean(axis=0))
    other = np.array(ink(ground))
    line = tuple(int(v) for v in np.array(ground) * (1 - LINE_STRENGTH) + other * LINE_STRENGTH)
    return Segment(mark, Style(color=Color.from_rgb(*line), bgcolor=Color.from_rgb(*ground)))
