"""Minimap: the whole image in a few cells, with the page that has the cursor lit."""

from __future__ import annotations

import numpy as np
from rich.color import Color
from textual.strip import Strip

from vlmtui.display.canvas import Pixels, resize_part
from vlmtui.display.entry_grids import EntryGrid
from vlmtui.tui.state.results import Results
from vlmtui.tui.widgets.blocks import half_block
from vlmtui.tui.widgets.lines import Lines

DIMMED = 0.3


class MiniMap(Lines):
    """Dim, but for the page; the place of the cursor is one pixel in the accent colour."""

    def build(self, cells: int, rows: int) -> list[Strip]:
        """Half-blocks, against the right edge."""
        results, selection = self._results, self._selection
        page = results.page(selection) if results else None
        if results is None or page is None or page.grid is None:
            return []
        wide, tall = _size((results.image.width, results.image.height), (cells, 2 * rows))
        pixels = _lit(results, page, wide, tall)
        x0, y0, x1, y1 = page.cell_box(selection.row, selection.col)
        x = min(max(int((x0 + x1) / 2 / results.image.width * wide), 0), wide - 1)
        y = min(max(int((y0 + y1) / 2 / results.image.height * tall), 0), tall - 1)
        pixels[y, x] = Color.parse(self.roles.accent).get_truecolor()
        blank = Strip.blank(cells - wide, self.roles.style())
        strips = []
        for top, bottom in zip(pixels[::2].tolist(), pixels[1::2].tolist(), strict=True):
            row = [half_block(tuple(a), tuple(b)) for a, b in zip(top, bottom, strict=True)]
            strips.append(Strip.join([blank, Strip(row, wide)]).simplify())
        return strips


def _size(picture: tuple[int, int], room: tuple[int, int]) -> tuple[int, int]:
    """The largest (wide, tall) in pixels that has the image's shape within `room`; `tall` is even."""
    scale = min(room[0] / picture[0], room[1] / picture[1])
    wide = min(max(1, round(picture[0] * scale)), room[0])
    return wide, max(2, 2 * round(picture[1] * scale / 2))


def _lit(results: Results, page: EntryGrid, wide: int, tall: int) -> Pixels:
    """The image at wide × tall pixels, all but the page dimmed."""
    size = results.image.width, results.image.height
    pixels = resize_part(results.picture, (0.0, 0.0, float(size[0]), float(size[1])), (wide, tall))
    x0, y0, x1, y1 = page.box
    # at least a pixel, however small the tile
    left, top = (min(max(round(v * n / whole), 0), n - 1) for v, n, whole in ((x0, wide, size[0]), (y0, tall, size[1])))
    right = max(left + 1, round(x1 * wide / size[0]))
    bottom = max(top + 1, round(y1 * tall / size[1]))
    lit = np.zeros((tall, wide, 1), dtype=bool)
    lit[top:bottom, left:right] = True
    return np.where(lit, pixels, (pixels * DIMMED).astype(np.uint8))
