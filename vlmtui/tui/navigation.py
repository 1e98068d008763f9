"""Navigation over the cells of a page, from page to page, along the path. Selections in, selections out.

What stays under the cursor is a point of the image, `Selection.spot`: whoever goes from the whole view to a tile, or
from tokens to finer vision patches, and back, is where they were.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from vlmtui.display.cell_layout import FIT, ZOOMS
from vlmtui.display.entry_grids import EntryGrid
from vlmtui.errors import UsageError
from vlmtui.reading import default_stage
from vlmtui.tui.state.patch_facts import pixel_under
from vlmtui.tui.state.results import Results
from vlmtui.tui.state.selection import Selection
from vlmtui.tui.state.stages import PIXELS


def fit_selection(selection: Selection, results: Results) -> Selection:
    """`selection` with a stage that the model has, a page that the stage has, and the cursor on an entry of it."""
    if results.reading is None:
        return selection
    there = results.stages
    stage = selection.stage if selection.stage in there else default_stage(results.reading.model)
    selection = replace(selection, stage=stage)
    pages = results.pages(stage)
    page = results.page(selection) or _default(pages)
    if page is None:
        return replace(selection, row=0, col=0)
    row, col = min(max(selection.row, 0), page.rows - 1), min(max(selection.col, 0), page.cols - 1)
    if (row, col) not in page.entries:
        row, col = page.nearest_cell(row + 0.5, col + 0.5)
    return replace(selection, grid=page.id, row=row, col=col)


def move_cursor(selection: Selection, results: Results, rows: int, cols: int) -> Selection:
    """By rows and columns within the page; the edges hold, and cells that the model cut away are stepped over."""
    page = results.page(selection)
    if page is None:
        return selection
    if selection.pixel is not None and selection.stage == PIXELS:
        return _move_pixel(selection, results, rows, cols)
    row, col = selection.row + rows, selection.col + cols
    while 0 <= row < page.rows and 0 <= col < page.cols:
        if (row, col) in page.entries:
            return place_cursor(selection, row, col)
        row, col = row + _sign(rows), col + _sign(cols)
    if abs(rows) + abs(cols) > 1:
        # a step too long ends at the last entry there is in its direction
        return move_cursor(selection, results, rows - _sign(rows), cols - _sign(cols))
    return selection


def _move_pixel(selection: Selection, results: Results, rows: int, cols: int) -> Selection:
    """The pixel cursor by rows and columns, over a patch's edge into the next patch; at the grid's edge it stays."""
    assert results.reading is not None
    size = results.reading.patch_size
    row, col = pixel_under(selection, size)
    over, within = zip(
        *(divmod(at + step, span) for at, step, span in zip((row, col), (rows, cols), size, strict=True)), strict=True
    )
    if any(over):
        moved = move_cursor(replace(selection, pixel=None), results, *over)
        if (moved.row, moved.col) == (selection.row, selection.col):
            return selection
        selection = moved
    return replace(selection, pixel=within)


def place_cursor(selection: Selection, row: int, col: int) -> Selection:
    """The cursor put on a cell: from now on that is the spot."""
    return replace(selection, row=row, col=col, spot=None)


def to_column(selection: Selection, results: Results, last: bool) -> Selection:
    """To the first or the last entry of the row."""
    page = results.page(selection)
    columns = [col for row, col in page.entries if row == selection.row] if page else []
    return place_cursor(selection, selection.row, max(columns) if last else min(columns)) if columns else selection


def step_stage(selection: Selection, results: Results, step: int) -> Selection:
    """The view `step` stages along the path, the cursor on the same part of the image; the ends hold."""
    if results.reading is None:
        return selection
    there = results.stages
    stage = there[min(max(there.index(selection.stage) + step, 0), len(there) - 1)]
    return at_stage(selection, results, stage)


def at_stage(selection: Selection, results: Results, stage: str) -> Selection:
    """The view at a stage, on the same page where the stage has it, the cursor on the same part of the image."""
    selection = with_spot(selection, results)
    after = replace(selection, stage=stage)
    page = results.page(after) or _alike(selection, results, results.pages(stage))
    return fit_selection(_on(after, page), results) if page else fit_selection(after, results)


def step_page(selection: Selection, results: Results, step: int) -> Selection:
    """The view `step` pages on, round and round, the cursor on the same part of the image, or as near as there is."""
    pages = results.pages(selection.stage)
    here = results.page(selection)
    if here is None or len(pages) < 2:
        return selection
    return at_page(selection, results, pages[(pages.index(here) + step) % len(pages)])


def zoom(selection: Selection, results: Results, step: int, shrinks: bool = False) -> Selection:
    """One step closer (1) or further away (-1), around the cursor; the ends hold.

    A finer page that shows the same part of the image comes before the enlargement, so that a tile is a step of the
    zoom; where all of it `shrinks` to be in view, single patches do.
    """
    here = results.page(selection)
    if here is None or here.grid is None:
        return selection
    if selection.zoom == FIT or (selection.zoom == ZOOMS[0] and step > 0):
        spotted = with_spot(selection, results)
        beside = _next_page(here, results.pages(selection.stage), spotted.spot, step)
        if beside is not None:
            return _on(spotted, beside)
    ladder = FIT, *(ZOOMS if shrinks or selection.zoom == ZOOMS[0] else ZOOMS[1:])
    at = ladder.index(selection.zoom) + step
    return replace(selection, zoom=ladder[min(max(at, 0), len(ladder) - 1)])


def _next_page(
    here: EntryGrid, pages: Iterable[EntryGrid], spot: tuple[float, float] | None, step: int
) -> EntryGrid | None:
    """The next finer page that shows a spot of the image, or the next coarser one; None where there is none."""
    there = [page for page in pages if page.grid is not None and spot is not None and page.holds(*spot)]
    if step > 0:
        finer = [page for page in there if page.cell_area < 0.99 * here.cell_area]
        return max(finer, key=lambda page: page.cell_area, default=None)
    coarser = [page for page in there if page.cell_area > 1.01 * here.cell_area]
    return min(coarser, key=lambda page: page.cell_area, default=None)


def at_page(selection: Selection, results: Results, page: EntryGrid) -> Selection:
    """The view on a page of its stage, the cursor on the same part of the image, or as near as there is."""
    return _on(with_spot(selection, results), page)


def to_middle(selection: Selection, page: EntryGrid) -> Selection:
    """The cursor in the middle of a page."""
    return _on(replace(selection, spot=None), page)


def carry_over(selection: Selection, results: Results) -> Selection:
    """A view taken over to another reading: on its spot where it has one, else on its row and column."""
    selection = fit_selection(selection, results)
    page = results.page(selection)
    return _on(selection, page) if page and (selection.spot or page.grid is None) else selection


def at_pixel(selection: Selection, results: Results, x: float, y: float) -> Selection | None:
    """The cursor on the entry that shows a pixel: of this page, else of the finest that does; None where none does."""
    here = results.page(selection)
    there = [page for page in results.pages(selection.stage) if page.grid and page.holds(x, y)]
    if not there:
        return None
    page = here if here in there else min(there, key=lambda page: page.cell_area)
    assert page is not None
    return replace(_on(replace(selection, spot=(x, y)), page), spot=None)


def to_entry(selection: Selection, results: Results, entry: int) -> Selection:
    """The cursor on one of the stage's entries, on whatever page it is."""
    for page in results.pages(selection.stage):
        for (row, col), there in page.entries.items():
            if there == entry:
                return place_cursor(replace(selection, grid=page.id), row, col)
    return selection


def to_cell(selection: Selection, results: Results, grid: int | None, row: int, col: int) -> Selection:
    """The cursor on a row and column of a grid (of this page where none is named); `UsageError` where that is none."""
    pages = {page.id: page for page in results.pages(selection.stage) if page.grid}
    if not pages:
        why = results.reading.placeless if results.reading else ""
        raise UsageError(why or f"nothing at {selection.stage} has a row and a column")
    page = pages.get(selection.grid if grid is None else grid)
    if page is None:
        there = ", ".join(str(id_) for id_ in pages) or "none"
        if grid is None:
            raise UsageError(f"name a grid before the row and column, such as 0:{row},{col} (grids: {there})")
        raise UsageError(f"there is no grid {grid} at {selection.stage} (grids: {there})")
    if row >= page.rows or col >= page.cols:
        raise UsageError(f"the {page.name} has rows 0 to {page.rows - 1} and columns 0 to {page.cols - 1}")
    if (row, col) not in page.entries:
        raise UsageError(f"row {row}, column {col} of the {page.name} was cut away by the model")
    return place_cursor(replace(selection, grid=page.id), row, col)


def _on(selection: Selection, page: EntryGrid) -> Selection:
    """The view on another page: in the list where it was last, in a grid at its spot, or else in the middle."""
    if page.grid is None:
        return replace(selection, grid=None, row=min(selection.listed, page.rows - 1), col=0)
    row, col = (
        page.nearest(*selection.spot) if selection.spot else page.nearest_cell(page.rows / 2 + 0.5, page.cols / 2 + 0.5)
    )
    return replace(selection, grid=page.id, row=row, col=col)


def with_spot(selection: Selection, results: Results) -> Selection:
    """The view with what must outlive a change of page or stage: its spot, or its row of the list."""
    page = results.page(selection)
    if page is None or (selection.row, selection.col) not in page.entries:
        return selection
    if page.grid is None:
        return replace(selection, listed=selection.row)
    if selection.spot is not None:
        return selection
    x0, y0, x1, y1 = page.cell_box(selection.row, selection.col)
    return replace(selection, spot=((x0 + x1) / 2, (y0 + y1) / 2))


def _alike(selection: Selection, results: Results, pages: tuple[EntryGrid, ...]) -> EntryGrid | None:
    """The page to open where the one before is not: of those that show the spot the coarsest for the coarsest, else
    the finest (tokens resampled from tiles have their patches in the tiles)."""
    before = results.page(selection)
    there = [page for page in pages if page.grid and selection.spot and page.holds(*selection.spot)]
    if before is None or before.grid is None or not there:
        return _default(pages)
    coarsest = max(page.cell_area for page in results.pages(selection.stage) if page.grid)
    by_area = max if before.cell_area == coarsest else min
    return by_area(there, key=lambda page: page.cell_area)


def _default(pages: tuple[EntryGrid, ...]) -> EntryGrid | None:
    return pages[0] if pages else None


def _sign(step: int) -> int:
    return (step > 0) - (step < 0)
