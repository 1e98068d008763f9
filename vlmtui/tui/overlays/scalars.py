"""Overlay of numbers: a heat map."""

from __future__ import annotations

from vlmtui.display.entry_grids import EntryGrid
from vlmtui.lenses.kinds import Scalars
from vlmtui.tui.overlays.drawing import ImageDrawing, Overlay, lay_heat


def draw(drawing: ImageDrawing, page: EntryGrid, result: Scalars) -> ImageDrawing:
    """Lay the numbers over the image on the drawing's scale."""
    if drawing.scale is not None:
        values = page.spread(result.values)
        lay_heat(drawing.inner, page, drawing.layout, values, drawing.scale, bare=True, floor=drawing.floor)
    return drawing


OVERLAY = Overlay(Scalars, draw)
