"""The picture as it is drawn: fitted to its place, with the overlay chosen. Arrays out; the widget paints them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vlmtui.display import canvas
from vlmtui.display.canvas import Pixels
from vlmtui.display.colours import blend, brightness, magnitudes, robust_range
from vlmtui.display.pieces import visible
from vlmtui.grid import CellLayout, fit_cells
from vlmtui.tui.view import Known, View

HEAT_SHARE = 0.7
DIMMED = 0.75


@dataclass(frozen=True)
class Drawn:
    """Pixels for the cells, one word a patch or None, and the line beneath: text, and the range of a heat map."""

    pixels: Pixels
    layout: CellLayout
    words: list[list[str]] | None
    legend: str
    scale: tuple[float, float] | None = None


def key(known: Known, view: View, place: tuple[int, int]) -> object:
    """What the drawing depends on: the same key, the same drawing."""
    reading = known.reading
    norms = view.stage if view.overlay == "norms" else known.shape(view.stage)
    book = known.book_for(view)
    words = (view.stage, view.metric, len(book.rows) if book else 0) if view.overlay == "words" else None
    return id(known.picture), reading.id if reading else "", view.overlay, norms, words, place


def draw(known: Known, view: View, place: tuple[int, int]) -> Drawn:
    """The picture for a place of `place` cells (across, down)."""
    rows, cols = known.shape(view.stage)
    size = known.image.width, known.image.height
    layout = fit_cells(place, max(rows, 1), max(cols, 1), known.grid_box(), size)
    pixels = known.canvas(layout)
    crop = "  (dimmed: not seen by the model)" if layout.left + layout.top + layout.right + layout.bottom else ""
    norms = known.norms(view.stage)
    if norms is None or view.overlay == "none":
        return Drawn(pixels, layout, None, f"overlay: none{crop}" if norms is not None else "")
    inner = canvas.inner(pixels, layout)
    pixels = pixels.copy()
    if view.overlay == "norms":
        low, high = robust_range(norms)
        heat = magnitudes(canvas.spread(norms, layout), low, high)
        pixels[inner] = blend(brightness(pixels[inner]), heat, HEAT_SHARE)
        return Drawn(pixels, layout, None, f"norm {view.stage}", (low, high))
    if view.stage != "tokens":
        return Drawn(pixels, layout, None, f"overlay: words, which {view.stage} has none of")
    pixels[inner] = (pixels[inner] * DIMMED).astype(np.uint8)
    if layout.wide < 3:
        return Drawn(pixels, layout, None, "overlay: words, too wide for these patches: enlarge the terminal")
    return Drawn(pixels, layout, _first_words(known, view, rows, cols), f"overlay: first word, {view.metric}")


def _first_words(known: Known, view: View, rows: int, cols: int) -> list[list[str]]:
    words = [[""] * cols for _ in range(rows)]
    book = known.book_for(view)
    if known.reading is not None and book is not None:
        for place in known.reading.places:
            found = book.rows.get(place.index)
            if found and place.grid == 0 and place.row is not None and place.col is not None:
                words[place.row][place.col] = visible(found[0].piece, found[0].text)
    return words
