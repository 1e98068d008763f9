"""Marked entries: what a person points at to compare with, or to take away. Views in, views out.

A mark is put on what the language model gets, an image token, and shows on the vision patches it was made of; a patch
that goes into no token is marked itself. So marks stay on the same part of the picture along the whole path.
"""

from __future__ import annotations

from dataclasses import replace

from vlmtui.tui.path import of_tokens
from vlmtui.tui.view import Known, Mark, View


def toggled(view: View, known: Known) -> View:
    """With a mark on what is under the cursor, or without the one that was there."""
    mark = _mark(view, known)
    return view if mark is None else replace(view, marks=view.marks ^ {mark})


def marked(view: View, known: Known) -> tuple[int, ...]:
    """The entries of the view's stage that are marked, ascending."""
    atlas = known.atlas
    if atlas is None:
        return ()
    if of_tokens(view.stage):
        return tuple(sorted(index for kind, index in view.marks if kind == "token"))
    found = {index for kind, index in view.marks if kind == "patch"}
    for kind, index in view.marks:
        if kind == "token":
            found.update(atlas.columns(known.places_at("tokens")[index]))
    return tuple(sorted(found))


def tokens(view: View) -> tuple[int, ...]:
    """The image tokens that are marked, ascending."""
    return tuple(sorted(index for kind, index in view.marks if kind == "token"))


def _mark(view: View, known: Known) -> Mark | None:
    entry, token = known.entry(view), known.token(view)
    if entry is None:
        return None
    return ("patch", entry) if token is None else ("token", token)
