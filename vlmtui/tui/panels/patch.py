"""Patch panel: the patch under the cursor enlarged, facts about it, and where its page lies in the image.

At `pixels` and `vision.0` it is shown as the model gets it, once the session has said how that is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import numpy as np
from PIL import Image
from rich.color import Color
from rich.style import Style
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.strip import Strip

from vlmtui.display.canvas import Pixels, resize_padded
from vlmtui.display.colours import hex_colour
from vlmtui.display.entry_grids import EntryGrid
from vlmtui.display.grid_names import unplaced_reason
from vlmtui.display.numbers import box as box_text
from vlmtui.display.numbers import count, format_number, percent
from vlmtui.geometry import Box, Place, pixel_bounds
from vlmtui.reading import Reading
from vlmtui.results.patch_embedding import PatchEmbeddingResult
from vlmtui.tui import needs
from vlmtui.tui.panels.panel import Panel, fixed
from vlmtui.tui.state.patch_facts import any_patch, before_first_block, patch_embedding, recurring
from vlmtui.tui.state.results import Results
from vlmtui.tui.state.selection import NORMS, Selection
from vlmtui.tui.state.stages import TOKENS, llm_depth, of_tokens
from vlmtui.tui.widgets.blocks import half_block
from vlmtui.tui.widgets.lines import Lines, Part, fitting, line, wrapped
from vlmtui.tui.widgets.minimap import MiniMap
from vlmtui.tui.widgets.patch_cells import divided, divisions

LABEL_CELLS = 9
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
        roomy = self.size.width >= cells + 2 + LEAST_FACTS_CELLS
        enlarged.display = roomy and (under is None or under.page.grid is not None)
        self.query_one(PatchFacts).styles.margin = (0, 0, 0, 2 if enlarged.display else 0)
        needs = enlarged.display and results is not None and len(results.pages(selection.stage)) > 1
        room = self.size.width - cells - 2 - LEAST_FACTS_CELLS - 1
        minimap.styles.width = min(MAP_CELLS[1], max(MAP_CELLS[0], room))
        minimap.display = needs and room >= MAP_CELLS[0]
        for part in (self.query_one(PatchHeader), enlarged, self.query_one(PatchFacts), minimap):
            part.show(results, selection)


@dataclass(frozen=True)
class CursorPlace:
    """What is under the cursor."""

    results: Results
    reading: Reading
    page: EntryGrid
    place: Place

    @classmethod
    def of(cls, results: Results | None, selection: Selection) -> CursorPlace | None:
        """None where there is nothing."""
        page, place = (results.page(selection), results.place(selection)) if results else (None, None)
        if results is None or results.reading is None or page is None or place is None:
            return None
        return cls(results, results.reading, page, place)


class PatchHeader(Lines):
    """Page, row, column and token index."""

    def build(self, cells: int, rows: int) -> list[Strip]:
        """One line."""
        r = self.roles
        under = CursorPlace.of(self._results, self._selection)
        where = where_text(under, self._selection) if under else ""
        title = "TOKEN" if under and under.page.grid is None else "PATCH"
        return [line(cells, r.style(), self.heading(title), [(where, r.style("dim"))])]


def where_text(under: CursorPlace, selection: Selection) -> str:
    """`tile 3 of 5 · row 4 · column 7 · token 812`; the page only where there are several."""
    what = f"{'token' if of_tokens(selection.stage) else 'patch'} {under.place.index}"
    if under.page.grid is None:
        return f"{under.place.kind} {what}" if under.place.kind != "patch" else what
    page = f"{under.page.name} · " if len(under.results.pages(selection.stage)) > 1 else ""
    return f"{page}row {selection.row} · column {selection.col} · {what}"


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
        """One line a fact."""
        under = CursorPlace.of(self._results, self._selection)
        if under is None:
            return []
        r = self.roles
        if under.page.grid is None:
            said = unplaced_reason(under.place, under.reading.placeless)
            recurs = recurring(under.results, self._selection)
            lines = [*wrapped(said, cells), *([f"outlier {recurs}"] if recurs else [])]
            return [line(cells, r.style(), [(part, r.style())]) for part in lines]
        return [
            line(cells, r.style(), [(label.ljust(LABEL_CELLS), r.style("dim")), *parts])
            for label, parts in self._facts(under, cells - LABEL_CELLS)
        ]

    def _facts(self, under: CursorPlace, cells: int) -> list[tuple[str, list[Part]]]:
        """Labels and facts, each of which says less where it would not stand whole in so many cells."""
        r = self.roles
        text, dim = r.style(), r.style("dim")
        reading, place = under.reading, under.place
        facts: list[tuple[str, list[Part]]] = []
        if place.box is None:
            facts.append(("in file", [(fitting(cells, "nothing: it lies in the padding", "nothing: padding"), text)]))
        else:
            whole = cast(Box, tuple(map(round, place.box)))
            facts.append(("in file", [(fitting(cells, box_text(place.box), box_text(whole)), text)]))
            if place.inside < 1.0:
                facts.append(
                    ("padding", [(percent(100 * (1 - place.inside)), text), (" of it, the rest is image", dim)])
                )
            mean = mean_colour(under.results, place)
            swatch = Style(bgcolor=Color.from_rgb(*mean))
            rgb = " ".join(str(v) for v in mean)
            named = f" {hex_colour(mean)}"
            facts.append(("mean", [("  ", swatch), (fitting(cells - 2, f"{named}  rgb {rgb}", named), text)]))
        tall, wide = reading.patch_size
        feeds, stage = reading.model.feeds, self._selection.stage
        # what a token saw is all of its patches
        down, across = under.page.split if of_tokens(stage) and len(place.patches) > 1 else (1, 1)
        size = f"{across * wide}×{down * tall} px"
        facts.append(("seen as", [(fitting(cells, f"{size} of {reading.seen}", size), text)]))
        if before_first_block(stage):
            facts += self._embedding_facts(under)
        elif of_tokens(stage):
            if len(place.patches) > 1:
                down, across = under.page.split
                laid = f" ({down}×{across})" if down * across == len(place.patches) else ""
                patches = count(len(place.patches), "vision patch", "vision patches")
                facts.append(("made of", [(fitting(cells, f"{patches}{laid}", patches), text)]))
            elif not place.patches:
                facts.append(("made of", [(fitting(cells, "patches of several tiles, resampled", "resampled"), text)]))
            layer = llm_depth(stage)
            if layer is not None:
                before = TOKENS if layer == 1 else f"llm.{layer - 1}"
                through = f"{before} → layer {layer}"
                facts.append(("reads", [(fitting(cells, f"{through} → here", through), text)]))
            elif feeds:
                through = f"{feeds} → projector"
                facts.append(("reads", [(fitting(cells, f"{through} → here", through), text)]))
        elif stage == feeds:
            facts.append(("feeds", [("the projector", r.style("accent"))]))
        if recurs := recurring(under.results, self._selection):
            facts.append(("outlier", [(recurs, text)]))
        return facts

    def _embedding_facts(self, under: CursorPlace) -> list[tuple[str, list[Part]]]:
        """What the session says of the patch before the first block; how it is flattened, once it has of any."""
        text, dim = self.roles.style(), self.roles.style("dim")
        some, this = any_patch(under.results), patch_embedding(under.results, self._selection)
        facts: list[tuple[str, list[Part]]] = []
        if some is not None:
            tall, wide, channels = some.pixels.shape
            one = f"{tall} × {wide} × {channels}"
            laid = f"{some.frames} × {one} =" if some.frames > 1 else f"{one} ="
            flat = "" if some.frames > 1 else ", flattened"
            facts.append(("is", [(f"{laid} {some.length:,} values{flat}", text)]))
        if this is not None and this.projected is not None:
            made: list[Part] = [(format_number(this.projected), text), (" projected", dim)]
            if this.position is not None:
                made += [(", ", dim), (format_number(this.position), text), (" position", dim)]
            facts.append((NORMS, [*made, ("" if this.position is not None else ", no position added", dim)]))
        return facts


def _given(seen: PatchEmbeddingResult, size: tuple[int, int]) -> Pixels:
    """The levels that the model gets, at `size` (width, height)."""
    levels = Image.fromarray(np.clip(np.rint(seen.pixels), 0, 255).astype(np.uint8))
    enlarged = size[0] > levels.width and size[1] > levels.height
    how = Image.Resampling.NEAREST if enlarged else Image.Resampling.BOX
    return np.asarray(levels.resize(size, how))


def mean_colour(results: Results, place: Place) -> tuple[int, int, int]:
    """The mean of the file's pixels that the box touches."""
    assert place.box is not None
    left, top, right, bottom = pixel_bounds(place.box, results.image.width, results.image.height)
    part = np.asarray(results.picture.crop((left, top, right, bottom)), dtype=np.float64)
    red, green, blue = (round(float(v)) for v in part.reshape(-1, 3).mean(axis=0))
    return red, green, blue


PANEL = Panel("patch", "Patch", PatchPanel, fixed(7), least=5, columns=12 + 2 + FACTS_CELLS, needs=(needs.patch,))
