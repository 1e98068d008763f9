"""Patch panel: the patch under the cursor enlarged, facts about it, and where its page lies in the image.

At `pixels` and `vision.0` it is shown as the model gets it, once the session has said how that is.
"""

from __future__ import annotations

import numpy as np
from PIL import Image
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.strip import Strip

from vlmtui.display.canvas import Pixels, resize_padded
from vlmtui.results.patch_embedding import PatchEmbeddingResult
from vlmtui.tui import needs
from vlmtui.tui.panels.panel import Panel
from vlmtui.tui.panels.patch_text import CursorPlace, fact_lines, least_rows, wanted_rows, where_text
from vlmtui.tui.state.patch_facts import patch_embedding
from vlmtui.tui.state.results import Results
from vlmtui.tui.state.selection import Selection
from vlmtui.tui.state.stages import of_tokens
from vlmtui.tui.widgets.blocks import half_block
from vlmtui.tui.widgets.lines import Lines, line
from vlmtui.tui.widgets.minimap import MiniMap
from vlmtui.tui.widgets.patch_cells import divided, divisions

FACTS_CELLS = 42
"""What the facts take where none is shortened."""

LEAST_FACTS_CELLS = 32
"""What they need before the patch and the map may."""
MAP_CELLS = 10, 14
"""The map's least and most columns."""


class PatchPanel(Vertical):
    """A header, and below it the enlarged patch beside its facts: apart, so that each repaints only what changed."""

    DEFAULT_CSS = """
    PatchPanel > Horizontal { height: 1fr; }
    PatchPanel PatchFacts { width: 1fr; height: 1fr; margin-left: 2; }
    PatchPanel EnlargedPatch { width: 10; height: 5; }
    PatchPanel MiniMap { width: 14; height: 5; margin-left: 1; }
    """

    def __init__(self) -> None:
        super().__init__()
        self.number = 0
        self._shown: tuple[Results | None, Selection] | None = None

    def compose(self) -> ComposeResult:
        header = PatchHeader()
        header.number = self.number
        yield header
        with Horizontal():
            yield EnlargedPatch()
            yield PatchFacts()
            yield MiniMap()

    def on_resize(self) -> None:
        if self._shown is not None:
            self.show(*self._shown)

    def show(self, results: Results | None, selection: Selection) -> None:
        """Show the patch under the cursor."""
        self._shown = results, selection
        under = CursorPlace.of(results, selection)
        enlarged, minimap = self.query_one(EnlargedPatch), self.query_one(MiniMap)
        # twelve can be divided by three and four too; ten cost less to repaint
        cells = 12 if under and of_tokens(selection.stage) and max(under.page.split) > 2 else 10
        enlarged.styles.width, enlarged.styles.height = cells, cells // 2
        # a token that lies in no grid has nothing to enlarge, an image without tiles needs no map
        roomy = self.size.width >= cells + 2 + LEAST_FACTS_CELLS and self.size.height > cells // 2
        enlarged.display = roomy and (under is None or under.page.grid is not None)
        self.query_one(PatchFacts).styles.margin = (0, 0, 0, 2 if enlarged.display else 0)
        needs = enlarged.display and results is not None and len(results.pages(selection.stage)) > 1
        room = self.size.width - cells - 2 - LEAST_FACTS_CELLS - 1
        minimap.styles.width = min(MAP_CELLS[1], max(MAP_CELLS[0], room))
        minimap.display = needs and room >= MAP_CELLS[0]
        for part in (self.query_one(PatchHeader), enlarged, self.query_one(PatchFacts), minimap):
            part.show(results, selection)


class PatchHeader(Lines):
    """Page, row, column and token index."""

    def build(self, cells: int, rows: int) -> list[Strip]:
        """One line."""
        r = self.roles
        under = CursorPlace.of(self._results, self._selection)
        where = where_text(under, self._selection) if under else ""
        title = "TOKEN" if under and under.page.grid is None else "PATCH"
        return [line(cells, r.style(), self.heading(title), [(where, r.style("dim"))])]


class EnlargedPatch(Lines):
    """The pixels of the file within the patch's box, divided as the vision patches lie; or those the model gets."""

    def build(self, cells: int, rows: int) -> list[Strip]:
        """Half-blocks."""
        under, selection = CursorPlace.of(self._results, self._selection), self._selection
        if under is None or under.page.grid is None:
            return []
        # boxes of resampled tokens are larger than their cells; what is clipped is shown with its padding
        place, cell = under.place, under.page.cell_box(selection.row, selection.col)
        box = place.box if place.box and place.inside >= 1 else cell
        seen = patch_embedding(under.results, selection)
        pixels = (
            _given(seen, (cells, 2 * rows)) if seen else resize_padded(under.results.picture, box, (cells, 2 * rows))
        )
        split = under.page.split if of_tokens(selection.stage) else (1, 1)
        strips = []
        for y in range(rows):
            pair = pixels[2 * y : 2 * y + 2]
            segments = [half_block(tuple(a), tuple(b)) for a, b in zip(*pair.tolist(), strict=True)]
            for x, mark in divisions(y, cells, rows, split):
                segments[x] = divided(pair[:, x], mark)
            strips.append(Strip(segments, cells).simplify())
        return strips


class PatchFacts(Lines):
    """Box in the file, mean colour, how the model saw it, what feeds it."""

    def build(self, cells: int, rows: int) -> list[Strip]:
        """One line a fact; where there are too few, as many facts to a line as stand side by side."""
        under = CursorPlace.of(self._results, self._selection)
        if under is None:
            return []
        r = self.roles
        said = fact_lines(r, under, self._selection, cells, rows)
        return [line(cells, r.style(), parts) for parts in said]


def _given(seen: PatchEmbeddingResult, size: tuple[int, int]) -> Pixels:
    """The levels that the model gets, at `size` (width, height)."""
    levels = Image.fromarray(np.clip(np.rint(seen.pixels), 0, 255).astype(np.uint8))
    enlarged = size[0] > levels.width and size[1] > levels.height
    how = Image.Resampling.NEAREST if enlarged else Image.Resampling.BOX
    return np.asarray(levels.resize(size, how))


PANEL = Panel(
    "patch",
    "Patch",
    PatchPanel,
    wanted_rows,
    least=least_rows,
    columns=12 + 2 + FACTS_CELLS,
    needs=(needs.patch,),
)
