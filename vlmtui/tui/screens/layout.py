"""Layout of the explorer by the size of the terminal: where the image and the panels stand. Pure functions.

The image is as large as it gets; the panels have the columns beside it and the rows below it that it leaves. Where it
leaves neither, it gives way to them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise, product

from vlmtui.tui.screens.packing import Area, PackedPanels, PanelRows, pack

Cells = tuple[int, int]
"""Columns and rows."""
ImageCells = Callable[[Cells], tuple[int, int, int]]
"""The cells that the image takes of a room, across and down, and across a patch: 0 where not every patch is seen."""

SMALLEST = (40, 20)
SPACIOUS = 36
"""Rows of a screen that has a blank line below the path, and between two panels."""
CHROME, CHROME_ALONE = 4, 2
"""Lines that are neither image nor panel: title, path, state, keys; only the last two where the image is alone."""
EDGE, GAP = 1, 2
"""Blank columns on both sides of the screen, and between what stands side by side."""
BESIDE, BELOW = 34, 10
"""Columns beside the image, or rows below it, in which panels are read well."""
ENOUGH = 44
"""Columns beside the image with which it is as large as it gets."""
WIDE, AMPLE, MOST_AMPLE = 110, 54, 74
"""A wide screen, and the columns beside the image that it should leave there otherwise."""
LEAST_BESIDE, LEAST_BELOW = 24, 8
"""So few will do where the image would have to be smaller otherwise."""
STRIP = 3
"""Rows below the image in which one more panel stands, where others stand beside it."""
KEPT = 0.5
"""The share of its largest area that the image should keep, and more, where panels stand beside it."""
LEAST_IMAGE = 8
"""Columns and rows that are left to the image in any case."""
LEGEND_CELLS = 36
"""Columns that the legend needs, however narrow the image."""
LEGEND_ROWS = 2
"""Lines of the legend where panels stand below it, if it needs no more."""
ACROSS = 40
"""Columns of each of several panels side by side."""
TWO_COLUMNS = ACROSS + GAP + LEAST_BESIDE
"""Columns in which panels stand side by side, some of them in as few columns as will do."""
MOSTLY = 0.75
"""The share of its area that the image keeps where it gives way to a panel that would be hidden."""


@dataclass(frozen=True)
class ScreenLayout:
    """The areas of the image's side and of the panels that are seen, counted from below the path.

    `hidden` are the panels that there is no room for.
    """

    too_small: bool
    spacious: bool
    image: Area
    panels: dict[str, Area]
    hidden: tuple[str, ...] = ()


@dataclass(frozen=True)
class Bars:
    """The lines of the image's side that are not image: the bar of `pages`, and the `legend`."""

    pages: int = 0
    legend: int = 1

    @property
    def least(self) -> int:
        """All of them."""
        return self.pages + self.legend

    @property
    def more(self) -> int:
        """Those that the legend is given where panels stand below it."""
        return max(0, LEGEND_ROWS - self.legend)


def arrange(
    size: Cells, panels: Sequence[PanelRows], image: ImageCells, bars: Bars, first: str = "", alone: bool = False
) -> ScreenLayout:
    """The image with panels beside and below it, on a screen of `size`; `first` is the panel that must be seen.

    `alone`: the image has the whole screen.
    """
    columns, rows = size
    spacious = rows >= SPACIOUS and not alone
    width, height = columns - 2 * EDGE, rows - (CHROME_ALONE if alone else CHROME + spacious)
    too_small = columns < SMALLEST[0] or rows < SMALLEST[1]
    if alone or too_small or not panels:
        return ScreenLayout(too_small, spacious, Area(EDGE, 0, max(1, width), max(1, height)), {})
    room, body = (width, height - bars.least), (width, height)
    largest = image_room(room, image, bars.more)
    side, best = _packed(body, largest, bars, panels, first, int(spacious))
    if best.hidden:
        # a panel that a person wants to see need not have its room before the main one, where others would have none
        mains = (one.name for one in panels if one.main and one.name != first)
        others = (_packed(body, largest, bars, panels, main, int(spacious)) for main in mains)
        keeping = [one for one in others if first not in one[1].hidden]
        side, best = min([(side, best), *keeping], key=lambda one: len(one[1].hidden))
    if best.hidden:
        # a little less image, where another column beside it has room for what would be hidden
        smaller = image((width - GAP - TWO_COLUMNS, room[1])) if width - GAP - TWO_COLUMNS >= LEAST_IMAGE else (0, 0, 0)
        if _cells(smaller) >= MOSTLY * _cells(largest):
            other = _packed(body, smaller[:2], bars, panels, first, int(spacious))
            side, best = min((side, best), other, key=lambda one: len(one[1].hidden))
    if best.hidden:
        other = _packed(body, largest, bars, panels, first, int(spacious), dense=True)
        side, best = min((side, best), other, key=lambda one: len(one[1].hidden))
    below = [area.y for area in best.areas.values() if area.x < EDGE + side]
    return ScreenLayout(False, spacious, Area(EDGE, 0, side, min([height, *below])), best.areas, best.hidden)


def gains_alone(size: Cells, plan: ScreenLayout, image: ImageCells, bars: Bars) -> bool:
    """Whether the image is larger on the whole screen than beside the panels of a plan, or more of it is in view."""
    whole = image((size[0] - 2 * EDGE, size[1] - CHROME_ALONE - bars.least))
    return image((plan.image.width, plan.image.height - bars.least)) != whole


def _packed(
    body: Cells, image: Cells, bars: Bars, panels: Sequence[PanelRows], first: str, gap: int, dense: bool = False
) -> tuple[int, PackedPanels]:
    """The columns of the image's side where the image has these cells, and the panels in what it leaves.

    `dense`: the legend has no more lines than it needs, and panels may stand side by side below the first.
    """
    side = max(image[0], LEGEND_CELLS)
    if body[0] - side - GAP < LEAST_BESIDE:
        side = body[0]
    rooms = list(_rooms(body, (side, image[1] + bars.least), 0 if dense else bars.more))
    if dense:
        lead = next((one for one in panels if one.name == first), panels[0])
        rooms += filter(None, [_below_lead(one, lead, gap) for one in rooms])
    packed = [pack(one, panels, first, gap) for one in rooms]
    return side, min(packed, key=lambda one: (len(one.hidden), one.cut, -one.cells if one.hidden or one.cut else 0))


def image_room(room: Cells, image: ImageCells, more: int) -> Cells:
    """The cells that the image takes of a room where panels stand beside it, or below it and `more` lines of legend."""
    whole = image(room)
    if room[0] - GAP - max(whole[0], LEGEND_CELLS) >= ENOUGH:
        return whole[:2]
    found = []
    ample = min(MOST_AMPLE, max(AMPLE, room[0] * 2 // 5))
    wide = [(ample, room[1])] if room[0] >= WIDE - 2 * EDGE else []
    for beside, below in [*wide, (BESIDE, BELOW), (LEAST_BESIDE, LEAST_BELOW)]:
        smaller = (room[0] - GAP - beside, room[1]), (room[0], room[1] - more - below)
        fits = [whole, *(image(one) for one in smaller if min(one) >= LEAST_IMAGE)]
        leaving = [
            one
            for one in fits
            if room[0] - GAP - max(one[0], LEGEND_CELLS) >= beside or room[1] - more - one[1] >= below
        ]
        if leaving:
            largest = max(leaving, key=_cells)
            found.append(largest[:2])
            if _cells(largest) > KEPT * _cells(whole) and (largest[2] or not whole[2]):
                return found[-1]
    return found[0] if found else whole[:2]


def _cells(size: Sequence[int]) -> int:
    return size[0] * size[1]


def _rooms(body: Cells, image: Cells, more: int) -> Iterator[list[Area]]:
    """The ways to divide what the image's side leaves of the body into rooms, the simplest first."""
    (width, height), (side, top) = body, image
    top += more if height - top > STRIP else 0
    beside = [[]] if side == width else list(_columns(Area(EDGE + side + GAP, 0, width - side - GAP, height)))
    below = [[]] if height - top < STRIP else [[], *_columns(Area(EDGE, top, side, height - top))]
    if side == width and below == [[]]:
        # not even that: the image and a panel share what there is
        below = [[Area(EDGE, height - LEAST_BELOW, side, LEAST_BELOW)]]
    yield from sorted((one + other for one, other in product(beside, below) if one + other), key=len)


def _below_lead(rooms: list[Area], lead: PanelRows, gap: int) -> list[Area]:
    """The first room divided: the lead across it, and two columns below; no room where they would be too narrow."""
    area, *others = rooms
    rows = max(STRIP, lead.wanted(area.width) - lead.gives(area.width))
    wide, y, height = area.width - GAP - LEAST_BESIDE, area.y + rows + gap, area.height - rows - gap
    if wide < LEAST_BESIDE or height < STRIP:
        return []
    across, left = Area(area.x, area.y, area.width, rows), Area(area.x, y, wide, height)
    return [across, left, Area(area.x + wide + GAP, y, LEAST_BESIDE, height), *others]


def _columns(area: Area) -> Iterator[list[Area]]:
    """An area whole, in two columns, in three ..., as long as each can be read; or in a column and a narrow one."""
    for many in range(1, max(1, (area.width + GAP) // (ACROSS + GAP)) + 1):
        edges = [area.x + i * (area.width + GAP) // many for i in range(many + 1)]
        yield [Area(a, area.y, b - a - GAP, area.height) for a, b in pairwise(edges)]
    if TWO_COLUMNS <= area.width < 2 * ACROSS + GAP:
        wide = area.width - GAP - LEAST_BESIDE
        narrow = Area(area.x + wide + GAP, area.y, LEAST_BESIDE, area.height)
        yield [Area(area.x, area.y, wide, area.height), narrow]
