"""Image view: the image in half-blocks with a cursor on one patch, and what is laid over it.

The image is cut into column strips, each a widget: Textual resends a repainted region from its widget's left edge
on, so narrow widgets are what keeps a cursor move at a few kilobytes. Lines of segments are made once; the cursor is
put over them as they are drawn.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
from rich.color import Color
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.app import ComposeResult
from textual.containers import ScrollableContainer
from textual.filter import ANSIToTruecolor, LineFilter
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from vlmtui.display.canvas import Pixels
from vlmtui.display.colours import Colour, ink
from vlmtui.display.segment_labels import SegmentLabel
from vlmtui.geometry import CellLayout
from vlmtui.tui.terminal.theme import roles
from vlmtui.tui.widgets.blocks import lines
from vlmtui.tui.widgets.image_words import Words, word_start, write_labels, write_words

MARK = "●"
SINK = "×"
STRIPS = 10
CURSOR_SHADE = 0.35
LINE_STRENGTH = 0.45


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
        if resized:
            self.styles.width, self.styles.height = cells, len(rows)
        else:
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


class ImageView(ScrollableContainer, can_focus=False, inherit_bindings=False):
    """The image, its overlay and the cursor; scrolls with the cursor where it is larger than its place."""

    DEFAULT_CSS = """
    ImageView { layout: horizontal; overflow: auto auto; scrollbar-size: 1 1; }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._strips = [ImageStrip() for _ in range(STRIPS)]
        self._pixels: Pixels | None = None
        self._layout: CellLayout | None = None
        self._words: Words | None = None
        self._labels: Sequence[SegmentLabel] = ()
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
        sinks: frozenset[tuple[int, int]] = frozenset(),
        colours: Mapping[str, Colour] | None = None,
        labels: Sequence[SegmentLabel] = (),
    ) -> None:
        """Draw `pixels` (uint8 [2 · layout.height, layout.width, 3]), with one word a patch where `words` are given.

        The cell under the cursor is divided into `split` parts (down, across) where it has the room; the patches
        `marks` have a mark in their upper right corner, `sinks` a cross in their left. Words with one of `colours` have
        a shade of it behind them; `labels` lie over segments.
        """
        self._pixels, self._layout, self._words, self._split = pixels, layout, words, split
        self._labels = labels
        cuts = _cuts(layout)
        over: dict[int, dict[int, Segment]] = defaultdict(dict)
        if words:
            write_words(over, pixels, layout, words, colours or {})
        write_labels(over, labels, roles(self.app).style("strong", bold=True))
        self._mark(over, pixels, layout, marks, sinks)
        columns = lines(pixels, cuts, over)
        for strip, (start, end), rows in zip(self._strips, pairwise(cuts), columns, strict=True):
            strip.fill(start, end - start, rows)
        self._cursor = cursor
        if cursor:
            self.call_after_refresh(self._follow)

    def move_cursor(self, cursor: tuple[int, int] | None) -> None:
        """Put the cursor on a patch (row, column), repainting the two patches concerned and no more."""
        if self._layout is None or self._cursor == cursor:
            return
        before, self._cursor = self._cursor, cursor
        for patch in (before, self._cursor):
            if patch:
                self._repaint(*self._layout.region(*patch))
        self._follow()

    def point(self, x: int, y: int) -> None:
        """The cell (x, y) of the image was clicked; on a label, which is the middle of its segment."""
        if self._layout is None:
            return
        label = next((one for one in self._labels if one.covers(x, y)), None)
        patch = label.cell if label else self._layout.patch_at(x, y)
        self.post_message(PatchPointed(*patch) if patch else BesidePointed(x, y))

    def on_resize(self) -> None:
        self.call_after_refresh(self._follow)

    def cursor_cells(self, y: int) -> list[tuple[int, Segment]]:
        """The cells of line `y` that the cursor covers: (x, segment)."""
        if self._layout is None or self._cursor is None or self._pixels is None:
            return []
        x0, y0, wide, tall = self._layout.region(*self._cursor)
        if not y0 <= y < y0 + tall:
            return []
        line = y - y0
        word = self._words[self._cursor[0]][self._cursor[1]] if self._words else None
        first = word_start(word, wide, tall, line) if word else ""
        cells = []
        for i, mark in _bracket(line, wide, tall):
            x = x0 + i
            if i == 0:
                mark = first or mark
            cells.append((x, Segment(mark, self._edge(self._pixels, x, y))))
        edges = {x for x, _ in cells}
        # lines need cells beside them that still show the image
        roomy = wide >= 2 * self._split[1] and tall >= self._split[0] and not self._words
        for i, mark in divisions(line, wide, tall, self._split) if roomy else ():
            if x0 + i not in edges:
                cells.append((x0 + i, divided(self._pixels[2 * y : 2 * y + 2, x0 + i], mark)))
        return cells

    def _follow(self) -> None:
        """Scroll so that the cursor's patch is seen whole."""
        if self._layout and self._cursor:
            x, y, wide, tall = self._layout.region(*self._cursor)
            self.scroll_to_region(Region(x, y, wide, tall), animate=False, force=True)

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
        sinks: frozenset[tuple[int, int]],
    ) -> None:
        """Write marks and crosses over the pixels: by line, by column."""
        for row, col in sinks:
            x, y, _, _ = layout.region(row, col)
            over[y][x] = Segment(SINK, self._edge(pixels, x, y))
        for row, col in marks:
            x, y, wide, _ = layout.region(row, col)
            over[y][x + wide - 1] = Segment(MARK, self._edge(pixels, x + wide - 1, y))


def divisions(line: int, wide: int, tall: int, split: tuple[int, int]) -> list[tuple[int, str]]:
    """Thin lines on one line of wide × tall cells that divide it into `split` parts (down, across): (cell, character).

    None where the parts do not end on an edge or in the middle of a cell.
    """
    down, across = split
    if wide % across or 2 * tall % down:
        return []
    uprights = {i * wide // across for i in range(1, across)}
    level = ""
    for i in range(1, down):
        cell, half = divmod(2 * tall * i // down, 2)
        if cell == line:
            level = "─" if half else "▔"
    marks = [(x, level) for x in range(wide) if level and x not in uprights]
    return [*marks, *((x, "▏") for x in uprights)]


def divided(pixels: np.ndarray, mark: str) -> Segment:
    """A cell of two pixels [2, 3] as its mean, with a line over it that shows on it."""
    ground = tuple(int(v) for v in pixels.mean(axis=0))
    other = np.array(ink(ground))
    line = tuple(int(v) for v in np.array(ground) * (1 - LINE_STRENGTH) + other * LINE_STRENGTH)
    return Segment(mark, Style(color=Color.from_rgb(*line), bgcolor=Color.from_rgb(*ground)))


def _bracket(line: int, wide: int, tall: int) -> list[tuple[int, str]]:
    """The marks of the cursor on one line of a patch: (cell within the patch, character)."""
    if wide == 1:
        return [(0, "◆" if line == tall // 2 else "┃")]
    if tall == 1:
        return [(0, "["), (wide - 1, "]")]
    left, right = ("┏", "┓") if line == 0 else ("┗", "┛") if line == tall - 1 else ("┃", "┃")
    return [(0, left), (wide - 1, right)]


def _cuts(layout: CellLayout) -> list[int]:
    """Where the image is cut into strips: on patch edges, so that no patch stands in two. From 0 to its width."""
    edges = [0]
    for i in range(1, STRIPS):
        col = round(i * layout.cols / STRIPS)
        edges.append(layout.left + col * layout.wide if col else 0)
    return [*edges, layout.width]
