"""Image with its overlay, fitted to the room there is. Arrays out; the widget paints them."""

from __future__ import annotations

from dataclasses import replace

from vlmtui.display import canvas
from vlmtui.display.cell_layout import CellLayout, fit_patches, in_window
from vlmtui.display.colours import robust_range
from vlmtui.display.entry_grids import EntryGrid
from vlmtui.display.pieces import plain
from vlmtui.geometry import Box
from vlmtui.lenses.kinds import Scalars, Words
from vlmtui.results.hub_words import HUB_MARK
from vlmtui.tui.overlays import legend as valued
from vlmtui.tui.overlays.drawing import ImageDrawing, fits_ranking, fits_words, has_glyph, lay_heat
from vlmtui.tui.overlays.registry import OVERLAYS
from vlmtui.tui.overlays.segments import draw_segments
from vlmtui.tui.overlays.sought_word import FIRST, listing, only_listed
from vlmtui.tui.overlays.words import BRIEFLY, draw_words
from vlmtui.tui.state import early_exit
from vlmtui.tui.state.answer_values import answer_drawing_key, answer_legend, answer_values
from vlmtui.tui.state.lens_values import noise_floor_at, overlay_call, overlay_lens, shown_result, value_refused
from vlmtui.tui.state.marks import marked_entries
from vlmtui.tui.state.page_words import hub_that_gives_way, of_lens, page_words, ranked_words
from vlmtui.tui.state.results import Results
from vlmtui.tui.state.selection import NONE, NORMS, SEGMENTS, WORDS, Selection
from vlmtui.tui.state.stages import ANSWER, PIXELS, llm_depth, of_tokens

NO_OVERLAY, OFFERED, OF_ALL_STAGES = "overlay: none", "o lays one over the image", "V: by stage"
VOTED = "neighbours' vote"
"""How segments of a lens come by their words; the others have the top-1 of each patch."""
SINK = "×"
"""The mark of an attention sink on its patch."""


def layout_of(
    results: Results, selection: Selection, place: tuple[int, int], before: CellLayout | None = None
) -> CellLayout:
    """Where the image lies in a place of `place` cells (across, down); `before` is the layout that was seen."""
    page, size = results.shown(selection), (results.image.width, results.image.height)
    box = _box(results, page)
    if page is None or results.page(selection) is not page:
        # no cells to walk: the image as large as it gets
        return fit_patches(place, 1, 1, box, size)
    if selection.as_seen:
        # patches are square, and there is nothing but what the model is given
        down, across = page.split
        size = page.cols * across, page.rows * down
        box = 0.0, 0.0, float(size[0]), float(size[1])
    fitted = fit_patches(place, page.rows, page.cols, box, size, _split(selection, page), selection.zoom)
    return in_window(fitted, place, (selection.row, selection.col), before)


def _box(results: Results, page: EntryGrid | None) -> Box:
    return page.box if page else (0.0, 0.0, float(results.image.width), float(results.image.height))


def _split(selection: Selection, page: EntryGrid) -> tuple[int, int]:
    return page.split if of_tokens(selection.stage) else (1, 1)


def drawing_key(results: Results, selection: Selection, layout: CellLayout) -> object:
    """What the drawing depends on: the same key, the same drawing."""
    page, table = results.page(selection), results.word_table(selection)
    words = None
    if selection.overlay in (WORDS, SEGMENTS) and page is not None and table is not None:
        # words that arrive for other pages change nothing here
        words = (
            selection.order,
            selection.folds,
            sum(results.token_of(selection.stage, entry) in table.rows for entry in page.entries.values()),
            sum(map(len, table.rows.values())) if fits_ranking(layout) else 0,
            selection.k,
        )
    values: object = results.unusable.get(selection.overlay)
    if (choice := overlay_lens(selection, results)) is not None:
        lens = overlay_call(selection, results)
        # what is found of one entry after the other is drawn beside the image
        found = None if choice.of_single else id(shown_result(selection, results))
        refused = lens is not None and bool(value_refused(selection, results))
        listed = listing(results, selection, page) if page is not None else None
        values = found, lens is None, refused, choice, noise_floor_at(selection, results), selection.folds, listed
    if selection.stage == ANSWER:
        values = answer_drawing_key(results, selection)
    # without an overlay, all stages of one grid look the same
    stage = (
        (selection.stage, results.layers is None, selection.projected)
        if selection.overlay != NONE or selection.stage == ANSWER
        else ""
    )
    return (
        id(results.picture),
        results.grids,
        results.shown(selection),
        page,
        stage,
        selection.overlay,
        selection.word,
        words,
        values,
        selection.marks,
        layout,
    )


def draw_overlay(results: Results, selection: Selection, layout: CellLayout) -> ImageDrawing:
    """The image on a layout of `layout_of`."""
    drawn, page = _draw(results, selection, layout.full), results.page(selection)
    if layout.shrunk is not None:
        drawn = _averaged(drawn, layout)
    if page is None or page is not drawn.page or not selection.marks:
        return drawn
    here = frozenset(marked_entries(selection, results))
    return replace(drawn, marks=frozenset(cell for cell, entry in page.entries.items() if entry in here))


def _averaged(drawn: ImageDrawing, layout: CellLayout) -> ImageDrawing:
    """A drawing of single patches as a layout that was shrunk has room for: averages, and nothing that is written."""
    pixels = canvas.averaged(drawn.pixels[: layout.full.half_rows], (layout.width, layout.half_rows))
    return replace(drawn, pixels=pixels, layout=layout, words=None, labels=(), ranked={})


def _draw(results: Results, selection: Selection, layout: CellLayout) -> ImageDrawing:
    page, norms = results.shown(selection), results.norms_at(selection.stage)
    box = _box(results, page)
    if page is None or results.page(selection) is not page:
        return ImageDrawing(results.canvas(layout, box), layout, None, _without_cells(results, selection), page)
    split = _split(selection, page)
    pixels = results.canvas(layout, box, page.holes)
    if selection.stage == ANSWER:
        return _of_answer(results, selection, page, ImageDrawing(pixels, layout, None, "", page, split))
    if selection.overlay == NONE:
        bare, dimmed = ImageDrawing(pixels, layout, None, "", page, split), _dimmed(page, layout)
        return replace(bare, legend=f"{NO_OVERLAY}; {OFFERED}{dimmed}", brief=f"{NO_OVERLAY}{dimmed}")
    inner = layout.grid_slices()
    pixels = pixels.copy()
    if selection.overlay == NORMS:
        if norms is None:
            why = "have none of" if selection.stage == PIXELS else "has none of yet"
            return ImageDrawing(pixels, layout, None, f"overlay: norms, which {selection.stage} {why}", page, split)
        # one scale for all pages, so that they can be compared
        low, high = robust_range(norms.values)
        lay_heat(pixels[inner], page, layout, page.spread(norms.values), (low, high))
        brief = valued.norm_legend(norms, selection.stage, has_glyph(layout, 0))
        flags = {cell: norms.marks[entry] for cell, entry in page.entries.items() if entry in norms.marks}
        drawn = ImageDrawing(pixels, layout, None, f"{brief} · {OF_ALL_STAGES}", page, split, (low, high), flags=flags)
        return replace(drawn, brief=brief)
    if overlay_lens(selection, results) is not None:
        return _of_lens(results, selection, page, ImageDrawing(pixels, layout, None, "", page, split))
    if selection.overlay not in (WORDS, SEGMENTS):
        return ImageDrawing(pixels, layout, None, valued.awaited_legend(results, selection), page, split)
    return _of_words(results, selection, page, ImageDrawing(pixels, layout, None, "", page, split))


def _of_words(results: Results, selection: Selection, page: EntryGrid, drawn: ImageDrawing) -> ImageDrawing:
    """The words that the metric found, or their segments."""
    projected = early_exit.early_exit_title(results, selection)
    found = page_words(results, selection, page)
    if found is None:
        has = "have" if selection.stage == PIXELS else "has"
        through = "; e: projector lens" if early_exit.has_early_exit(results, selection) else ""
        return replace(drawn, legend=f"overlay: {selection.overlay}, which {selection.stage} {has} none of{through}")
    layer = llm_depth(selection.stage)
    lens = selection.metric if layer is None else f"logit lens of layer {layer}"
    several = selection.overlay == WORDS and fits_ranking(drawn.layout)
    top = f"top {min(selection.k, len(drawn.layout.cell_rows(0)) - 1)}" if several else "top-1"
    by = f"{lens}{f', {projected}' if projected else ''}"
    brief = f"{top} of each patch, {by}"
    legend = f"{selection.overlay}: {brief}"
    if selection.overlay == WORDS and not fits_words(drawn.layout):
        brief = f"{BRIEFLY}{top}, {by}"
    drawn = replace(drawn, legend=legend, brief=brief, word_colours=results.word_colours, chosen=selection.word)
    if selection.overlay == SEGMENTS:
        return draw_segments(drawn, page, found)
    drawn = draw_words(drawn, page, found)
    if not several:
        return drawn
    rows, cols = drawn.layout.in_view()
    ranked = ranked_words(results, selection, page, ((row, col) for row in rows for col in cols))
    return replace(drawn, ranked=ranked)


def _of_lens(results: Results, selection: Selection, page: EntryGrid, drawn: ImageDrawing) -> ImageDrawing:
    """What a lens found, by its kind; over the pixels, which are changed. Kinds that are no overlay stand beside."""
    found = shown_result(selection, results)
    legend, brief, scale = valued.lens_legend(results, selection, found)
    floor = noise_floor_at(selection, results)
    drawn = replace(drawn, legend=legend, brief=brief, scale=scale, word_colours=results.word_colours, floor=floor)
    drawn = replace(drawn, folds=selection.folds, chosen=selection.word)
    if found is None:
        return drawn
    choice = overlay_lens(selection, results)
    if selection.overlay == SEGMENTS and isinstance(found.result, Words) and choice is not None:
        if not choice.built_in:
            brief = f"top-1 of each patch, {plain(choice.name)}"
            drawn = replace(drawn, legend=f"{SEGMENTS}: {brief}", brief=brief)
            return draw_segments(drawn, page, of_lens(page, found.result, selection.folds))
        metric = f", {selection.metric}" if llm_depth(selection.stage) is None else ""
        name, brief = f"{SEGMENTS}: {found.call.name} ({VOTED}){metric}", f"{VOTED}{metric}"
        words = of_lens(page, found.result, selection.folds)
        if left := hub_that_gives_way(results, selection, page, words):
            name, brief = (f"{said}, {left}{HUB_MARK} gives way" for said in (name, brief))
        if words.segments and words.segments.frequent:
            return draw_segments(replace(drawn, legend=f"{name} · {found.note}", brief=brief), page, words)
        none = ": none; m: top-1"
        return draw_segments(replace(drawn, legend=f"{name}{none}", brief=f"{brief}{none}"), page, words)
    overlay = next((one for one in OVERLAYS if one.kind is type(found.result)), None)
    if overlay is None:
        return drawn
    result, listed = found.result, listing(results, selection, page)
    if floor is not None and listed is not None and isinstance(result, Scalars):
        result = only_listed(result, page, listed.cells, floor)
    drawn = overlay.draw(drawn, page, result)
    if listed is None or not all(has_glyph(drawn.layout, row) for row in range(drawn.layout.rows)):
        return drawn
    return replace(drawn, flags=dict.fromkeys(listed.first, FIRST))


def _of_answer(results: Results, selection: Selection, page: EntryGrid, bare: ImageDrawing) -> ImageDrawing:
    """The image with what an answer looked at, or depends on."""
    found = answer_values(results, selection)
    legend = answer_legend(results, selection, found)
    if found is None:
        return replace(bare, legend=legend)
    drawn = replace(bare, pixels=bare.pixels.copy(), legend=legend, brief=found.brief)
    drawn = replace(drawn, scale=found.scale, diverging=found.diverging)
    lay_heat(drawn.inner, page, bare.layout, page.spread(found.values), found.scale, found.diverging)
    if found.sinks is None:
        return drawn
    return replace(drawn, flags={cell: SINK for cell, entry in page.entries.items() if found.sinks[entry]})


def _dimmed(page: EntryGrid, layout: CellLayout) -> str:
    """What is dark on the image, and why."""
    why = []
    if layout.left + layout.top + layout.right + layout.bottom:
        # around a tile is what other tiles see
        tile = page.grid is not None and page.grid.kind == "tile"
        why.append("outside this tile" if tile else "not seen by the model")
    if page.holes.any():
        why.append("cut away")
    return f"  (dimmed: {', '.join(why)})" if why else ""


def _without_cells(results: Results, selection: Selection) -> str:
    """Why nothing lies over the image."""
    if results.reading is None:
        return ""
    if page := results.page(selection):
        return f"{page.name}: no place in the image"
    why = results.reading.model.wordless if selection.stage == ANSWER or of_tokens(selection.stage) else ""
    return f"{selection.stage}: " + (why or "no cursor here")
