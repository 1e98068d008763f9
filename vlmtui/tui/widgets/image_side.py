"""Image side of the screen: the pages, the image or the list of tokens beside it, the legend."""

from __future__ import annotations

from dataclasses import replace

from textual import on
from textual.app import ComposeResult
from textual.containers import Container, Horizontal
from textual.message import Message

from vlmtui.display.cell_layout import FIT, ZOOMS, CellLayout, in_window, is_near, shape_difference
from vlmtui.tui.overlays import composition as overlays
from vlmtui.tui.overlays import legend as valued
from vlmtui.tui.overlays.drawing import ImageDrawing
from vlmtui.tui.overlays.word_legend import word_legend
from vlmtui.tui.screens.packing import Area
from vlmtui.tui.state.results import Results
from vlmtui.tui.state.selection import Selection
from vlmtui.tui.widgets import mask
from vlmtui.tui.widgets.bars import Legend, LegendBar
from vlmtui.tui.widgets.image_view import BesidePointed, ImageView
from vlmtui.tui.widgets.lines import wrapped
from vlmtui.tui.widgets.mask import MaskView
from vlmtui.tui.widgets.minimap import PixelPointed, ViewFacts, ViewMap, map_size
from vlmtui.tui.widgets.pages_bar import PagesBar
from vlmtui.tui.widgets.panels_side import put
from vlmtui.tui.widgets.token_list import TokenList

LIST_CELLS = 30
LIST_GAP = 2
LEAST_LIST, MOST_LIST = 5, 12
"""Rows of a list below the image; it has a third of them otherwise."""
LEGEND_ROWS = 3
MAP_ROWS = 8
MAP_HELP = ("z in · Z out · arrows pan at the edge", "a click on the map goes there")
SHRUNK = "fit (averages)"
LEAST_FOR_MAP = 20
"""Rows that the image must have before a map of it takes some."""
FIRST_S = 1.0
"""How long the first drawing waits for the model's patch grid: a warm session has told it by then, and the image is
drawn once, not first without the grid and then with it."""


def bars(results: Results, selection: Selection) -> int:
    """The lines of the image's side that are not image: its legend, and the pages where there are several."""
    return 1 + (len(results.pages(selection.stage)) > 1)


def image_cells(results: Results, selection: Selection, room: tuple[int, int]) -> tuple[int, int, int]:
    """The cells (across, down) that the image, and the list beside it, take of a room; and those across a patch, 0
    where not every patch is seen."""
    page = results.page(selection)
    # the image has its place however it is enlarged
    selection = replace(selection, zoom=min(selection.zoom, ZOOMS[0]))
    if page is not None and page.grid is None:
        beside, below = list_cells(results, selection, room)
        layout = overlays.layout_of(results, selection, (max(1, room[0] - beside), max(1, room[1] - below)))
        return layout.width + beside, room[1], 0 if layout.window or layout.shrunk else layout.wide
    layout = overlays.layout_of(results, selection, room)
    return layout.width, layout.height, 0 if layout.window or layout.shrunk else layout.wide


def list_cells(results: Results, selection: Selection, room: tuple[int, int]) -> tuple[int, int]:
    """The columns beside the image, or the rows below it, that the list of tokens takes of a room; the other is 0.

    It stands where it leaves the larger image.
    """
    beside = min(LIST_CELLS, room[0] // 2) + LIST_GAP, 0
    below = 0, min(max(LEAST_LIST, room[1] // 3), MOST_LIST)
    layouts = {
        taken: overlays.layout_of(results, selection, (max(1, room[0] - taken[0]), max(1, room[1] - taken[1])))
        for taken in (beside, below)
    }
    return max(layouts, key=lambda taken: layouts[taken].width * layouts[taken].height)


class ZoomDrawn(Message):
    """Patches are drawn at a zoom: `drawn` in the place of `asked`, `FIT` where all are in view.

    `shrinks`: at `FIT` a half-cell is the average of several.
    """

    def __init__(self, asked: int, drawn: int, shrinks: bool) -> None:
        super().__init__()
        self.asked = asked
        self.drawn = drawn
        self.shrinks = shrinks


class ImageSide(Container):
    """Draws what is seen of the image, and only when it has changed."""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._results: Results | None = None
        self._selection = Selection()
        self._key: object = None
        self._drawn: ImageDrawing | None = None
        self._waits = True
        self._zoom: tuple[int, int, bool] | None = None
        self._area: Area | None = None

    def compose(self) -> ComposeResult:
        yield PagesBar(id="pages")
        with Horizontal(id="picture-row"):
            yield ImageView(id="picture")
            yield TokenList(id="list")
        yield MaskView(id="mask")
        yield LegendBar(id="legend")
        with Horizontal(id="map-row"):
            yield ViewMap(id="map")
            yield ViewFacts(id="map-facts")

    def on_mount(self) -> None:
        self.set_timer(FIRST_S, self._wait_no_longer)

        self.watch(self.app, "theme", self._restyle, init=False)

    def _restyle(self) -> None:
        self._key = None
        self._redraw()

    def _wait_no_longer(self) -> None:
        self._waits = False
        self._redraw()

    def on_resize(self) -> None:
        self._redraw()

    def lay_out(self, area: Area) -> None:
        """Take a place: the image is drawn for it once it is there."""
        if area != self._area:
            self._area = area
            put(self, area)

    def show(self, results: Results, selection: Selection) -> None:
        """Show a view; a mere move of the cursor repaints two patches."""
        self._results, self._selection = results, selection
        self._redraw()

    def _redraw(self) -> None:
        results, selection = self._results, self._selection
        if results is None or self._area is None or self.size != (self._area.width, self._area.height):
            return
        pages, page = results.pages(selection.stage), results.page(selection)
        several = len(pages) > 1
        listed = page is not None and page.grid is None
        bar, tokens = self.query_one(PagesBar), self.query_one(TokenList)
        bar.display = several
        bar.show(results, selection)
        tokens.display = listed
        size = self.size
        whole = size.width, size.height - 1 - several
        beside, below = list_cells(results, selection, whole) if listed else (0, 0)
        if listed:
            row = self.query_one("#picture-row", Horizontal)
            row.styles.layout = "vertical" if below else "horizontal"
            tokens.styles.margin = (0, 0, 0, 0 if below else LIST_GAP)
            tokens.styles.width = size.width if below else beside - LIST_GAP
            tokens.show(results, selection)
        masked, legend = self.query_one(MaskView), self.query_one(LegendBar)
        masked.display = selection.of_answer.mask is not None
        self.query_one("#picture-row").display = not masked.display
        if masked.display:
            masked.show(results, selection)
            said = mask.legend(results, selection)
            legend.styles.height = min(LEGEND_ROWS, max(1, len(wrapped(said, size.width))))
            legend.explain(Legend(said))
            self.query_one("#map-row").display = False
            return
        if self._waits and results.model is None:
            return
        room = whole[0] - beside, whole[1] - below
        if room[0] < 2 or room[1] < 1:
            return
        picture = self.query_one(ImageView)
        cursor = (selection.row, selection.col) if page is not None and not listed else None
        before = self._drawn.layout if self._drawn else None
        layout = overlays.layout_of(results, selection, room, before)
        if page is not None and not listed:
            self._tell_zoom(selection.zoom, layout, overlays.layout_of(results, replace(selection, zoom=FIT), room))
        mapped = layout.window is not None and room[1] >= LEAST_FOR_MAP
        map_rows = min(MAP_ROWS, room[1] // 4) if mapped else 0
        if mapped:
            layout = in_window(layout, (room[0], room[1] - map_rows), (selection.row, selection.col), before)
        self._show_map(results, selection, layout, map_rows)
        # more lines where the image leaves some
        legend.styles.height = 1 if listed else min(LEGEND_ROWS, 1 + room[1] - map_rows - layout.height)
        key = overlays.drawing_key(results, selection, layout)
        if key == self._key and self._drawn is not None:
            picture.move_cursor(cursor)
            legend.explain(_legend(results, selection, self._drawn, mapped))
            return
        self._key = key
        self._drawn = drawn = overlays.draw_overlay(results, selection, layout)
        height = layout.height
        picture.styles.height = height
        # a list takes all the room there is
        self.query_one("#picture-row").styles.height = whole[1] if listed else height
        picture.show(
            drawn.pixels,
            drawn.layout,
            cursor,
            drawn.words,
            drawn.split,
            drawn.marks,
            drawn.sinks,
            drawn.colours,
            drawn.labels,
            drawn.ranked,
        )
        legend.explain(_legend(results, selection, drawn, mapped))

    def _tell_zoom(self, asked: int, layout: CellLayout, fitted: CellLayout) -> None:
        """Tell at which zoom a layout is drawn, where that has changed; `fitted` is the one at `FIT`."""
        drawn = layout.zoom if layout.zoom > ZOOMS[0] or layout.window is not None else FIT
        told = asked, drawn, fitted.shrunk is not None
        if told != self._zoom:
            self._zoom = told
            self.post_message(ZoomDrawn(*told))

    def _show_map(self, results: Results, selection: Selection, layout: CellLayout, rows: int) -> None:
        """Where the view lies, below the legend."""
        row, page = self.query_one("#map-row"), results.page(selection)
        row.display = rows > 0 and page is not None
        if page is None or not row.display:
            return
        there = self.query_one(ViewMap)
        row.styles.height = there.styles.height = rows
        image = results.image.width, results.image.height
        there.styles.width, _ = map_size(image, (max(2, self.size.width // 2), 2 * rows))
        there.show_view(results, selection, layout.seen_box(page.box))
        self.query_one(ViewFacts).explain(_view_text(layout), *MAP_HELP)

    @on(BesidePointed)
    def _beside(self, message: BesidePointed) -> None:
        message.stop()
        if self._drawn is None or self._drawn.page is None:
            return
        x0, y0, x1, y1 = self._drawn.page.box
        across, down = self._drawn.layout.share_at(message.x + 0.5, 2 * message.y + 1)
        self.post_message(PixelPointed(x0 + across * (x1 - x0), y0 + down * (y1 - y0)))


def _legend(results: Results, selection: Selection, drawn: ImageDrawing, mapped: bool) -> Legend:
    """The legend of a drawing; what is in view stands beside the map where there is one (`mapped`)."""
    here, value = valued.cursor_text(results, selection), valued.cursor_value(results, selection)
    words = word_legend(drawn, (selection.row, selection.col))
    view = "" if mapped else _view_text(drawn.layout)
    counts = valued.sought_counts(results, selection)
    said = " · ".join(part for part in (view, drawn.legend, counts) if part)
    said += " · as the model sees it" if selection.as_seen and _of_page(drawn) else _shape_note(drawn)
    return Legend(said, drawn.scale, here, value, drawn.diverging, words)


def _of_page(drawn: ImageDrawing) -> bool:
    """Whether the cells are those of the page, and not of the image alone."""
    page, layout = drawn.page, drawn.layout
    return page is not None and (layout.rows, layout.cols) == (page.rows, page.cols)


def _view_text(layout: CellLayout) -> str:
    """`4× · rows 4–9, columns 6–11 of 24 × 24`, where not all is in view; what all of it in view is made of."""
    if layout.shrunk is not None:
        return SHRUNK
    rows, cols = layout.in_view()
    zoom = [f"{layout.zoom}×"] if layout.zoom > 1 else []
    if layout.window is None or not rows or not cols:
        return " · ".join(zoom)
    return " · ".join([*zoom, f"rows {_span(rows)}, columns {_span(cols)} of {layout.rows} × {layout.cols}"])


def _span(numbers: range) -> str:
    return f"{numbers[0]}–{numbers[-1]}" if len(numbers) > 1 else str(numbers[0])


def _shape_note(drawn: ImageDrawing) -> str:
    """How patches differ from their shape in the file, where they do."""
    if drawn.page is None or not _of_page(drawn):
        return ""
    difference = shape_difference(drawn.layout, drawn.page.box)
    if is_near(difference):
        return ""
    share = f"{100 * abs(difference - 1):.0f}%"
    return f" · patches drawn {share} {'wider' if difference > 1 else 'narrower'}"
