"""Marks on entries, to compare with or to ablate. Selections in, selections out.

A mark is put on what the language model gets, an image token, and shows on the vision patches it was made of; a patch
that goes into no token is marked itself. So marks stay on the same part of the image along the whole path.
"""

from __future__ import annotations

from dataclasses import replace

from vlmtui.tui.state.results import Results
from vlmtui.tui.state.selection import Mark, Selection
from vlmtui.tui.state.stages import of_tokens


def toggle_mark(selection: Selection, results: Results) -> Selection:
    """With a mark on what is under the cursor, or without the one that was there."""
    mark = _mark(selection, results)
    return selection if mark is None else replace(selection, marks=selection.marks ^ {mark})


def marked_entries(selection: Selection, results: Results) -> tuple[int, ...]:
    """The entries of the view's stage that are marked, ascending."""
    grids = results.grids
    if grids is None:
        return ()
    if of_tokens(selection.stage):
        return tuple(sorted(index for kind, index in selection.marks if kind == "token"))
    found = {index for kind, index in selection.marks if kind == "patch"}
    for kind, index in selection.marks:
        if kind == "token":
            found.update(grids.columns(results.places_at("tokens")[index]))
    return tuple(sorted(found))


def marked_tokens(selection: Selection) -> tuple[int, ...]:
    """The image tokens that are marked, ascending."""
    return tuple(sorted(index for kind, index in selection.marks if kind == "token"))


def _mark(selection: Selection, results: Results) -> Mark | None:
    entry, token = results.entry(selection), results.token(selection)
    if entry is None:
        return None
    return ("patch", entry) if token is None else ("token", token)
