"""Layout of the explorer by the size of the terminal. Pure functions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

NARROW = 110
SMALLEST = (40, 20)
NARROW_CHROME = 5
"""Lines of a narrow screen that are neither image nor panel: title, path, legend, state, keys."""
LEAST_GROWN = 12
"""Rows of a panel that has what the others leave."""
WIDE_CHROME = 6
"""Lines of a wide screen above and below the panels: title, path with a blank line on each side, state, keys."""


@dataclass(frozen=True)
class PanelRows:
    """The rows that a panel would like; `least` and `grows` as in `vlmtui.tui.panels.panel.Panel`."""

    name: str
    wanted: int
    least: int | None = None
    grows: bool = False


@dataclass(frozen=True)
class ScreenLayout:
    """`heights` of the panels that are seen, by name; the panels' block is `width` × `height`, None: what is left."""

    narrow: bool
    too_small: bool
    heights: dict[str, int]
    width: int | None
    height: int | None


def panel_cells(columns: int) -> int:
    """How wide the panels are on a screen of `columns`, what lies around them included."""
    return columns if columns < NARROW else min(max(54, columns * 45 // 100), 74)


def grown(size: tuple[int, int], panel: PanelRows, others: Sequence[PanelRows], first: str) -> int:
    """The rows of a panel that grows on a screen of `size` (columns, rows).

    On a wide one it has what the other panels leave, of which those give way that it needs the room of, the largest
    first, unless the person has chosen one of them (`first`); below the image at most half of what there is.
    """
    columns, rows = size
    if columns < NARROW:
        return max(8, min(panel.wanted, (rows - NARROW_CHROME) // 2))
    cut = [one for one in others if one.least is not None]
    fixed = sorted(one.wanted for one in others if one.least is None)
    room = rows - WIDE_CHROME - 1 - sum(one + 1 for one in fixed[:1])
    if cut:
        return max(LEAST_GROWN, room - sum(one.wanted + 1 for one in cut))
    beside = room - sum(one + 1 for one in fixed[1:])
    chosen = any(one.name == first and one.wanted in fixed[1:] for one in others)
    least = LEAST_GROWN if chosen else max(LEAST_GROWN, panel.wanted)
    return beside if beside >= least else max(LEAST_GROWN, room)


def arrange(size: tuple[int, int], panels: Sequence[PanelRows], grid_rows: int, first: str) -> ScreenLayout:
    """Panels beside the image, or one below it where the terminal is narrow; `first` is the one that must be seen.

    `size` is (columns, rows) of the terminal, `grid_rows` are the rows of the patch grid.
    """
    columns, rows = size
    too_small = columns < SMALLEST[0] or rows < SMALLEST[1]
    there = [
        PanelRows(one.name, grown(size, one, [other for other in panels if other is not one], first))
        if one.grows
        else one
        for one in panels
    ]
    if columns < NARROW:
        spare = max(1, rows - NARROW_CHROME) - grid_rows
        grows = {one.name for one in panels if one.grows}
        wanted = next((one.wanted for one in there if one.name == first and one.name in grows), 0)
        # a small panel where that lets the image be seen whole, and in any case one that is read
        height = max(min(spare, 12) if spare >= 6 else 8, wanted)
        return ScreenLayout(True, too_small, {first: height}, None, height)
    room = max(1, rows - WIDE_CHROME)
    heights: dict[str, int] = {}
    for one in sorted(there, key=lambda one: one.name != first):
        wanted = one.wanted
        if one.least is not None and heights and room > one.least:
            # cut rather than folded away
            wanted = min(wanted, room - 1)
        # each has a blank line below it
        if wanted + 1 <= room or not heights:
            heights[one.name] = min(wanted, room)
            room -= heights[one.name] + 1
    return ScreenLayout(False, too_small, heights, panel_cells(columns), None)
