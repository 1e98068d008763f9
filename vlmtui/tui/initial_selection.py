"""Initial selection, which the command line asks for, and the command that asks for a selection."""

from __future__ import annotations

import shlex
from dataclasses import replace

from vlmtui.errors import UsageError
from vlmtui.lenses.lens_source import LensSource
from vlmtui.metrics import DEFAULT_METRIC, Metric
from vlmtui.query.options import Query
from vlmtui.query.patches import PatchPosition
from vlmtui.reading import check_stage, default_stage, stages
from vlmtui.results.early_exit import no_exit_in_reading
from vlmtui.tui.navigation import at_stage, fit_selection, to_cell, to_middle
from vlmtui.tui.state.lens_choice import OF_ANSWERS, name_of
from vlmtui.tui.state.marks import toggle_mark
from vlmtui.tui.state.results import Results
from vlmtui.tui.state.selection import NONE, SEGMENTS, Selection
from vlmtui.tui.state.stages import ANSWER, of_tokens


def initial_selection(selection: Selection, results: Results, query: Query) -> tuple[Selection, list[str]]:
    """Its stage and its patch, or the middle of the whole view; and what of it is not there, in sentences."""
    assert results.reading is not None
    model = results.reading.model
    wrong: list[str] = []
    stage = default_stage(model)
    try:
        stage = stage if query.selection.stage is None else check_stage(query.selection.stage, model, pixels=True)
    except UsageError as error:
        wrong.append(str(error))
    if query.selection.stage is None and not results.pages(stage):
        # no image tokens enter the prompt, and there are patches to look at
        stage = next((stage for stage in reversed(stages(model)) if results.pages(stage)), stage)
    selection = replace(selection, stage=stage)
    lens = query.lens.built_in if query.lens else None
    if query.lens is not None and lens is None:
        selection = choose_own_lens(selection, results, name_of(query.lens.source or LensSource(query.lens.name)))
    elif query.lens is not None and query.lens.uses_projector:
        selection = replace(selection, early_exit=not (refused := no_exit_in_reading(results.reading)))
        wrong += [f"--lens {query.lens.name}: {refused}"] if refused else []
    elif query.lens is not None and lens is not None:
        if lens.offer.segmented:
            selection = replace(selection, overlay=SEGMENTS)
        elif not lens.offer.overlay:
            selection = replace(selection, by_layer=True)
        elif lens.subject == OF_ANSWERS:
            selection = looking_through(selection, lens.name)
        elif lens.offer.unsuited and not lens.offer.suits(model):
            wrong.append(f"--lens {lens.name} {lens.offer.unsuited}")
        else:
            selection = replace(selection, overlay=query.lens.name, sought=query.lens.text)
    if pages := results.pages(stage):
        selection = to_middle(selection, pages[0])
    for patch in query.selection.patches[:1]:
        try:
            selection = _at_patch(selection, results, patch)
        except UsageError as error:
            wrong.append(f"--patch {patch}: {error}")
    for patch in query.lens.marked if query.lens else ():
        try:
            selection = replace(selection, marks=toggle_mark(_at_patch(selection, results, patch), results).marks)
        except UsageError as error:
            wrong.append(f"--marked {patch}: {error}")
    return fit_selection(selection, results), wrong


def choose_own_lens(selection: Selection, results: Results, name: str) -> Selection:
    """Through a person's own lens: the overlay, or where it looks at answers the way to look at one."""
    lens = results.lenses.get(name)
    if lens is None or not lens.of_answers:
        return replace(selection, overlay=name)
    return looking_through(selection, name)


def looking_through(selection: Selection, name: str) -> Selection:
    """A lens as the way to look at the answer."""
    overlay = NONE if selection.overlay == name else selection.overlay
    return replace(selection, overlay=overlay, of_answer=replace(selection.of_answer, attribution=name))


def _at_patch(selection: Selection, results: Results, patch: PatchPosition) -> Selection:
    """The cursor on the token that `--patch` names; at a vision stage on the patches it was made of."""
    pages = [page for page in results.pages("tokens") if page.grid and patch.grid in (None, page.id)]
    stage = "tokens"
    if not pages:
        # a grid without tokens (a tower's, a resampler's) counts its vision patches
        stage = selection.stage
        pages = [page for page in results.pages(stage) if page.grid]
    first = replace(selection, stage=stage, grid=pages[0].id if pages else None)
    return at_stage(to_cell(first, results, patch.grid, patch.row, patch.col), results, selection.stage)


def command_of(results: Results, selection: Selection, metric: Metric = DEFAULT_METRIC) -> str:
    """The command that opens the explorer where it is now; it was opened with `metric`."""
    assert results.reading is not None
    words = ["vlmtui", results.image.source, "-m", results.reading.model.name]
    if selection.stage != ANSWER:
        words += ["--stage", selection.stage]
    page = results.page(selection) if of_tokens(selection.stage) else None
    if page is not None and page.grid is not None:
        words += ["--patch", f"{page.grid.id}:{selection.row},{selection.col}"]
    # settings may have another metric for a command that names none
    if selection.metric != DEFAULT_METRIC or metric != DEFAULT_METRIC:
        words += ["--metric", selection.metric]
    if not selection.fold:
        words.append("--no-fold")
    if not selection.noise:
        words.append("--no-null")
    return shlex.join(words)
