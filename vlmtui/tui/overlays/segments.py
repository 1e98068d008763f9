"""Overlay of segments: neighbouring patches with the same top-1, each word in its colour, the large ones labelled."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from vlmtui.display.canvas import spread_to_pixels
from vlmtui.display.colours import Colour, blend, shading
from vlmtui.display.entry_grids import EntryGrid
from vlmtui.display.segment_labels import segment_labels
from vlmtui.display.word_colours import COLOUR_SHARE, GREY, GREY_SHARE
from vlmtui.display.word_segments import WordSegments
from vlmtui.tui.overlays.drawing import ImageDrawing
from vlmtui.tui.state.page_words import PageWords


def of_chosen(drawing: ImageDrawing, segments: WordSegments) -> tuple[ImageDrawing, dict[str, Colour]]:
    """A drawing that says so where one word is chosen, and the colours: of that word alone, or of all frequent ones."""
    chosen = segments.one_word(drawing.chosen)
    wanted = dict.fromkeys([*segments.frequent, *([chosen] if chosen else [])])
    colours = drawing.word_colours.give(wanted, segments.touching)
    if not chosen:
        return drawing, colours
    alone = "one word (Esc for all)"
    return replace(drawing, legend=f"{alone} · {drawing.legend}", brief=f"{alone} · {drawing.brief}"), {
        chosen: colours[chosen]
    }


def draw_segments(drawing: ImageDrawing, page: EntryGrid, found: PageWords) -> ImageDrawing:
    """Blend each word's colour with the image's brightness, and label the large segments that hold their word."""
    segments = found.segments
    if segments is None:
        there = len(page.entries)
        awaited = f"{drawing.legend}: {there - found.missing:,} of {there:,} patches ..."
        return replace(drawing, legend=awaited, brief="")
    drawing, colours = of_chosen(drawing, segments)
    table = np.array([*colours.values(), GREY], np.uint8)
    numbers = {word: number for number, word in enumerate(colours)}
    grey = len(colours)
    kinds = np.full((page.rows, page.cols), grey, np.intp)
    for one in segments.segments:
        kinds[*zip(*one.cells, strict=True)] = numbers.get(one.word, grey)
    pixels, layout = drawing.inner, drawing.layout
    which = spread_to_pixels(kinds, layout)
    under, over = shading(pixels), table[which]
    mixed = np.where((which == grey)[..., None], blend(under, over, GREY_SHARE), blend(under, over, COLOUR_SHARE))
    pixels[:] = np.where(spread_to_pixels(page.holes, layout)[..., None], pixels, mixed)
    chosen = segments.one_word(drawing.chosen)
    labelled = [one for one in segments.segments if one.word == chosen] if chosen else segments.large
    labels = tuple(segment_labels(labelled, layout))
    return replace(drawing, labels=labels, segments=segments, colours=colours)
