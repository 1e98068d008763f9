"""Drawing of the image on cells, which overlays change, and what overlays of every kind share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from vlmtui.display import canvas
from vlmtui.display.canvas import Pixels
from vlmtui.display.cell_layout import CellLayout
from vlmtui.display.colours import Colour, blend, difference_colours, shading
from vlmtui.display.entry_grids import EntryGrid
from vlmtui.display.segment_labels import SegmentLabel
from vlmtui.display.value_scale import ValueScale
from vlmtui.display.word_colours import WordColours
from vlmtui.display.word_segments import WordSegments
from vlmtui.lenses.kinds import ResultKind
from vlmtui.tui.state.page_words import RankedWord, WordGrid

HEAT_SHARE, DIFFERENCE_SHARE = 0.7, 0.85
"""Of the colour over the image; pale colours, as those of small differences are, must not look darker for the image's
sake than strong ones."""
DIMMED = 0.75
LEAST_FOR_WORDS = 4
"""Columns a patch must have for a word: three letters, and one that stays free."""

LEAST_FOR_RANKING = 8, 3
"""Columns and rows of cells that a patch must have for several words: one row stays free."""


@dataclass(frozen=True)
class ImageDrawing:
    """Pixels for the cells, one word a patch or None, and the line beneath: text, and the range of a heat map.

    `page` is what the cells are of; `split` how many vision patches (down, across) a cell of it holds; `marks` are the
    cells that are marked, `flags` the characters of those that stand out: outliers, attention sinks. The scale is
    `diverging` where it runs from below 0 to above; numbers up to the `floor` are noise. Of words, the frequent ones
    have `colours`, which `word_colours` remembers; there are `segments` as soon as all words have come, and `labels` on
    those of them that hold one; where it `folds`, the spellings of a word are one. Large patches have `ranked` words,
    several each. `brief` is the legend in fewer words, "" where it has none. `chosen` is the word that alone has a
    colour, "" for all.
    """

    pixels: Pixels
    layout: CellLayout
    words: WordGrid | None
    legend: str
    page: EntryGrid | None = None
    split: tuple[int, int] = (1, 1)
    scale: tuple[float, float] | None = None
    marks: frozenset[tuple[int, int]] = frozenset()
    flags: dict[tuple[int, int], str] = field(default_factory=dict)
    diverging: bool = False
    segments: WordSegments | None = None
    colours: dict[str, Colour] = field(default_factory=dict)
    labels: tuple[SegmentLabel, ...] = ()
    ranked: dict[tuple[int, int], tuple[RankedWord, ...]] = field(default_factory=dict)
    word_colours: WordColours = field(default_factory=WordColours)
    floor: float | None = None
    brief: str = ""
    folds: bool = False
    chosen: str = ""

    @property
    def inner(self) -> Pixels:
        """The pixels of the grid, to be changed in place."""
        return self.pixels[self.layout.grid_slices()]


@dataclass(frozen=True)
class Overlay:
    """How results of one kind lie over the image: `draw` changes the drawing's pixels, or gives another drawing."""

    kind: type[ResultKind]
    draw: Callable[[ImageDrawing, EntryGrid, Any], ImageDrawing]


def lay_heat(
    pixels: Pixels,
    page: EntryGrid,
    layout: CellLayout,
    values: np.ndarray,
    scale: tuple[float, float],
    diverging: bool = False,
    bare: bool = False,
    floor: float | None = None,
) -> None:
    """Lay values [rows, cols] over the grid's pixels, in place; the holes stay as they are, and where it is to be left
    `bare` what has no number. Numbers up to the `floor` are noise, and grey."""
    spread = canvas.spread_to_pixels(values, layout)
    there = (np.isfinite(spread) if bare else ~canvas.spread_to_pixels(page.holes, layout))[..., None]
    heat = difference_colours(spread, scale[1]) if diverging else ValueScale(*scale, floor).colours(spread)
    pixels[:] = np.where(there, blend(shading(pixels), heat, DIFFERENCE_SHARE if diverging else HEAT_SHARE), pixels)


def fits_words(layout: CellLayout) -> bool:
    """Whether a patch has the columns for a word, and a row of cells wholly inside it."""
    return layout.wide >= LEAST_FOR_WORDS and all(layout.cell_rows(row) for row in range(layout.rows))


def fits_ranking(layout: CellLayout) -> bool:
    """Whether a patch has the room for several words and the score of the first."""
    return layout.wide >= LEAST_FOR_RANKING[0] and len(layout.cell_rows(0)) >= LEAST_FOR_RANKING[1]


def has_glyph(layout: CellLayout, row: int) -> bool:
    """Whether a mark or flag of a patch is a character in a whole cell, and not a tint of half-cells."""
    return layout.wide > 1 and len(layout.cell_rows(row)) > 0


def dim(pixels: Pixels) -> None:
    """Dim pixels in place, for words over them."""
    pixels[:] = (pixels * DIMMED).astype(np.uint8)
