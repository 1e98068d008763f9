"""`ansi`: the image in coloured half-blocks for a terminal (`cat`), overlaid with words or colours.

Escape sequences only set colours, and every line ends by resetting them.
"""

from __future__ import annotations

import math
import shutil
from collections.abc import Iterable, Iterator
from functools import lru_cache

import numpy as np
from PIL import Image

from vlmtui.display.canvas import Pixels, draw_image, half_block, spread_to_pixels
from vlmtui.display.cell_layout import CellLayout, fit_cells
from vlmtui.display.cells import fit, width
from vlmtui.display.colours import Colour, blend, ink, shading, xterm_number
from vlmtui.display.entry_grids import EntryGrid, ReadingGrids
from vlmtui.display.pieces import isolate
from vlmtui.display.value_scale import ValueScale
from vlmtui.errors import UsageError
from vlmtui.query.drawing_options import HEAT, LAYERS, NORMS
from vlmtui.query.options import Query
from vlmtui.reading import of_patches
from vlmtui.reports.formats.parts.lens_values import lens_line
from vlmtui.reports.image_report import ImageReport
from vlmtui.reports.images import layout as paper
from vlmtui.reports.images.content import ReportDrawing
from vlmtui.reports.per_image import ImageFailure
from vlmtui.reports.select.rows import ReportRows

COLUMNS = 80
_TALLEST = 500
_SHARE = 0.72
_DIM = 0.62
_RESET = "\x1b[0m"
_LEAST = 3
"""Cells that a patch needs to show a word."""

Written = tuple[str, Colour]
Over = dict[int, dict[int, Written]]
"""Characters and their colours, by line and by cell; a wide character is followed by an empty cell."""


def check_drawing(query: Query) -> None:
    """Raise `UsageError` for a drawing that cells cannot show."""
    show = query.output.drawing.show
    if show in (LAYERS, NORMS):
        raise UsageError(f"ansi draws words or heat: leave --draw {show} out, or choose --format png")


def write_ansi(results: Iterable[ReportDrawing | ImageFailure], query: Query, several: bool) -> Iterator[str]:
    """Write the images one after the other, as they are computed."""
    first = True
    for result in results:
        if isinstance(result, ReportDrawing):
            yield ("" if first else "\n") + "".join(f"{line}\n" for line in cell_lines(result))
            first = False


def cell_lines(drawing: ReportDrawing) -> Iterator[str]:
    """Lines of every grid of the stage, below a heading."""
    report = drawing.report
    columns = report.query.output.drawing.size or _columns()
    grids = ReadingGrids(report.reading)
    pages = [page for page in (grids.patches if of_patches(report.stage) else grids.tokens) if page.grid is not None]
    if not pages:
        raise UsageError(
            report.reading.placeless or f"{report.stage} has no position in the image: choose --format text"
        )
    default_name = "L2 norms" if drawing.show == HEAT else "top-1 words"
    value_name = lens_line(report) if report.overlay is not None else default_name
    note = _noise_note(report) if drawing.show == HEAT else ""
    heading = " · ".join(
        filter(None, (paper.image_name(report), report.stage, note, value_name, paper.model_name(report)))
    )
    yield isolate(fit(heading, min(columns, width(heading))))
    for page in pages:
        if len(pages) > 1:
            yield page.name
        yield from _page(drawing, page, columns)


def _page(drawing: ReportDrawing, page: EntryGrid, columns: int) -> Iterator[str]:
    report = drawing.report
    image = Image.fromarray(drawing.rgb)
    x0, y0, x1, y1 = page.box
    # as many lines as the aspect ratio needs at this width, plus a few to choose from
    max_lines = min(_TALLEST, max(page.rows, math.ceil(0.65 * columns * (y1 - y0) / (x1 - x0)) + 2))
    layout = fit_cells((columns, max_lines), page.rows, page.cols, page.box, image.size)
    pixels = draw_image(image, layout, page.box, page.holes)
    area = layout.grid_slices()
    characters: Over = {}
    if drawing.show == HEAT:
        pixels[area] = _heat(pixels[area], layout, page, report)
    else:
        pixels[area] = (pixels[area] * _DIM).astype(np.uint8)
        characters = _words(pixels, layout, page, report)
    for y in range(layout.height):
        yield _line(pixels[2 * y], pixels[2 * y + 1], characters.get(y, {}), report.query.output.drawing.deep)


def _heat(pixels: Pixels, layout: CellLayout, page: EntryGrid, report: ImageReport) -> Pixels:
    """Pixels of the grid, coloured where an entry is reported."""
    entries_shown = list(report.entries)
    overlay = report.overlay
    entry_values = (overlay.numbers if overlay is not None else report.norms)[entries_shown]
    entries = np.full((len(report.reading.places_at(report.stage)), 3), np.nan)
    entries[entries_shown] = (
        overlay.painted(entry_values, overlay.scale(entry_values))
        if overlay is not None
        else ValueScale.of(entry_values).colours(entry_values)
    )
    cells = spread_to_pixels(page.spread(entries), layout)
    return np.where(np.isfinite(cells), blend(shading(pixels), np.nan_to_num(cells), _SHARE), pixels)


def _noise_note(report: ImageReport) -> str:
    """What the map says of noise; "" where none is known."""
    if report.overlay is None:
        return ""
    entry_values = report.overlay.numbers[list(report.entries)]
    return report.overlay.scale(entry_values).note(entry_values)


def _words(pixels: Pixels, layout: CellLayout, page: EntryGrid, report: ImageReport) -> Over:
    """The top-1 word of every patch, on its middle line; the last cell stays free."""
    characters: Over = {}
    if layout.wide < _LEAST:
        return characters
    first_words = dict(zip(report.entries, ReportRows(report).texts("word"), strict=True))
    for (row, col), entry in page.entries.items():
        word = first_words.get(entry)
        x, y, region_width, region_height = layout.region(row, col)
        y += (region_height - 1) // 2
        fitted_word = fit(word, min(width(word), region_width - 1), cut="") if word else ""
        # one text colour for the whole word
        colour = ink(pixels[2 * y : 2 * y + 2, x : x + max(1, width(fitted_word))].mean(axis=(0, 1)))
        for character in fitted_word:
            num_cells = width(character)
            if num_cells:
                characters.setdefault(y, {})[x] = character, colour
                characters[y] |= {x + 1: ("", colour)} if num_cells == 2 else {}
                x += num_cells
    return characters


def _line(upper: Pixels, lower: Pixels, characters: dict[int, Written], deep: bool) -> str:
    """One line of cells: two pixels each, or a character on their mean colour."""
    parts: list[str] = []
    previous_colours: tuple[Colour | None, Colour] | None = None
    for x, (top, bottom) in enumerate(zip(upper.tolist(), lower.tolist(), strict=True)):
        fore: Colour | None
        character, fore = characters.get(x, (None, None))
        if character is None:
            character, fore, back = half_block(tuple(top), tuple(bottom))
        else:
            back = tuple((a + b) // 2 for a, b in zip(top, bottom, strict=True))
        if (fore, back) != previous_colours:
            parts.append(_coloured(fore, back, deep))
            previous_colours = fore, back
        parts.append(character)
    return "".join(parts) + _RESET


@lru_cache(maxsize=1 << 16)
def _coloured(fore: Colour | None, back: Colour, deep: bool) -> str:
    def colour_code(ground: int, colour: Colour) -> str:
        return f"{ground};2;{colour[0]};{colour[1]};{colour[2]}" if deep else f"{ground};5;{xterm_number(colour)}"

    return f"\x1b[{colour_code(38, fore)};{colour_code(48, back)}m" if fore else f"\x1b[{colour_code(48, back)}m"


def _columns() -> int:
    """Width of the terminal: `COLUMNS` if it is set, 80 if the width is unknown."""
    return max(1, shutil.get_terminal_size((COLUMNS, 24)).columns)
