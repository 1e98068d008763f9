"""Moving about: over the cells of a page, from page to page, along the path. Views in, views out.

What stays under the cursor is a point of the picture, `View.spot`: whoever goes from the whole view to a tile, or
from tokens to finer vision patches, and back, is where they were.
"""

from __future__ import annotations

from dataclasses import replace

from vlmtui.display.pages import EntryGrid
from vlmtui.errors import UsageError
from vlmtui.reading import default_stage
from vlmtui.tui.answering import stages_of
from vlmtui.tui.view import Known, View


def fitted(view: View, known: Known) -> View:
    """`view` with a stage that the model has, a page that the stage has, and the cursor on an entry of it."""
    if known.reading is None:
        return view
    there = stages_of(known)
    stage = view.stage if view.stage in there else default_stage(known.reading.model)
    view = replace(view, stage=stage)
    pages = known.pages(stage)
    page = known.page(view) or _default(pages)
    if page is None:
        return replace(view, row=0, col=0)
    row, col = min(max(view.row, 0), page.rows - 1), min(max(view.col, 0), page.cols - 1)
    if (row, col) not in page.entries:
        row, col = page.nearest_cell(row + 0.5, col + 0.5)
    return replace(view, grid=page.id, row=row, col=col)


def moved(view: View, known: Known, rows: int, cols: int) -> View:
    """By rows and columns within the page; the edges hold, and cells that the model cut away are stepped over."""
    page = known.page(view)
    if page is None:
        return view
    row, col = view.row + rows, view.col + cols
    while 0 <= row < page.rows and 0 <= col < page.cols:
        if (row, col) in page.entries:
            return put(view, row, col)
        row, col = row + _sign(rows), col + _sign(cols)
    if abs(rows) + abs(cols) > 1:
        # a step too long ends at the last entry there is in its direction
        return moved(view, known, rows - _sign(rows), cols - _sign(cols))
    return view


def put(view: View, row: int, col: int) -> View:
    """The cursor put on a cell: from now on that is the spot."""
    return replace(view, row=row, col=col, spot=None)


def to_column(view: View, known: Known, last: bool) -> View:
    """To the first or the last entry of the row."""
    page = known.page(view)
    columns = [col for row, col in page.entries if row == view.row] if page else []
    return put(view, view.row, max(columns) if last else min(columns)) if columns else view


def walked(view: View, known: Known, step: int) -> View:
    """The view `step` stages along the path, the cursor on the same part of the picture; the ends hold."""
    if known.reading is None:
        return view
    there = stages_of(known)
    stage = there[min(max(there.index(view.stage) + step, 0), len(there) - 1)]
    return at_stage(view, known, stage)


def at_stage(view: View, known: Known, stage: str) -> View:
    """The view at a stage, on the same page where the stage has it, the cursor on the same part of the picture."""
    view = spotted(view, known)
    after = replace(view, stage=stage)
    page = known.page(after) or _alike(view, known, known.pages(stage))
    return fitted(_on(after, page), known) if page else fitted(after, known)


def turned(view: View, known: Known, step: int) -> View:
    """The view `step` pages on, round and round, the cursor on the same part of the picture, or as near as there is."""
    pages = known.pages(view.stage)
    here = known.page(view)
    if here is None or len(pages) < 2:
        return view
    return at_page(view, known, pages[(pages.index(here) + step) % len(pages)])


def closer(view: View, known: Known) -> View:
    """The next finer page that shows the same part of the picture; from the finest back to the coarsest."""
    view = spotted(view, known)
    here = known.page(view)
    if here is None or view.spot is None:
        return view
    there = [page for page in known.pages(view.stage) if page.grid and (page is here or page.holds(*view.spot))]
    there.sort(key=lambda page: -page.cell_area)
    return at_page(view, known, there[(there.index(here) + 1) % len(there)]) if here in there else view


def at_page(view: View, known: Known, page: EntryGrid) -> View:
    """The view on a page of its stage, the cursor on the same part of the picture, or as near as there is."""
    return _on(spotted(view, known), page)


def middle(view: View, page: EntryGrid) -> View:
    """The cursor in the middle of a page."""
    return _on(replace(view, spot=None), page)


def settled(view: View, known: Known) -> View:
    """A view taken over to another reading: on its spot where it has one, else on its row and column."""
    view = fitted(view, known)
    page = known.page(view)
    return _on(view, page) if page and (view.spot or page.grid is None) else view


def at_pixel(view: View, known: Known, x: float, y: float) -> View | None:
    """The cursor on the entry that shows a pixel: of this page, else of the finest that does; None where none does."""
    here = known.page(view)
    there = [page for page in known.pages(view.stage) if page.grid and page.holds(x, y)]
    if not there:
        return None
    page = here if here in there else min(there, key=lambda page: page.cell_area)
    assert page is not None
    return replace(_on(replace(view, spot=(x, y)), page), spot=None)


def to_entry(view: View, known: Known, entry: int) -> View:
    """The cursor on one of the stage's entries, on whatever page it is."""
    for page in known.pages(view.stage):
        for (row, col), there in page.entries.items():
            if there == entry:
                return put(replace(view, grid=page.id), row, col)
    return view


def to_cell(view: View, known: Known, grid: int | None, row: int, col: int) -> View:
    """The cursor on a row and column of a grid (of this page where none is named); `UsageError` where that is none."""
    pages = {page.id: page for page in known.pages(view.stage) if page.grid}
    if not pages:
        why = known.reading.placeless if known.reading else ""
        raise UsageError(why or f"nothing at {view.stage} has a row and a column")
    page = pages.get(view.grid if grid is None else grid)
    if page is None:
        there = ", ".join(str(id_) for id_ in pages) or "none"
        if grid is None:
            raise UsageError(f"name a grid before the row and column, such as 0:{row},{col} (grids: {there})")
        raise UsageError(f"there is no grid {grid} at {view.stage} (grids: {there})")
    if row >= page.rows or col >= page.cols:
        raise UsageError(f"the {page.name} has rows 0 to {page.rows - 1} and columns 0 to {page.cols - 1}")
    if (row, col) not in page.entries:
        raise UsageError(f"row {row}, column {col} of the {page.name} was cut away by the model")
    return put(replace(view, grid=page.id), row, col)


def _on(view: View, page: EntryGrid) -> View:
    """The view on another page: in the list where it was last, in a grid at its spot, or else in the middle."""
    if page.grid is None:
        return replace(view, grid=None, row=min(view.listed, page.rows - 1), col=0)
    row, col = page.nearest(*view.spot) if view.spot else page.nearest_cell(page.rows / 2 + 0.5, page.cols / 2 + 0.5)
    return replace(view, grid=page.id, row=row, col=col)


def spotted(view: View, known: Known) -> View:
    """The view with what must outlive a change of page or stage: its spot, or its row of the list."""
    page = known.page(view)
    if page is None or (view.row, view.col) not in page.entries:
        return view
    if page.grid is None:
        return replace(view, listed=view.row)
    if view.spot is not None:
        return view
    x0, y0, x1, y1 = page.cell_box(view.row, view.col)
    return replace(view, spot=((x0 + x1) / 2, (y0 + y1) / 2))


def _alike(view: View, known: Known, pages: tuple[EntryGrid, ...]) -> EntryGrid | None:
    """The page to open where the one before is not: of those that show the spot the coarsest for the coarsest, else
    the finest (tokens resampled from tiles have their patches in the tiles)."""
    before = known.page(view)
    there = [page for page in pages if page.grid and view.spot and page.holds(*view.spot)]
    if before is None or before.grid is None or not there:
        return _default(pages)
    coarsest = max(page.cell_area for page in known.pages(view.stage) if page.grid)
    by_area = max if before.cell_area == coarsest else min
    return by_area(there, key=lambda page: page.cell_area)


def _default(pages: tuple[EntryGrid, ...]) -> EntryGrid | None:
    return pages[0] if pages else None


def _sign(step: int) -> int:
    return (step > 0) - (step < 0)
