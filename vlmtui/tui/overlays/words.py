"""Overlay of words: the top-1 of every entry on its patch."""

from __future__ import annotations

from dataclasses import replace

from vlmtui.display.entry_grids import EntryGrid
from vlmtui.lenses.fact_lines import top_words
from vlmtui.lenses.kinds import Words
from vlmtui.tui.overlays.drawing import TOO_SMALL_FOR_WORDS, ImageDrawing, Overlay, dim, fits_words


def draw(drawing: ImageDrawing, page: EntryGrid, result: Words) -> ImageDrawing:
    """Dim the image, and give each cell its word."""
    dim(drawing.inner)
    if not fits_words(drawing.layout):
        return replace(drawing, legend=f"{drawing.legend}: {TOO_SMALL_FOR_WORDS}")
    firsts = top_words(result)
    cells = [[""] * page.cols for _ in range(page.rows)]
    for (row, col), entry in page.entries.items():
        cells[row][col] = firsts[entry]
    return replace(drawing, words=cells)


OVERLAY = Overlay(Words, draw)
