"""The picture as it is drawn: fitted to its place, with the overlay chosen. Arrays out; the widget paints them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from vlmtui.display import canvas
from vlmtui.display.canvas import Pixels
from vlmtui.display.colours import blend, components, differences, magnitudes, rgb, robust_range, shading
from vlmtui.display.pages import EntryGrid
from vlmtui.display.pieces import visible
from vlmtui.geometry import CellLayout, fit_cells
from vlmtui.lenses.facts import first_words
from vlmtui.lenses.kinds import Colours, Scalars, Words
from vlmtui.tui import answered, exiting, valued
from vlmtui.tui.marks import marked
from vlmtui.tui.path import ANSWER, PIXELS, llm_depth, of_tokens
from vlmtui.tui.valuing import lens_of, overlay_lens, shown
from vlmtui.tui.view import NONE, NORMS, WORDS, Known, View

HEAT_SHARE = 0.7
COLOUR_SHARE = 0.8
DIMMED = 0.75
LEAST_FOR_WORDS = 3
"""Cells a patch must have for a word."""


@dataclass(frozen=True)
class Drawn:
    """Pixels for the cells, one word a patch or None, and the line beneath: text, and the range of a heat map.

    `page` is what the cells are of; `split` how many vision patches (down, across) a cell of it holds; `marks` are the
    cells that are marked, `sinks` those that draw attention whatever is said. The scale is `diverging` where it runs
    from below 0 to above.
    """

    pixels: Pixels
    layout: CellLayout
    words: list[list[str]] | None
    legend: str
    page: EntryGrid | None = None
    split: tuple[int, int] = (1, 1)
    scale: tuple[float, float] | None = None
    marks: frozenset[tuple[int, int]] = frozenset()
    sinks: frozenset[tuple[int, int]] = frozenset()
    diverging: bool = False


def key(known: Known, view: View, place: tuple[int, int]) -> object:
    """What the drawing depends on: the same key, the same drawing."""
    page, book = known.page(view), known.book_for(view)
    words = None
    if view.overlay == WORDS and page is not None and book is not None:
        # words that arrive for other pages change nothing here
        words = view.order, sum(known.token_of(view.stage, entry) in book.rows for entry in page.entries.values())
    values: object = known.unusable.get(view.overlay)
    if (choice := overlay_lens(view, known)) is not None:
        lens = lens_of(view, known)
        # what is found of one entry after the other is drawn beside the picture
        found = None if choice.of_single else id(shown(view, known))
        values = found, lens is None, lens is not None and (view.stage, lens) in known.refused, choice
    if view.stage == ANSWER:
        values = answered.key(known, view)
    # without an overlay, all stages of one grid look the same
    stage = (view.stage, known.layers is None, view.projected) if view.overlay != NONE or view.stage == ANSWER else ""
    return (
        id(known.picture),
        known.atlas,
        known.shown(view),
        page,
        stage,
        view.overlay,
        words,
        values,
        view.marks,
        place,
    )


def draw(known: Known, view: View, place: tuple[int, int]) -> Drawn:
    """The picture for a place of `place` cells (across, down)."""
    drawn, page = _draw(known, view, place), known.page(view)
    if page is None or page is not drawn.page or not view.marks:
        return drawn
    here = frozenset(marked(view, known))
    return replace(drawn, marks=frozenset(cell for cell, entry in page.entries.items() if entry in here))


def _draw(known: Known, view: View, place: tuple[int, int]) -> Drawn:
    page, walked, norms = known.shown(view), known.page(view), known.norms_at(view.stage)
    size = known.image.width, known.image.height
    box = page.box if page else (0.0, 0.0, float(size[0]), float(size[1]))
    if page is None or walked is not page:
        # no cells to walk: the picture as large as it gets
        layout = fit_cells(place, 1, 1, box, size)
        return Drawn(known.canvas(layout, box), layout, None, _without_cells(known, view), page)
    split = page.split if of_tokens(view.stage) else (1, 1)
    layout = fit_cells(place, page.rows, page.cols, box, size, split)
    pixels = known.canvas(layout, box, page.holes)
    if view.stage == ANSWER:
        return _of_answer(known, view, page, Drawn(pixels, layout, None, "", page, split))
    if view.overlay == NONE:
        return Drawn(pixels, layout, None, f"overlay: none{_dimmed(page, layout)}", page, split)
    inner = canvas.inner(pixels, layout)
    pixels = pixels.copy()
    if view.overlay == NORMS:
        if norms is None:
            why = "have none of" if view.stage == PIXELS else "has none of yet"
            return Drawn(pixels, layout, None, f"overlay: norms, which {view.stage} {why}", page, split)
        # one scale for all pages, so that they can be compared
        low, high = robust_range(norms.values)
        _heat(pixels[inner], page, layout, page.spread(norms.values), (low, high))
        return Drawn(pixels, layout, None, f"norm {view.stage}", page, split, (low, high))
    if overlay_lens(view, known) is not None:
        return _of_lens(known, view, page, Drawn(pixels, layout, None, "", page, split))
    if view.overlay != WORDS:
        return Drawn(pixels, layout, None, valued.awaited(known, view), page, split)
    projected = exiting.title(known, view)
    if not (of_tokens(view.stage) or projected):
        has = "have" if view.stage == PIXELS else "has"
        through = "; e: early exit" if exiting.possible(known, view) else ""
        return Drawn(pixels, layout, None, f"overlay: words, which {view.stage} {has} none of{through}", page)
    pixels[inner] = (pixels[inner] * DIMMED).astype(np.uint8)
    if layout.wide < LEAST_FOR_WORDS:
        return Drawn(
            pixels, layout, None, "overlay: words, too wide for these patches: enlarge the terminal", page, split
        )
    layer = llm_depth(view.stage)
    lens = view.metric if layer is None else f"logit lens of layer {layer}"
    legend = f"overlay: first word, {lens}{f', {projected}' if projected else ''}"
    return Drawn(pixels, layout, _first_words(known, view, page), legend, page, split)


def _of_lens(known: Known, view: View, page: EntryGrid, drawn: Drawn) -> Drawn:
    """What a lens found, by its kind; over the pixels, which are changed. Kinds that are no overlay stand beside."""
    found = shown(view, known)
    legend, scale = valued.legend(known, view, found)
    drawn = replace(drawn, legend=legend, scale=scale)
    if found is None:
        return drawn
    pixels, layout = drawn.pixels[canvas.inner(drawn.pixels, drawn.layout)], drawn.layout
    match found.result:
        case Scalars():
            if scale is not None:
                _heat(pixels, page, layout, page.spread(found.numbers), scale, bare=True)
        case Colours() as colours:
            spread = canvas.spread(page.spread(colours.values), layout)
            there = np.isfinite(spread).all(axis=-1, keepdims=True)
            laid = components(spread) if colours.signed else rgb(spread)
            pixels[:] = np.where(there, blend(shading(pixels), laid, COLOUR_SHARE), pixels)
        case Words():
            pixels[:] = (pixels * DIMMED).astype(np.uint8)
            if layout.wide < LEAST_FOR_WORDS:
                return replace(drawn, legend=f"{legend}: too wide for these patches: enlarge the terminal")
            return replace(drawn, words=_lens_words(page, found.result))
    return drawn


def _lens_words(page: EntryGrid, words: Words) -> list[list[str]]:
    """The first word of every entry on its cell."""
    firsts = first_words(words)
    cells = [[""] * page.cols for _ in range(page.rows)]
    for (row, col), entry in page.entries.items():
        cells[row][col] = firsts[entry]
    return cells


def _of_answer(known: Known, view: View, page: EntryGrid, bare: Drawn) -> Drawn:
    """The picture with what an answer looked at, or depends on."""
    found = answered.numbers(known, view)
    legend = answered.legend(known, view, found)
    if found is None:
        return replace(bare, legend=legend)
    pixels = bare.pixels.copy()
    inner = canvas.inner(pixels, bare.layout)
    _heat(pixels[inner], page, bare.layout, page.spread(found.values), found.scale, found.diverging)
    sinks = frozenset(cell for cell, entry in page.entries.items() if found.sinks is not None and found.sinks[entry])
    return replace(bare, pixels=pixels, legend=legend, scale=found.scale, sinks=sinks, diverging=found.diverging)


def _heat(
    pixels: Pixels,
    page: EntryGrid,
    layout: CellLayout,
    values: np.ndarray,
    scale: tuple[float, float],
    diverging: bool = False,
    bare: bool = False,
) -> None:
    """Lay values [rows, cols] over the grid's pixels, in place; the holes stay as they are, and where it is to be left
    `bare` what has no number."""
    spread = canvas.spread(values, layout)
    there = (np.isfinite(spread) if bare else ~canvas.spread(page.holes, layout))[..., None]
    heat = differences(spread, scale[1]) if diverging else magnitudes(spread, *scale)
    pixels[:] = np.where(there, blend(shading(pixels), heat, HEAT_SHARE), pixels)


def _dimmed(page: EntryGrid, layout: CellLayout) -> str:
    """What is dark on the picture, and why."""
    why = []
    if layout.left + layout.top + layout.right + layout.bottom:
        # around a tile is what other tiles see
        tile = page.grid is not None and page.grid.kind == "tile"
        why.append("outside this tile" if tile else "not seen by the model")
    if page.holes.any():
        why.append("cut away")
    return f"  (dimmed: {', '.join(why)})" if why else ""


def _without_cells(known: Known, view: View) -> str:
    """Why nothing lies over the picture."""
    if known.reading is None:
        return ""
    if page := known.page(view):
        return f"{page.name}: no place in the picture"
    why = known.reading.model.wordless if view.stage == ANSWER or of_tokens(view.stage) else ""
    return f"{view.stage}: " + (why or "nothing to walk here")


def _first_words(known: Known, view: View, page: EntryGrid) -> list[list[str]]:
    words = [[""] * page.cols for _ in range(page.rows)]
    book = known.book_for(view)
    if known.reading is not None and book is not None:
        for (row, col), entry in page.entries.items():
            token = known.token_of(view.stage, entry)
            if token is not None and (found := book.rows.get(token)):
                words[row][col] = visible(found[0].piece, found[0].text)
    return words
