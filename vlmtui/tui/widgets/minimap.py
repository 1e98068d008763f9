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
    pixels = _lit(results, lit, wide, tall)
    x0, y0, x1, y1 = page.cell_box(selection.row, selection.col)
    x = min(max(int((x0 + x1) / 2 / width * wide), 0), wide - 1)
    y = min(max(int((y0 + y1) / 2 / height * tall), 0), tall - 1)
    pixels[y, x] = Color.parse(roles.accent).get_truecolor()
    return [
        Strip([half_block(tuple(a), tuple(b)) for a, b in zip(top, bottom, strict=True)], wide)
        for top, bottom in zip(pixels[::2].tolist(), pixels[1::2].tolist(), strict=True)
    ]


def map_size(picture: tuple[int, int], room: tuple[int, int]) -> tuple[int, int]:
    """The largest (wide, tall) in pixels that has the image's shape within `room`; `tall` is even."""
    scale = min(room[0] / picture[0], room[1] / picture[1])
    wide = min(max(1, round(picture[0] * scale)), room[0])
    return wide, max(2, 2 * round(picture[1] * scale / 2))


def _lit(results: Results, box: Box, wide: int, tall: int) -> Pixels:
    """The image at wide × tall pixels, all but a part of it dimmed."""
    size = results.image.width, results.image.height
    pixels = resize_part(results.picture, (0.0, 0.0, float(size[0]), float(size[1])), (wide, tall))
    x0, y0, x1, y1 = box
    # at least a pixel, however small the tile
    left, top = (min(max(round(v * n / whole), 0), n - 1) for v, n, whole in ((x0, wide, size[0]), (y0, tall, size[1])))
    right = max(left + 1, round(x1 * wide / size[0]))
    bottom = max(top + 1, round(y1 * tall / size[1]))
    lit = np.zeros((tall, wide, 1), dtype=bool)
    lit[top:bottom, left:right] = True
    return np.where(lit, pixels, (pixels * DIMMED).astype(np.uint8))
