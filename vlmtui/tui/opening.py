"""The view that the command line asks for, when the first reading arrives."""

from __future__ import annotations

from dataclasses import replace

from vlmtui.errors import UsageError
from vlmtui.lenses.source import LensSource
from vlmtui.query.options import Query
from vlmtui.query.patches import PatchPosition
from vlmtui.reading import check_stage, default_stage, stages
from vlmtui.results.early_exit import no_exit
from vlmtui.tui.choices import OF_ANSWERS, name_of
from vlmtui.tui.marks import toggled
from vlmtui.tui.view import NONE, Known, View
from vlmtui.tui.walking import at_stage, fitted, middle, to_cell


def opened(view: View, known: Known, query: Query) -> tuple[View, list[str]]:
    """Its stage and its patch, or the middle of the whole view; and what of it is not there, in sentences."""
    assert known.reading is not None
    model = known.reading.model
    wrong: list[str] = []
    stage = default_stage(model)
    try:
        stage = stage if query.selection.stage is None else check_stage(query.selection.stage, model, pixels=True)
    except UsageError as error:
        wrong.append(str(error))
    if query.selection.stage is None and not known.pages(stage):
        # no image tokens enter the prompt, and there are patches to look at
        stage = next((stage for stage in reversed(stages(model)) if known.pages(stage)), stage)
    view = replace(view, stage=stage)
    lens = query.lens.built_in if query.lens else None
    if query.lens is not None and lens is None:
        view = with_own(view, known, name_of(query.lens.source or LensSource(query.lens.name)))
    elif query.lens is not None and query.lens.of_words:
        view = replace(view, early_exit=not (refused := no_exit(known.reading)))
        wrong += [f"--lens {query.lens.name}: {refused}"] if refused else []
    elif query.lens is not None and lens is not None:
        if not lens.offer.overlay:
            view = replace(view, by_layer=True)
        elif lens.subject == OF_ANSWERS:
            view = looking_through(view, lens.name)
        elif lens.offer.unsuited and not lens.offer.suits(model):
            wrong.append(f"--lens {lens.name} {lens.offer.unsuited}")
        else:
            view = replace(view, overlay=query.lens.name, sought=query.lens.text)
    if pages := known.pages(stage):
        view = middle(view, pages[0])
    for patch in query.selection.patches[:1]:
        try:
            view = _at_patch(view, known, patch)
        except UsageError as error:
            wrong.append(f"--patch {patch}: {error}")
    for patch in query.lens.marked if query.lens else ():
        try:
            view = replace(view, marks=toggled(_at_patch(view, known, patch), known).marks)
        except UsageError as error:
            wrong.append(f"--marked {patch}: {error}")
    return fitted(view, known), wrong


def with_own(view: View, known: Known, name: str) -> View:
    """Through a person's own lens: the overlay, or where it looks at answers the way to look at one."""
    lens = known.lenses.get(name)
    if lens is None or not lens.of_answers:
        return replace(view, overlay=name)
    return looking_through(view, name)


def looking_through(view: View, name: str) -> View:
    """A lens as the way to look at the answer."""
    overlay = NONE if view.overlay == name else view.overlay
    return replace(view, overlay=overlay, looking=replace(view.looking, way=name))


def _at_patch(view: View, known: Known, patch: PatchPosition) -> View:
    """The cursor on the token that `--patch` names; at a vision stage on the patches it was made of."""
    pages = [page for page in known.pages("tokens") if page.grid and patch.grid in (None, page.id)]
    stage = "tokens"
    if not pages:
        # a grid without tokens (a tower's, a resampler's) counts its vision patches
        stage = view.stage
        pages = [page for page in known.pages(stage) if page.grid]
    first = replace(view, stage=stage, grid=pages[0].id if pages else None)
    return at_stage(to_cell(first, known, patch.grid, patch.row, patch.col), known, view.stage)
