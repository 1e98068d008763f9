"""Image view: the image in half-blocks with a cursor on one patch, and what is laid over it.

The image is cut into column strips, each a widget: Textual resends a repainted region from its widget's left edge
on, so narrow widgets are what keeps a cursor move at a few kilobytes. Lines of segments are made once; the cursor is
put over them as they are drawn.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import pairwise

from rich.color import Color
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.app import ComposeResult
from textual.containers import Container
from textual.filter import ANSIToTruecolor, LineFilter
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from vlmtui.display.canvas import Pixels
from vlmtui.display.cell_layout import CellLayout
from vlmtui.display.colours import Colour
from vlmtui.display.dithering import dithered
from vlmtui.display.segment_labels import SegmentLabel
from vlmtui.tui.overlays.drawing import has_glyph
from vlmtui.tui.state.page_words import RankedWord
from vlmtui.tui.terminal.theme import roles
from vlmtui.tui.widgets.blocks import lines
from vlmtui.tui.widgets.image_words import Words, label_letters, word_start, write_labels, write_ranked, write_words
from vlmtui.tui.widgets.patch_cells import (
    bracket,
    divided,
    divisions,
    has_bracket,
    patch_pixels,
    solid_cells,
    tint,
)

MARK = "●"
STRIPS = 10
CURSOR_SHADE = 0.35


class PatchPointed(Message):
    """A patch was clicked."""

    def __init__(self, row: int, col: int) -> None:
        super().__init__()
        self.row = row
        self.col = col


class BesidePointed(Message):
    """The cell (x, y) of the image was clicked, and it lies beside the grid."""

    def __init__(self, x: int, y: int) -> None:
        super().__init__()
        self.x = x
        self.y = y


class ZoomScrolled(Message):
    """The wheel was turned over the image: one step closer (1) or further away (-1)."""

    def __init__(self, step: int) -> None:
        super().__init__()
        self.step = step


class ImageStrip(Widget, can_focus=False):
    """Some columns of the image, over its whole height."""

    DEFAULT_CSS = "ImageStrip { width: 0; height: 0; }"

    def __init__(self) -> None:
        super().__init__()
        self.left = 0
        self.cells = 0
        self._rows: list[Strip] = []
        self._next: list[Strip] | None = None

    def fill(self, left: int, cells: int, rows: list[Strip]) -> None:
        """Take the lines of `cells` columns from `left` on."""
        resized = (cells, len(rows)) != self.size
        self.left, self.cells = left, cells
        # Textual paints a widget that changes its size, and all of it again at its next refresh, which would be the
        # first cursor move: blank first, and the lines once the size is there
        self._rows, self._next = ([], rows) if resized else (rows, None)
        # also where it has the size still: another may have been asked for that has not been laid out yet
        self.styles.width, self.styles.height = cells, len(rows)
        if not resized:
            self.refresh()

    def on_resize(self) -> None:
        if self._next is not None and self.size == (self.cells, len(self._next)):
            self._rows, self._next = self._next, None
            self.refresh()

    def render_line(self, y: int) -> Strip:
        """A prepared line, with the cursor over it where it passes."""
        if y >= len(self._rows):
            return Strip.blank(self.size.width, roles(self.app).style())
        strip = self._rows[y]
        view = self.parent
        assert isinstance(view, ImageView)
        for x, segment in view.cursor_cells(y):
            at = x - self.left
            if 0 <= at < strip.cell_length:
                strip = Strip.join([strip.crop(0, at), Strip([segment], 1), strip.crop(at + 1, strip.cell_length)])
        return strip

    def render_lines(self, crop: Region) -> list[Strip]:
        """The lines of a region: no border, padding or opacity is to be worked out for each of so many."""
        start, end = crop.column_span
        background = self.background_colors[1]
        strips = []
        for y in crop.line_range:
            strip = self.render_line(y)
            for line_filter in self.get_line_filters():
                strip = strip.apply_filter(line_filter, background)
            strips.append(strip if (start, end) == (0, strip.cell_length) else strip.crop_extend(start, end, None))
        return strips

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Those of the application, without the one that finds the true colours of a theme's: these are true."""
        return [each for each in self.app.get_line_filters() if not isinstance(each, ANSIToTruecolor)]

    def on_click(self, event: events.Click) -> None:
        view = self.parent
        assert isinstance(view, ImageView)
        if event.button == 1:
            view.point(self.left + event.x, event.y)


class ImageView(Container):
    """The image, its overlay and the cursor."""

    DEFAULT_CSS = "ImageView { layout: horizontal; overflow: hidden; }"

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._strips = [ImageStrip() for _ in range(STRIPS)]
        self._pixels: Pixels | None = None
        self._layout: CellLayout | None = None
        self._words: Words | None = None
        self._labels: Sequence[SegmentLabel] = ()
        self._ranked = False
        self._cursor: tuple[int, int] | None = None
        self._split = (1, 1)

    def compose(self) -> ComposeResult:
        yield from self._strips

    def show(
        self,
        pixels: Pixels,
        layout: CellLayout,
        cursor: tuple[int, int] | None,
        words: Words | None = None,
        split: tuple[int, int] = (1, 1),
        marks: frozenset[tuple[int, int]] = frozenset(),
        flags: Mapping[tuple[int, int], str] | None = None,
        colours: Mapping[str, Colour] | None = None,
        labels: Sequence[SegmentLabel] = (),
        ranked: Mapping[tuple[int, int], Sequence[RankedWord]] | None = None,
    ) -> None:
        """Draw `pixels` (uint8 [2 · layout.height, layout.width, 3]), with one word a patch where `words` are given.

        They are what is in view of the layout.

        The cell under the cursor is divided into `split` parts (down, across) where it has the room; the patches
        `marks` have a mark in their upper right corner, those of `flags` a character in their left, or are tinted where
        they hold no whole cell. Words with one of `colours` have a shade of it behind them; `labels` lie over segments.
        Where patches have `ranked` words, these stand in the place of the one.
        """
        if self.app.console.color_system == "256":
            x, y = layout.corner
            pixels = dithered(pixels, (x, 2 * y))
        pixels = self._tinted(pixels, layout, marks, flags or {})
        self._pixels, self._layout, self._words, self._split = pixels, layout, words, split
        self._labels = labels
        cuts = _cuts(layout)
        over: dict[int, dict[int, Segment]] = defaultdict(dict)
        self._ranked = bool(ranked)
        if ranked:
            write_ranked(over, pixels, layout, ranked, colours or {})
        elif words:
            write_words(over, pixels, layout, words, colours or {})
        write_labels(over, labels, roles(self.app).style("strong", bold=True))
        self._mark(over, pixels, layout, marks, flags or {})
        columns = lines(pixels, cuts, over)
        for strip, (start, end), rows in zip(self._strips, pairwise(cuts), columns, strict=True):
            strip.fill(start, end - start, rows)
        self._cursor = cursor

    def move_cursor(self, cursor: tuple[int, int] | None) -> None:
        """Put the cursor on a patch (row, column), repainting the two patches concerned and no more."""
        if self._layout is None or self._cursor == cursor:
            return
        before, self._cursor = self._cursor, cursor
        for patch in (before, self._cursor):
            if patch:
                self._repaint(*self._layout.region(*patch))

    def point(self, x: int, y: int) -> None:
        """The cell (x, y) of the image was clicked; on a label, which is the middle of its segment."""
        if self._layout is None:
            return
        label = next((one for one in self._labels if one.covers(x, y)), None)
        patch = label.cell if label else self._layout.patch_at(x, y)
        self.post_message(PatchPointed(*patch) if patch else BesidePointed(x, y))

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        event.stop()
        self.post_message(ZoomScrolled(1))

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        event.stop()
        self.post_message(ZoomScrolled(-1))

    def cursor_cells(self, y: int) -> list[tuple[int, Segment]]:
        """The cells of line `y` that the cursor covers: (x, segment). Letters of a label stay, on its colour."""
        cells = self._cursor_cells(y)
        if not cells or not (letters := label_letters(self._labels, y)):
            return cells
        style = roles(self.app).style("on_accent", "accent", bold=True)
        return [(x, Segment(letters[x], style)) if x in letters else (x, segment) for x, segment in cells]

    def _cursor_cells(self, y: int) -> list[tuple[int, Segment]]:
        if self._layout is None or self._cursor is None or self._pixels is None:
            return []
        layout, pixels, (row, col) = self._layout, self._pixels, self._cursor
        if not has_bracket(layout, row):
            return solid_cells(pixels, layout, (row, col), y, _rgb(roles(self.app).accent))
        x0, y0, wide, high = layout.extent(row, col)
        rows = layout.cell_rows(row)
        if y not in rows:
            return []
        word = self._words[row][col] if self._words and not self._ranked else None
        first = word_start(word, wide, len(rows), y - rows[0]) if word else ""
        cells = []
        for i, mark in bracket(y - rows[0], wide, len(rows)):
            x = x0 + i
            if not 0 <= x < layout.width:
                continue
            if i == 0:
                mark = first or mark
            cells.append((x, Segment(mark, self._edge(pixels, x, y))))
        edges = {x for x, _ in cells}
        # lines need cells beside them that still show the image
        roomy = wide >= 2 * self._split[1] and high >= 2 * self._split[0] and not self._words
        there = y0 % 2 == high % 2 == 0 and layout.is_whole(row, col)
        for i, mark in divisions(y - rows[0], wide, len(rows), self._split) if roomy and there else ():
            if x0 + i not in edges:
                cells.append((x0 + i, divided(pixels[2 * y : 2 * y + 2, x0 + i], mark)))
        return cells

    def _tinted(
        self,
        pixels: Pixels,
        layout: CellLayout,
        marks: frozenset[tuple[int, int]],
        flags: Mapping[tuple[int, int], str],
    ) -> Pixels:
        """The pixels with the marks that are no characters, and nothing where a half-row is empty."""
        r = roles(self.app)
        tints = [(cell, r.outlier) for cell in flags] + [(cell, r.accent) for cell in marks]
        tints = [(cell, role) for cell, role in tints if not has_glyph(layout, cell[0])]
        if tints or layout.has_blank:
            pixels = pixels.copy()
        for cell, role in tints:
            tint(patch_pixels(pixels, layout, *cell), _rgb(role))
        if layout.has_blank:
            pixels[-1] = _rgb(r.ground)
        return pixels

    def _repaint(self, x: int, y: int, wide: int, tall: int) -> None:
        for strip in self._strips:
            if strip.left < x + wide and x < strip.left + strip.cells:
                strip.refresh(Region(max(0, x - strip.left), y, wide, tall))

    def _edge(self, pixels: Pixels, x: int, y: int) -> Style:
        """What is written over a cell: in the accent colour, on the cell's own darkened."""
        shade = (pixels[2 * y : 2 * y + 2, x].mean(axis=0) * CURSOR_SHADE).astype(int)
        return Style(color=Color.parse(roles(self.app).accent), bgcolor=Color.from_rgb(*shade), bold=True)

    def _mark(
        self,
        over: dict[int, dict[int, Segment]],
        pixels: Pixels,
        layout: CellLayout,
        marks: frozenset[tuple[int, int]],
        flags: Mapping[tuple[int, int], str],
    ) -> None:
        """Write marks and flags over the pixels: by line, by column."""
        marked = [(cell, MARK, True) for cell in marks]
        for (row, col), mark, last in [*((cell, flag, False) for cell, flag in flags.items()), *marked]:
            x, _, wide, _ = layout.extent(row, col)
            x += (wide - 1) * last
            y = layout.cell_rows(row)[0] if has_glyph(layout, row) else -1
            if 0 <= x < layout.width and 0 <= y < layout.height:
                over[y][x] = Segment(mark, self._edge(pixels, x, y))


def _cuts(layout: CellLayout) -> list[int]:
    """Where the image is cut into strips, from 0 to its width: on patch edges, so that no patch stands in two.

    Where a part of the image is in view, as far apart as patches are wide: the same wherever that part lies. A shrunk
    one has no such edges.
    """
    if layout.shrunk:
        edges = list(range(1, layout.width))
    elif layout.window:
        edges = list(range(layout.wide, layout.width, layout.wide))
    else:
        edges = [x for col in range(layout.cols + 1) if 0 < (x := layout.extent(0, col)[0]) < layout.width]
    taken = [round(i * len(edges) / STRIPS) for i in range(1, STRIPS)]
    return [0, *(edges[at - 1] if at else 0 for at in taken), layout.width]


def _rgb(colour: str) -> Colour:
    return Color.parse(colour).get_truecolor()
