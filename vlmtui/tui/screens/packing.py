"""Packing of panels into the rooms that the image leaves. Pure functions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Area:
    """A rectangle of cells."""

    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True)
class PanelRows:
    """The rows that a panel would like in so many columns; the others as in `vlmtui.tui.panels.panel.Panel`."""

    name: str
    wanted: Callable[[int], int]
    least: Callable[[int], int] | None = None
    grows: bool = False
    main: bool = False
    columns: int = 0
    gives: Callable[[int], int] = lambda cells: 1


@dataclass(frozen=True)
class PackedPanels:
    """The areas of the panels that have found room, and the names of those that have not.

    `cut` of them have fewer columns or rows than they would like.
    """

    areas: dict[str, Area]
    hidden: tuple[str, ...]
    cut: int

    @property
    def cells(self) -> int:
        """The cells that the panels have together."""
        return sum(area.width * area.height for area in self.areas.values())


def pack(rooms: Sequence[Area], panels: Sequence[PanelRows], first: str, gap: int) -> PackedPanels:
    """Panels in rooms, each in the first that it fits, best in one that is wide enough; `gap` blank lines between two.

    `first` is the panel that has its room before the others, and as much of it as it would like, or the few rows less
    that it gives; where they would not all fit, the others are cut to what they need at least. In each room they
    stand in the order of `panels`, and what is left goes to one that grows.
    """
    order = sorted(panels, key=lambda one: one.name != first)
    for frugal in (False, True):
        stacks: list[list[PanelRows]] = [[] for _ in rooms]
        hidden = []
        for panel in order:
            lead = panel is order[0]
            # where none is wide enough, in the first
            for room, stack in sorted(zip(rooms, stacks, strict=True), key=lambda one: one[0].width < panel.columns):
                used = sum(_least(one, room, frugal, one is order[0]) + gap for one in stack)
                if used + _least(panel, room, frugal, lead) <= room.height:
                    stack.append(panel)
                    break
            else:
                hidden.append(panel.name)
        if not hidden:
            break
    areas: dict[str, Area] = {}
    for room, stack in zip(rooms, stacks, strict=True):
        least = {one.name: _least(one, room, frugal, one is order[0]) for one in stack}
        areas |= _stacked(room, sorted(stack, key=panels.index), least, gap, order[0].name)
    cut = [
        one.name
        for one in panels
        if one.name in areas
        and (areas[one.name].width < one.columns or areas[one.name].height < one.wanted(areas[one.name].width))
    ]
    return PackedPanels(areas, tuple(one.name for one in panels if one.name in hidden), len(cut))


def _least(panel: PanelRows, room: Area, frugal: bool, lead: bool) -> int:
    """The rows that a panel must have in a room."""
    wanted = panel.wanted(room.width)
    least = min(wanted, panel.least(room.width)) if panel.least and frugal else wanted
    return min(max(least, wanted - panel.gives(room.width)), room.height) if lead else least


def _stacked(room: Area, stack: Sequence[PanelRows], least: dict[str, int], gap: int, lead: str) -> dict[str, Area]:
    """One below the other: each has its least rows, then what it would like, the lead first; the rest goes to the last
    that grows."""
    rows = dict(least)
    left = room.height - sum(rows.values()) - gap * (len(stack) - 1)
    for panel in sorted(stack, key=lambda one: (one.name != lead, one.grows)):
        more = min(left, max(0, panel.wanted(room.width) - rows[panel.name]))
        rows[panel.name] += more
        left -= more
    if growing := next((panel.name for panel in reversed(stack) if panel.grows), ""):
        rows[growing] += left
    areas, y = {}, room.y
    for panel in stack:
        areas[panel.name] = Area(room.x, y, room.width, rows[panel.name])
        y += rows[panel.name] + gap
    return areas
