"""The patch under the cursor: itself enlarged, and the facts about it."""

from __future__ import annotations

import numpy as np
from rich.color import Color
from rich.style import Style
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.strip import Strip

from vlmtui.display.canvas import resized
from vlmtui.display.colours import hex_of
from vlmtui.display.numbers import box as box_text
from vlmtui.display.numbers import percent
from vlmtui.grid import Place, pixel_bounds
from vlmtui.tui.lines import Part, line
from vlmtui.tui.view import Known, View
from vlmtui.tui.widgets.panel import ViewPanel
from vlmtui.tui.widgets.picture import half_block

LABEL_CELLS = 9


class PatchPanel(Vertical):
    """A header, and below it the enlarged patch beside its facts: apart, so that each repaints only what changed."""

    DEFAULT_CSS = """
    PatchPanel > Horizontal { height: 1fr; }
    PatchPanel PatchFacts { width: 1fr; height: 1fr; margin-left: 2; }
    PatchPanel EnlargedPatch { width: 10; height: 5; }
    """

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id, classes="panel")

    def compose(self) -> ComposeResult:
        yield PatchHeader()
        with Horizontal():
            yield EnlargedPatch()
            yield PatchFacts()

    def show(self, known: Known | None, view: View) -> None:
        """Show the patch under the cursor."""
        for part in (self.query_one(PatchHeader), self.query_one(EnlargedPatch), self.query_one(PatchFacts)):
            part.show(known, view)


class PatchPart(ViewPanel):
    """What the parts of the panel have in common: the place under the cursor."""

    @property
    def _place(self) -> Place | None:
        return self._known.place(self._view) if self._known else None


class PatchHeader(PatchPart):
    """Row, column and token index."""

    def build(self, cells: int, rows: int) -> list[Strip]:
        """One line."""
        r = self.roles
        where = ""
        if self._place:
            what = "token" if self._view.stage == "tokens" else "patch"
            where = f"row {self._view.row} · column {self._view.col} · {what} {self._place.index}"
        return [line(cells, r.style(), [("PATCH", r.style(bold=True))], [(where, r.style("dim"))])]


class EnlargedPatch(PatchPart):
    """The pixels of the file within the patch's box."""

    def build(self, cells: int, rows: int) -> list[Strip]:
        """Half-blocks."""
        if self._known is None or self._place is None or self._place.box is None:
            return []
        pixels = resized(self._known.picture, self._place.box, (cells, 2 * rows)).tolist()
        pairs = zip(pixels[::2], pixels[1::2], strict=True)
        return [
            Strip([half_block(tuple(a), tuple(b)) for a, b in zip(top, bottom, strict=True)], cells).simplify()
            for top, bottom in pairs
        ]


class PatchFacts(PatchPart):
    """Box in the file, mean colour, how the model saw it, what feeds it."""

    def build(self, cells: int, rows: int) -> list[Strip]:
        """One line a fact."""
        if self._known is None or self._known.reading is None or self._place is None:
            return []
        r = self.roles
        return [
            line(cells, r.style(), [(label.ljust(LABEL_CELLS), r.style("dim")), *parts])
            for label, parts in self._facts(self._known, self._place)
        ]

    def _facts(self, known: Known, place: Place) -> list[tuple[str, list[Part]]]:
        r = self.roles
        text = r.style()
        assert known.reading is not None
        reading, model = known.reading, known.reading.model
        facts: list[tuple[str, list[Part]]] = []
        if place.box is None:
            facts.append(("in file", [("nothing: it lies in the padding", text)]))
        else:
            facts.append(("in file", [(box_text(place.box), text)]))
            mean = mean_colour(known, place)
            swatch = Style(bgcolor=Color.from_rgb(*mean))
            rgb = " ".join(str(v) for v in mean)
            facts.append(("mean", [("  ", swatch), (f" {hex_of(mean)}  rgb {rgb}", text)]))
            if place.inside < 1.0:
                facts.append(("inside", [(f"{percent(100 * place.inside)} is picture, the rest padding", text)]))
        tall, wide = reading.patch_size
        facts.append(("seen as", [(f"{wide}×{tall} px of {reading.seen}", text)]))
        if self._view.stage == "tokens" and model.feeds:
            facts.append(("reads", [(f"{model.feeds} → projector → here", text)]))
        elif self._view.stage == model.feeds:
            facts.append(("feeds", [("the projector", r.style("accent"))]))
        if len(place.patches) > 1:
            facts.append(("made of", [(f"{len(place.patches)} vision patches", text)]))
        return facts


def mean_colour(known: Known, place: Place) -> tuple[int, int, int]:
    """The mean of the file's pixels that the box touches."""
    assert place.box is not None
    left, top, right, bottom = pixel_bounds(place.box, known.image.width, known.image.height)
    part = np.asarray(known.picture.crop((left, top, right, bottom)), dtype=np.float64)
    red, green, blue = (round(float(v)) for v in part.reshape(-1, 3).mean(axis=0))
    return red, green, blue
