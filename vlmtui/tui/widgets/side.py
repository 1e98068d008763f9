"""The picture's side of the screen: its pages, the picture itself or a list beside it, and the line beneath."""

from __future__ import annotations

from textual import on
from textual.app import ComposeResult
from textual.containers import Container, Horizontal
from textual.message import Message

from vlmtui.tui import overlays, valued
from vlmtui.tui.overlays import Drawn
from vlmtui.tui.view import Known, View
from vlmtui.tui.widgets import mask
from vlmtui.tui.widgets.bars import Legend, LegendBar
from vlmtui.tui.widgets.mask import MaskView
from vlmtui.tui.widgets.pages import PagesBar
from vlmtui.tui.widgets.picture import BesidePointed, PictureView
from vlmtui.tui.widgets.tokens import TokenList

LIST_CELLS = 34
LEGEND_ROWS = 3


class PixelPointed(Message):
    """A pixel of the file was clicked, beside the grid."""

    def __init__(self, x: float, y: float) -> None:
        super().__init__()
        self.x = x
        self.y = y


class PictureSide(Container):
    """Draws what is seen of the picture, and only when it has changed."""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._known: Known | None = None
        self._view = View()
        self._key: object = None
        self._drawn: Drawn | None = None

    def compose(self) -> ComposeResult:
        yield PagesBar(id="pages")
        with Horizontal(id="picture-row"):
            yield PictureView(id="picture")
            yield TokenList(id="list")
        yield MaskView(id="mask")
        yield LegendBar(id="legend")

    def on_resize(self) -> None:
        self._redraw()

    def show(self, known: Known, view: View) -> None:
        """Show a view; a mere move of the cursor repaints two patches."""
        self._known, self._view = known, view
        self._redraw()

    def _redraw(self) -> None:
        known, view = self._known, self._view
        if known is None:
            return
        pages, page = known.pages(view.stage), known.page(view)
        several = len(pages) > 1
        listed = page is not None and page.grid is None
        bar, tokens = self.query_one(PagesBar), self.query_one(TokenList)
        bar.display = several
        bar.show(pages, page)
        tokens.display = listed
        size = self.size
        beside = min(LIST_CELLS, size.width // 2) if listed else 0
        tokens.styles.width = beside
        tokens.show(known, view)
        masked, legend = self.query_one(MaskView), self.query_one(LegendBar)
        masked.display = view.looking.mask is not None
        self.query_one("#picture-row").display = not masked.display
        if masked.display:
            masked.show(known, view)
            legend.styles.height = 1
            legend.show(Legend(mask.legend(known, view)))
            return
        room = size.width - beside - 2 * listed, size.height - 1 - several
        if room[0] < 2 or room[1] < 1:
            return
        picture = self.query_one(PictureView)
        cursor = (view.row, view.col) if page is not None and not listed else None
        key = overlays.key(known, view, room)
        if key == self._key and self._drawn is not None:
            picture.move_cursor(cursor)
            legend.show(_legend(known, view, self._drawn))
            return
        self._key = key
        self._drawn = drawn = overlays.draw(known, view, room)
        height = min(drawn.layout.height + (drawn.layout.width > room[0]), room[1])
        picture.styles.height = height
        # a list takes all the room there is
        self.query_one("#picture-row").styles.height = room[1] if listed else height
        picture.show(drawn.pixels, drawn.layout, cursor, drawn.words, drawn.split, drawn.marks, drawn.sinks)
        # more lines where the picture leaves some
        legend.styles.height = 1 if listed else min(LEGEND_ROWS, 1 + room[1] - height)
        legend.show(_legend(known, view, drawn))

    @on(BesidePointed)
    def _beside(self, message: BesidePointed) -> None:
        message.stop()
        if self._drawn is None or self._drawn.page is None:
            return
        layout, (x0, y0, x1, y1) = self._drawn.layout, self._drawn.page.box
        x = x0 + (message.x + 0.5 - layout.left) / (layout.cols * layout.wide) * (x1 - x0)
        y = y0 + (message.y + 0.5 - layout.top) / (layout.rows * layout.tall) * (y1 - y0)
        self.post_message(PixelPointed(x, y))


def _legend(known: Known, view: View, drawn: Drawn) -> Legend:
    here, value = valued.here(known, view), valued.value(known, view)
    return Legend(drawn.legend, drawn.scale, here, value, drawn.diverging)
