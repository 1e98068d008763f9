"""Legend of the image: what lies over it and what of it is in view, in texts of several lengths."""

from __future__ import annotations

from vlmtui.display.cell_layout import CellLayout, is_near, shape_difference
from vlmtui.tui.overlays import legend as valued
from vlmtui.tui.overlays import sought_word
from vlmtui.tui.overlays.drawing import ImageDrawing
from vlmtui.tui.overlays.word_legend import word_legend
from vlmtui.tui.state.results import Results
from vlmtui.tui.state.selection import Selection
from vlmtui.tui.widgets.legend_bar import Legend

SHRUNK = "fit (averages)"


def image_legend(results: Results, selection: Selection, drawn: ImageDrawing, mapped: bool) -> Legend:
    """The legend of a drawing; what is in view stands beside the map where there is one (`mapped`)."""
    here, value = valued.cursor_text(results, selection), valued.cursor_value(results, selection)
    words = word_legend(drawn, (selection.row, selection.col))
    view = "" if mapped else view_text(drawn.layout)
    sought = sought_word.sought_counts(results, selection) or sought_word.Sought("")
    mark = f"{sought_word.FIRST} " if sought.first and drawn.flags else ""
    note = " · as the model sees it" if selection.as_seen and _of_page(drawn) else ""
    aside = "" if note else _shape_note(drawn)
    named = drawn.brief or drawn.legend
    # the title bar names zoom and overlay: what a lens found stays longest, and without one what is in view
    said = [
        ([view, drawn.legend], mark + sought.text),
        ([view, named], mark + sought.brief),
        ([named], mark + sought.brief) if drawn.brief else ([view or named], ""),
    ]
    # whether a word is there is the first to be said of it
    ordered = ([counts, *parts] for parts, counts in said)
    longest, *shorter = (" · ".join(part for part in parts if part) for parts in ordered)
    cut = valued.values_beyond(results, selection, drawn.scale) if drawn.scale else (False, False)
    floor = drawn.floor if drawn.scale else None
    texts = longest + note, shorter[0] + note, shorter[1]
    others = tuple(dict.fromkeys(texts[1:]))
    return Legend(texts[0], drawn.scale, here, value, drawn.diverging, words, others, cut, floor, sought.verdict, aside)


def _of_page(drawn: ImageDrawing) -> bool:
    """Whether the cells are those of the page, and not of the image alone."""
    page, layout = drawn.page, drawn.layout
    return page is not None and (layout.rows, layout.cols) == (page.rows, page.cols)


def view_text(layout: CellLayout) -> str:
    """`4× · rows 4–9, columns 6–11 of 24×24`, where not all is in view; what all of it in view is made of."""
    if layout.shrunk is not None:
        return SHRUNK
    rows, cols = layout.in_view()
    zoom = [f"{layout.zoom}×"] if layout.zoom > 1 else []
    if layout.window is None or not rows or not cols:
        return " · ".join(zoom)
    seen = f"{_span('row', rows)}, {_span('column', cols)}"
    return " · ".join([*zoom, f"{seen} of {layout.rows}×{layout.cols}"])


def _span(what: str, numbers: range) -> str:
    """`rows 4–9`, `row 7`."""
    return f"{what}s {numbers[0]}–{numbers[-1]}" if len(numbers) > 1 else f"{what} {numbers[0]}"


def _shape_note(drawn: ImageDrawing) -> str:
    """How patches differ from their shape in the file, where they do."""
    if drawn.page is None or not _of_page(drawn):
        return ""
    difference = shape_difference(drawn.layout, drawn.page.box)
    if is_near(difference):
        return ""
    share = f"{100 * abs(difference - 1):.0f}%"
    return f" · patches drawn {share} {'wider' if difference > 1 else 'narrower'}"
