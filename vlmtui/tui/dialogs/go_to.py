"""Dialog that goes to a place: a row and column, a pixel, or a token."""

from __future__ import annotations

from dataclasses import replace

from vlmtui.errors import UsageError
from vlmtui.tui.dialogs.text import TextDialog
from vlmtui.tui.go_to import parse_go_to
from vlmtui.tui.navigation import at_pixel, to_cell
from vlmtui.tui.state.results import Results
from vlmtui.tui.state.selection import Selection
from vlmtui.tui.state.stages import of_tokens


def ask_place(selection: Selection, results: Results) -> TextDialog[Selection]:
    """A row and column of this page or of another grid, a pixel of the file, or a token of the list."""
    page, pages = results.page(selection), results.pages(selection.stage)
    listed = page is not None and page.grid is None

    def read(text: str) -> Selection:
        if listed and text.isdecimal():
            return _token(selection, results, int(text))
        where = parse_go_to(text)
        if where is None:
            raise UsageError("that is neither a row and column (3,4), with a grid (1:3,4), nor a pixel (x120 y80)")
        if where.pixel:
            found = at_pixel(selection, results, where.first, where.second)
            if found is None:
                raise UsageError(f"no {'token' if of_tokens(selection.stage) else 'patch'} shows that pixel")
            return found
        return to_cell(selection, results, where.grid, int(where.first), int(where.second))

    hints = [f"row,column (0,0 to {page.rows - 1},{page.cols - 1})"] if page and not listed else []
    if listed:
        hints.append("the index of a token")
    if ids := [str(page.id) for page in pages if page.grid] if len(pages) > 1 else []:
        hints.append(f"{ids[-1]}:row,column (grids {', '.join(ids)})")
    if any(page.grid for page in pages):
        hints.append("a pixel of the file: x120 y80")
    return TextDialog("Go to", " · ".join(hints), read)


def _token(selection: Selection, results: Results, index: int) -> Selection:
    """The line of the list that has the token with an index among all."""
    page, places = results.page(selection), results.places_at(selection.stage)
    rows = [row for (row, _), entry in page.entries.items() if places[entry].index == index] if page else []
    if not rows:
        raise UsageError(f"token {index} is not in this list")
    return replace(selection, row=rows[0], col=0)
