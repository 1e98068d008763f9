"""Overlay of words: the top-1 of every entry on its patch, or where patches are too narrow its segments."""

from __future__ import annotations

from dataclasses import replace

from vlmtui.display.colours import Colour
from vlmtui.display.entry_grids import EntryGrid
from vlmtui.lenses.kinds import Words
from vlmtui.tui.overlays.drawing import ImageDrawing, Overlay, dim, fits_words
from vlmtui.tui.overlays.segments import draw_segments, of_chosen
from vlmtui.tui.state.page_words import PageWords, of_lens

AS_SEGMENTS, BRIEFLY = "as segments (z zooms in)", "as segments: "
"""How words are seen that have no room on their patches."""


def draw(drawing: ImageDrawing, page: EntryGrid, result: Words) -> ImageDrawing:
    """Draw the words that a lens found."""
    if drawing.brief and not fits_words(drawing.layout):
        drawing = replace(drawing, brief=f"{BRIEFLY}{drawing.brief}")
    return draw_words(drawing, page, of_lens(page, result, drawing.folds))


def draw_words(drawing: ImageDrawing, page: EntryGrid, found: PageWords) -> ImageDrawing:
    """Dim the image, and give each cell its word on a shade of the word's colour."""
    if not fits_words(drawing.layout):
        name, colon, rest = drawing.legend.partition(": ")
        return draw_segments(replace(drawing, legend=f"{name} {AS_SEGMENTS}{colon}{rest}"), page, found)
    dim(drawing.inner)
    segments = found.segments
    colours: dict[str, Colour] = {}
    if segments is not None:
        drawing, colours = of_chosen(drawing, segments)
        of_spelling = {found.words[row][col] or "": one.word for one in segments.segments for row, col in one.cells}
        colours |= {spelled: colours[word] for spelled, word in of_spelling.items() if word in colours}
    return replace(drawing, words=found.words, segments=segments, colours=colours)


OVERLAY = Overlay(Words, draw)
