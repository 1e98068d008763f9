"""Overlay of colours, or of principal components as colours."""

from __future__ import annotations

import numpy as np

from vlmtui.display import canvas
from vlmtui.display.colours import blend, component_colours, rgb_colours, shading
from vlmtui.display.entry_grids import EntryGrid
from vlmtui.lenses.kinds import Colours
from vlmtui.tui.overlays.drawing import ImageDrawing, Overlay

COLOUR_SHARE = 0.8


def draw(drawing: ImageDrawing, page: EntryGrid, result: Colours) -> ImageDrawing:
    """Blend the colours with the image's brightness."""
    pixels = drawing.inner
    spread = canvas.spread_to_pixels(page.spread(result.values), drawing.layout)
    there = np.isfinite(spread).all(axis=-1, keepdims=True)
    laid = component_colours(spread) if result.signed else rgb_colours(spread)
    pixels[:] = np.where(there, blend(shading(pixels), laid, COLOUR_SHARE), pixels)
    return drawing


OVERLAY = Overlay(Colours, draw)
