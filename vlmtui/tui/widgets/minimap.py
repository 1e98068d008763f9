"""Minimap: the whole image in a few cells, with the page that has the cursor, or the part of it in view, lit."""

from __future__ import annotations

import numpy as np
from rich.color import Color
from textual import events
from textual.message import Message
from textual.strip import Strip

from vlmtui.display.canvas import Pixels, resize_part
from vlmtui.display.entry_grids import EntryGrid
from vlmtui.geometry import Box
from vlmtui.tui.state.results import Results
from vlmtui.tui.state.selection import Selection
from vlmtui.tui.terminal.theme import Roles
from vlmtui.tui.widgets.blocks import half_block
from vlmtui.tui.widgets.lines import Lines, line, wrapped

DIMMED = 0.3
LEAST_PICTURED = 4
"""Rows of a map that shows the image; in fewer it is plain, with the view on it: a few pixels of a dark photograph
would look the same lit and dimmed."""


class PixelPointed(Message):
    """A pixel of the file was clicked, on the map or beside the grid."""

    def __init__(self, x: float, y: float) -> None:
        super().__init__()
        self.x = x
        self.y = y


class MiniMap(Lines):
    """Against the right edge: dim, but for the page."""

    def build(self, cells: int, rows: int) -> list[Strip]:
        """Half-blocks."""
        page = self._results.page(self._selection) if self._results else None
        if self._results is None or page is None or page.grid is None:
            return []
        return [
            Strip.join([Strip.blank(cells - row.cell_length, self.roles.style()), row]).simplify()
            for row in map_rows(self._results, self._selection, page, page.box, (cells, rows), self.roles)
        ]


class ViewFacts(Lines):
    """What is in view, in words, and the keys that change it."""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._facts: tuple[str, ...] = ()

    def explain(self, *facts: str) -> None:
        """Show a line for each."""
        if facts != self._facts:
            self._facts = facts
            self.rebuild()

    def build(self, cells: int, rows: int) -> list[Strip]:
        """The first line is the fact, the others what can be done."""
        r = self.roles
        styles = [r.style("dim" if number else "text") for number in range(len(self._facts))]
        return [
            line(cells, r.style(), [(part, style)])
            for fact, style in zip(self._facts, styles, strict=True)
            for part in wrapped(fact, cells)
        ]


class ViewMap(Lines):
    """Dim, but for the part of the page that is in view; a click on it goes there."""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._view: Box | None = None

    def build(self, cells: int, rows: int) -> list[Strip]:
        """Half-blocks."""
        page = self._results.page(self._selection) if self._results else None
        if self._results is None or page is None or page.grid is None:
            return []
        return [
            Strip.join([row, Strip.blank(cells - row.cell_length, self.roles.style())]).simplify()
            for row in map_rows(self._results, self._selection, page, self._view or page.box, (cells, rows), self.roles)
        ]

    def show_view(self, results: Results, selection: Selection, view: Box) -> None:
        """Show which part of the file is in view."""
        self._view = view
        self.show(results, selection)

    def on_click(self, event: events.Click) -> None:
        if self._results is None:
            return
        image = self._results.image
        wide, tall = map_size((image.width, image.height), (self.size.width, 2 * self.size.height))
        if event.x < wide and 2 * event.y < tall:
            self.post_message(
                PixelPointed((event.x + 0.5) / wide * image.width, (2 * event.y + 1) / tall * image.height)
            )


def map_rows(
    results: Results, selection: Selection, page: EntryGrid, lit: Box, room: tuple[int, int], roles: Roles
) -> list[Strip]:
    """The image within `room` (cells, rows) in half-blocks, dim but for the part `lit`; the place of the cursor is one
    pixel in the accent colour."""
    width, height = results.image.width, results.image.height
    wide, tall = map_size((width, height), (room[0], 2 * room[1]))
    x0, y0, x1, y1 = lit
    columns, lines = _part(x0 / width, x1 / width, wide), _part(y0 / height, y1 / height, tall)
    pixels = _lit(results, (columns, lines), (wide, tall), None if room[1] >= LEAST_PICTURED else roles)
    x0, y0, x1, y1 = page.cell_box(selection.row, selection.col)
    place = _within(lines, (y0 + y1) / 2 / height * tall), _within(columns, (x0 + x1) / 2 / width * wide)
    pixels[place] = Color.parse(roles.accent).get_truecolor()
    return [
        Strip([half_block(tuple(a), tuple(b)) for a, b in zip(top, bottom, strict=True)], wide)
        for top, bottom in zip(pixels[::2].tolist(), pixels[1::2].tolist(), strict=True)
    ]


def map_size(picture: tuple[int, int], room: tuple[int, int]) -> tuple[int, int]:
    """The largest (wide, tall) in pixels that has the image's shape within `room`; `tall` is even."""
    scale = min(room[0] / picture[0], room[1] / picture[1])
    wide = min(max(1, round(picture[0] * scale)), room[0])
    return wide, max(2, 2 * round(picture[1] * scale / 2))


def _part(start: float, end: float, many: int) -> range:
    """The pixels of so many from one share of them to another; at least one, however small the tile. A part that begins
    or ends with the whole does so here."""
    size = min(max(1, round((end - start) * many)), many)
    first = min(max(0, round((start + end) / 2 * many - size / 2)), many - size)
    return range(first, first + size)


def _within(part: range, at: float) -> int:
    """The pixel at a place, or the nearest of a part."""
    return min(max(int(at), part.start), part.stop - 1)


def _lit(results: Results, part: tuple[range, range], pixels: tuple[int, int], plain: Roles | None) -> Pixels:
    """The image at so many pixels (across, down), all but a part of it (columns, lines) dimmed; with `plain`, that part
    in the colour of text and no image."""
    (columns, lines), (wide, tall) = part, pixels
    lit = np.zeros((tall, wide, 1), dtype=bool)
    lit[lines.start : lines.stop, columns.start : columns.stop] = True
    if plain is not None:
        light, dark = (np.array(Color.parse(one).get_truecolor(), np.uint8) for one in (plain.text, plain.rule))
        return np.where(lit, light, dark)
    whole = 0.0, 0.0, float(results.image.width), float(results.image.height)
    image = resize_part(results.picture, whole, (wide, tall))
    return np.where(lit, image, (image * DIMMED).astype(np.uint8))
