"""Actions on the cursor: cells, pages, stages, marks, the next highest value."""

from __future__ import annotations

from dataclasses import replace

from vlmtui.display.cell_layout import ZOOMS
from vlmtui.tui import navigation
from vlmtui.tui.actions.context import ActionContext
from vlmtui.tui.dialogs.go_to import ask_place
from vlmtui.tui.state import marks
from vlmtui.tui.state.lens_values import overlay_scores
from vlmtui.tui.state.page_words import has_word_overlay
from vlmtui.tui.state.patch_facts import pixel_under
from vlmtui.tui.state.selection import NO_ATTRIBUTION
from vlmtui.tui.state.stages import ANSWER, PIXELS


def move(context: ActionContext, rows: int, cols: int) -> None:
    """Move the cursor; the edges hold."""
    state = context.state
    state.selection = navigation.move_cursor(state.selection, state.results, rows, cols)


def enter(context: ActionContext) -> None:
    """Into the patch, as far as there is something: its pixels, or its word alone."""
    here = context.state.selection
    if here.stage != PIXELS and has_word_overlay(context.state.results, here):
        one_word(context)
    else:
        pixel(context)


def one_word(context: ActionContext) -> None:
    """The segments of the word under the cursor alone; those of all words again, where they are that word's."""
    if not has_word_overlay(context.state.results, context.state.selection):
        context.notify("Enter chooses one word of words or segments: o chooses an overlay", timeout=4)
    elif not context.state.choose_word():
        context.notify("this patch has no word: n goes to one", timeout=4)


def pixel(context: ActionContext) -> None:
    """Into the patch, pixel by pixel, and back; at `pixels` alone, where pixels are what is looked at."""
    state = context.state
    here, reading = state.selection, state.results.reading
    if here.pixel is not None:
        state.selection = replace(here, pixel=None)
    elif reading is not None and here.stage == PIXELS and state.results.page(here) is not None:
        state.selection = replace(here, pixel=pixel_under(here, reading.patch_size))
    else:
        context.notify("Enter goes into the pixels of a patch: go to the stage pixels with [", timeout=4)


def to_column(context: ActionContext, last: bool) -> None:
    """To the first or last column."""
    state = context.state
    state.selection = navigation.to_column(state.selection, state.results, last)


def quarter(context: ActionContext, direction: int) -> None:
    """A quarter of the page up or down."""
    if page := context.state.results.page(context.state.selection):
        move(context, direction * max(1, page.rows // 4), 0)


def page(context: ActionContext, step: int) -> None:
    """The next page: whole image, tiles, tokens that lie in no grid."""
    state = context.state
    state.selection = navigation.step_page(state.selection, state.results, step)


def zoom(context: ActionContext, step: int) -> None:
    """Closer, or further away: a finer page, or larger patches; at the ends it says so."""
    state, before = context.state, context.state.selection
    state.selection = navigation.zoom(before, state.results, step, state.shrinks)
    page = state.results.page(before)
    if state.selection == before and page is not None and page.grid is not None:
        context.notify(f"{ZOOMS[-1]}× is the closest" if step > 0 else "all of the image is in view", timeout=4)


def zoom_drawn(context: ActionContext, asked: int, drawn: int, shrinks: bool) -> None:
    """Take in at which zoom a view is drawn. Patches larger than the view are not: then the way back begins at what is
    seen, and that it is the closest is said."""
    state = context.state
    state.shrinks = shrinks
    if state.selection.zoom != asked:
        return
    state.selection = replace(state.selection, zoom=drawn)
    if ZOOMS[0] < drawn < asked:
        context.notify(f"{drawn}× is the closest here: patches fill the view", timeout=4)


def shape(context: ActionContext) -> None:
    """The image in the shape of the file, or as the model sees it."""
    selection = context.state.selection
    context.state.selection = replace(selection, as_seen=not selection.as_seen)


def go_to(context: ActionContext) -> None:
    """Ask for a row and column or a pixel."""
    state = context.state

    def go(found: object) -> None:
        state.selection = found  # type: ignore[assignment]

    if state.results.pages(state.selection.stage):
        context.dialog(ask_place(state.selection, state.results), go)


def stage(context: ActionContext, step: int) -> None:
    """Along the path."""
    state = context.state
    state.selection = navigation.step_stage(state.selection, state.results, step)


def mark(context: ActionContext) -> None:
    """Mark the patch, or take its mark away."""
    state = context.state
    state.selection = marks.toggle_mark(state.selection, state.results)


def unmark(context: ActionContext) -> None:
    """Take all marks away."""
    context.state.selection = replace(context.state.selection, marks=frozenset())


def next_highest(context: ActionContext, step: int) -> None:
    """To the entry with the highest number of the overlay, and from there on to the next smaller one, round and round;
    for a `step` of −1 the other way. Of words from segment to segment, in the order of the legend; where one word was
    chosen, to those of that word."""
    state = context.state
    if has_word_overlay(state.results, state.selection):
        state.to_segment(step)
    elif overlay_scores(state.selection, state.results) is None:
        awaited = state.selection.stage == ANSWER and state.selection.of_answer.attribution != NO_ATTRIBUTION
        hint = "the map has not come yet" if awaited else "/ finds a word, o chooses an overlay"
        context.notify(f"n goes to the highest value: {hint}", timeout=4)
    else:
        state.to_next_value(step)
