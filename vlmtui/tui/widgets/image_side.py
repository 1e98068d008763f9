"""Image side of the screen: the pages, the image or the list of tokens beside it, the legend."""

from __future__ import annotations

from dataclasses import dataclass, replace

from textual import on
from textual.app import ComposeResult
from textual.containers import Container, Horizontal
from textual.geometry import Size
from textual.message import Message

from vlmtui.display.cell_layout import FIT, ZOOMS, CellLayout, in_window
from vlmtui.tui.overlays import composition as overlays
from vlmtui.tui.overlays.drawing import ImageDrawing
from vlmtui.tui.screens.packing import Area
from vlmtui.tui.state.results import Results
from vlmtui.tui.state.selection import Selection
from vlmtui.tui.widgets import mask
from vlmtui.tui.widgets.image_legend import image_legend, view_text
from vlmtui.tui.widgets.image_view import BesidePointed, ImageView
from vlmtui.tui.widgets.legend_bar import Legend, LegendBar
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
LEGEND_ROWS, MOST_LEGEND_ROWS = 3, 5
"""Of those that the image leaves, where the legend is no list of words; and those that the image
gives way to where the legend would be cut."""
MAP_ROWS = 8
MAP_HELP = ("z in · Z out · arrows pan at the edge", "a click on the map goes there")
LEAST_FOR_MAP = 20
"""Rows that the image must have before a map of it takes some; with fewer a small one stands beside the legend."""
SMALL_MAP, SMALL_MAP_CELLS, MAP_GAP = 2, 12, 2
"""Rows of the small map, columns that it has at most, and blank ones between it and the legend."""
ROWS_A_ROW = 5
"""Rows of the image for one of the small map."""
FIRST_S = 1.0
"""How long the first drawing waits for the model's patch grid: a warm session has told it by then, and the image is
drawn once, not first without the grid and then with it."""


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


class LegendGrown(Message):
    """The legend needs other rows than it had: there is to be laid out anew."""


@dataclass(frozen=True)
class _Place:
    """The cells of the image's side that the image has (`room`), beside or above a list of tokens where one is
    `listed`; `height` are the rows of both."""

    room: tuple[int, int]
    height: int
    listed: bool
    beside: int
    below: int

    @classmethod
    def of(cls, results: Results, selection: Selection, size: tuple[int, int], legend_rows: int) -> _Place:
        """What a legend of so many rows leaves, and the bar of pages where there are several."""
        page = results.page(selection)
        whole = size[0], size[1] - legend_rows - (len(results.pages(selection.stage)) > 1)
        listed = page is not None and page.grid is None
        beside, below = list_cells(results, selection, whole) if listed else (0, 0)
        return cls((whole[0] - beside, whole[1] - below), whole[1], listed, beside, below)


@dataclass(frozen=True)
class _Fitted:
    """A drawing in its place, and below it the legend, in so many cells, and the rows of the map; a `small_map`
    (columns, rows) stands beside the legend. (0, 0) and 0 where there is none."""

    place: _Place
    drawn: ImageDrawing
    legend: Legend
    map_rows: int
    small_map: tuple[int, int]
    legend_cells: tuple[int, int]


def _has_room(place: _Place) -> bool:
    return place.room[0] >= 2 and place.room[1] >= 1


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
        self._painted: ImageDrawing | None = None
        self._legend_rows = self._laid_out_for = 1
        self._said: tuple[str, str] = "", ""
        self._terminal = Size()
        self._growing = False

    @property
    def legend_rows(self) -> int:
        """The rows that the legend needs, as far as it is known in a terminal of this size."""
        return self._legend_rows if self._terminal == self.app.size else 1

    def compose(self) -> ComposeResult:
        yield PagesBar(id="pages")
        with Horizontal(id="picture-row"):
            yield ImageView(id="picture")
            yield TokenList(id="list")
        yield MaskView(id="mask")
        with Horizontal(id="legend-row"):
            yield ViewMap(id="small-map")
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
        self._laid_out_for = self.legend_rows
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
        masked, legend = self.query_one(MaskView), self.query_one(LegendBar)
        masked.display = selection.of_answer.mask is not None
        self.query_one("#picture-row").display = not masked.display
        if masked.display:
            masked.show(results, selection)
            said = mask.legend(results, selection)
            legend.styles.height = min(MOST_LEGEND_ROWS, max(1, len(wrapped(said, self.size.width))))
            legend.explain(Legend(said))
            self.query_one("#map-row").display = self.query_one("#small-map").display = False
            return
        if (self._waits and results.model is None) or not _has_room(_Place.of(results, selection, self.size, 1)):
            return
        fitted = self._fit(results, selection)
        self._growing = self._legend_rows != self._laid_out_for
        if self._growing:
            self.post_message(LegendGrown())
            return
        place, drawn = fitted.place, fitted.drawn
        if listed:
            row = self.query_one("#picture-row", Horizontal)
            row.styles.layout = "vertical" if place.below else "horizontal"
            tokens.styles.margin = (0, 0, 0, 0 if place.below else LIST_GAP)
            tokens.styles.width = self.size.width if place.below else place.beside - LIST_GAP
            tokens.show(results, selection)
        elif page is not None:
            self._tell_zoom(
                selection.zoom, drawn.layout, overlays.layout_of(results, replace(selection, zoom=FIT), place.room)
            )
        self._show_map(results, selection, fitted)
        legend.styles.height = fitted.legend_cells[1]
        # a list takes all the room there is
        self.query_one("#picture-row").styles.height = place.height if listed else drawn.layout.height
        cursor = (selection.row, selection.col) if page is not None and not listed else None
        self._paint(drawn, cursor)
        legend.explain(fitted.legend)

    def _fit(self, results: Results, selection: Selection) -> _Fitted:
        """The drawing that leaves the legend as many rows as it needs, and no more."""
        bar = self.query_one(LegendBar)
        before = self._drawn.layout if self._drawn else None
        fitted = self._draw(results, selection, self._legend_rows, before)
        said = fitted.drawn.legend, fitted.drawn.brief
        # they only grow until it is drawn: in another place it may need fewer, and would be moved back
        other = (said, self.app.size) != (self._said, self._terminal) and not self._growing
        if other and self._legend_rows > 1:
            self._legend_rows = 1
            fitted = self._draw(results, selection, 1, before)
        self._said, self._terminal = said, self.app.size
        while self._legend_rows < MOST_LEGEND_ROWS and not bar.fits(fitted.legend, *fitted.legend_cells):
            if not _has_room(_Place.of(results, selection, self.size, self._legend_rows + 1)):
                break
            self._legend_rows += 1
            fitted = self._draw(results, selection, self._legend_rows, before)
        return fitted

    def _draw(self, results: Results, selection: Selection, rows: int, before: CellLayout | None) -> _Fitted:
        """The drawing that leaves so many rows for the legend, which gets what the image leaves too."""
        place = _Place.of(results, selection, self.size, rows)
        room = place.room
        layout = overlays.layout_of(results, selection, room, before)
        map_rows, small_map = self._map_room(results, room[1]) if layout.window is not None else (0, (0, 0))
        # a small map takes no more than the rows that the legend has not
        taken = map_rows + max(0, small_map[1] - rows)
        if taken:
            layout = in_window(layout, (room[0], room[1] - taken), (selection.row, selection.col), before)
        rows = max(rows, small_map[1])
        left = 0 if place.listed else rows + room[1] - taken - layout.height
        key = overlays.drawing_key(results, selection, layout)
        if key != self._key or self._drawn is None:
            self._key, self._drawn = key, overlays.draw_overlay(results, selection, layout)
        legend = image_legend(results, selection, self._drawn, map_rows > 0)
        # words have all the rows that the image leaves, so that as many as can be are named
        rows = max(rows, left if legend.words is not None else min(LEGEND_ROWS, left))
        cells = self.size.width - (small_map[0] + MAP_GAP if small_map[0] else 0), rows
        return _Fitted(place, self._drawn, legend, map_rows, small_map, cells)

    def _map_room(self, results: Results, rows: int) -> tuple[int, tuple[int, int]]:
        """The rows of a map below the legend where the image has so many, or the columns and rows of a small one."""
        if rows >= LEAST_FOR_MAP:
            return min(MAP_ROWS, rows // 4), (0, 0)
        room = min(SMALL_MAP_CELLS, self.size.width // 4), 2 * max(SMALL_MAP, rows // ROWS_A_ROW)
        wide, tall = map_size((results.image.width, results.image.height), room)
        return 0, (wide, tall // 2)

    def _paint(self, drawn: ImageDrawing, cursor: tuple[int, int] | None) -> None:
        """Paint a drawing; of one that is painted already, the two patches that the cursor has left and come to."""
        picture = self.query_one(ImageView)
        if drawn is self._painted:
            picture.move_cursor(cursor)
            return
        self._painted = drawn
        picture.styles.height = drawn.layout.height
        picture.show(
            drawn.pixels,
            drawn.layout,
            cursor,
            drawn.words,
            drawn.split,
            drawn.marks,
            drawn.flags,
            drawn.colours,
            drawn.labels,
            drawn.ranked,
        )

    def _tell_zoom(self, asked: int, layout: CellLayout, fitted: CellLayout) -> None:
        """Tell at which zoom a layout is drawn, where that has changed; `fitted` is the one at `FIT`."""
        drawn = layout.zoom if layout.zoom > ZOOMS[0] or layout.window is not None else FIT
        told = asked, drawn, fitted.shrunk is not None
        if told != self._zoom:
            self._zoom = told
            self.post_message(ZoomDrawn(*told))

    def _show_map(self, results: Results, selection: Selection, fitted: _Fitted) -> None:
        """Where the view lies, below the legend or beside it."""
        row, page, layout = self.query_one("#map-row"), results.page(selection), fitted.drawn.layout
        large, small = self.query_one("#map", ViewMap), self.query_one("#small-map", ViewMap)
        row.display = fitted.map_rows > 0 and page is not None
        small.display = fitted.small_map[0] > 0 and page is not None
        if page is None:
            return
        view = layout.seen_box(page.box)
        if small.display:
            small.styles.width, small.styles.height = fitted.small_map
            small.show_view(results, selection, view)
        if row.display:
            row.styles.height = large.styles.height = fitted.map_rows
            image = results.image.width, results.image.height
            large.styles.width, _ = map_size(image, (max(2, self.size.width // 2), 2 * fitted.map_rows))
            large.show_view(results, selection, view)
            self.query_one(ViewFacts).explain(view_text(layout), *MAP_HELP)

    @on(BesidePointed)
    def _beside(self, message: BesidePointed) -> None:
        message.stop()
        if self._drawn is None or self._drawn.page is None:
            return
        x0, y0, x1, y1 = self._drawn.page.box
        across, down = self._drawn.layout.share_at(message.x + 0.5, 2 * message.y + 1)
        self.post_message(PixelPointed(x0 + across * (x1 - x0), y0 + down * (y1 - y0)))
