"""Image side of the screen: the pages, the image or the list of tokens beside it, the legend."""

from __future__ import annotations

from textual import on
from textual.app import ComposeResult
from textual.containers import Container, Horizontal
from textual.message import Message

from vlmtui.display.cell_layout import is_near, shape_difference
from vlmtui.tui.overlays import composition as overlays
from vlmtui.tui.overlays import legend as valued
from vlmtui.tui.overlays.drawing import ImageDrawing
from vlmtui.tui.overlays.word_legend import word_legend
from vlmtui.tui.state.results import Results
from vlmtui.tui.state.selection import Selection
from vlmtui.tui.widgets import mask
from vlmtui.tui.widgets.bars import Legend, LegendBar
from vlmtui.tui.widgets.image_view import BesidePointed, ImageView
from vlmtui.tui.widgets.lines import wrapped
from vlmtui.tui.widgets.mask import MaskView
from vlmtui.tui.widgets.pages_bar import PagesBar
from vlmtui.tui.widgets.token_list import TokenList

LIST_CELLS = 34
LEGEND_ROWS = 3
FIRST_S = 1.0
"""How long the first drawing waits for the model's patch grid: a warm session has told it by then, and the image is
drawn once, not first without the grid and then with it."""


class PixelPointed(Message):
    """A pixel of the file was clicked, beside the grid."""

    def __init__(self, x: float, y: float) -> None:
        super().__init__()
        self.x = x
        self.y = y


class ImageSide(Container):
    """Draws what is seen of the image, and only when it has changed."""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._results: Results | None = None
        self._selection = Selection()
        self._key: object = None
        self._drawn: ImageDrawing | None = None
        self._legend_rows = 1
        self._waits = True

    def compose(self) -> ComposeResult:
        yield PagesBar(id="pages")
        with Horizontal(id="picture-row"):
            yield ImageView(id="picture")
            yield TokenList(id="list")
        yield MaskView(id="mask")
        yield LegendBar(id="legend")

    def on_mount(self) -> None:
        self.set_timer(FIRST_S, self._wait_no_longer)

    def _wait_no_longer(self) -> None:
        self._waits = False
        self._redraw()

    def on_resize(self) -> None:
        self._redraw()

    def show(self, results: Results, selection: Selection) -> None:
        """Show a view; a mere move of the cursor repaints two patches."""
        self._results, self._selection = results, selection
        self._redraw()

    def _redraw(self) -> None:
        results, selection = self._results, self._selection
        if results is None:
            return
        pages, page = results.pages(selection.stage), results.page(selection)
        several = len(pages) > 1
        listed = page is not None and page.grid is None
        bar, tokens = self.query_one(PagesBar), self.query_one(TokenList)
        bar.display = several
        bar.show(results, selection)
        tokens.display = listed
        size = self.size
        beside = min(LIST_CELLS, size.width // 2) if listed else 0
        tokens.styles.width = beside
        tokens.show(results, selection)
        masked, legend = self.query_one(MaskView), self.query_one(LegendBar)
        masked.display = selection.of_answer.mask is not None
        self.query_one("#picture-row").display = not masked.display
        if masked.display:
            masked.show(results, selection)
            said = mask.legend(results, selection)
            legend.styles.height = min(LEGEND_ROWS, max(1, len(wrapped(said, size.width))))
            legend.explain(Legend(said))
            return
        if self._waits and results.model is None:
            return
        room = size.width - beside - 2 * listed, size.height - 1 - several
        if room[0] < 2 or room[1] < 1:
            return
        picture = self.query_one(ImageView)
        cursor = (selection.row, selection.col) if page is not None and not listed else None
        layout = overlays.layout_of(results, selection, room, self._drawn.layout if self._drawn else None)
        key = overlays.drawing_key(results, selection, layout)
        if key == self._key and self._drawn is not None:
            picture.move_cursor(cursor)
            legend.styles.height = self._legend_rows
            legend.explain(_legend(results, selection, self._drawn))
            return
        self._key = key
        self._drawn = drawn = overlays.draw_overlay(results, selection, layout)
        height = layout.height
        picture.styles.height = height
        # a list takes all the room there is
        self.query_one("#picture-row").styles.height = room[1] if listed else height
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
        )
        # more lines where the image leaves some
        self._legend_rows = 1 if listed else min(LEGEND_ROWS, 1 + room[1] - height)
        legend.styles.height = self._legend_rows
        legend.explain(_legend(results, selection, drawn))

    @on(BesidePointed)
    def _beside(self, message: BesidePointed) -> None:
        message.stop()
        if self._drawn is None or self._drawn.page is None:
            return
        x0, y0, x1, y1 = self._drawn.page.box
        across, down = self._drawn.layout.share_at(message.x + 0.5, 2 * message.y + 1)
        self.post_message(PixelPointed(x0 + across * (x1 - x0), y0 + down * (y1 - y0)))


def _legend(results: Results, selection: Selection, drawn: ImageDrawing) -> Legend:
    here, value = valued.cursor_text(results, selection), valued.cursor_value(results, selection)
    words = word_legend(drawn, (selection.row, selection.col))
    said = drawn.legend + _shape_note(drawn)
    return Legend(said, drawn.scale, here, value, drawn.diverging, words)


def _shape_note(drawn: ImageDrawing) -> str:
    """How patches differ from their shape in the file, where they do."""
    if drawn.page is None or (drawn.layout.rows, drawn.layout.cols) != (drawn.page.rows, drawn.page.cols):
        return ""
    difference = shape_difference(drawn.layout, drawn.page.box)
    if is_near(difference):
        return ""
    share = f"{100 * abs(difference - 1):.0f}%"
    return f" · patches drawn {share} too {'wide' if difference > 1 else 'narrow'}"
