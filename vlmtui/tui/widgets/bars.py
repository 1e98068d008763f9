"""Bars of one line: title, status, keys."""

from __future__ import annotations

from collections.abc import Sequence

from textual.strip import Strip

from vlmtui.catalogue import CHOOSE_A_MODEL
from vlmtui.display.cell_layout import FIT, ZOOMS
from vlmtui.display.numbers import format_bytes, format_duration, pixels
from vlmtui.display.pieces import plain, width
from vlmtui.reading import ImageInfo, ModelInfo
from vlmtui.session.protocol import Status
from vlmtui.tui.state.results import Results
from vlmtui.tui.state.selection import NAMED, NONE, Selection
from vlmtui.tui.state.stages import ANSWER
from vlmtui.tui.state.status import SessionStatus
from vlmtui.tui.widgets.lines import Lines, Part, line

BarKey = tuple[str, str]
"""A key as it is written, and what it does."""
HELP, QUIT = "help", "quit"
"""What the keys do that tell of all the others, and lead out."""


_GAP = " " * 3
"""Between two keys of the key bar."""


class TitleBar(Lines):
    """Which image, which model; against the right edge the overlay and the zoom."""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._image: ImageInfo | None = None
        self._model: ModelInfo | None = None
        self._views = [""]

    def show_view(self, *views: str) -> None:
        """Say how the image is looked at, in one of several ways, the longest first."""
        if [*views, ""] != self._views:
            self._views = [*views, ""]
            self.rebuild()

    def show(self, results: Results | None, selection: Selection) -> None:
        """Name the image and the model."""
        shown = (results.image, results.model) if results else (None, None)
        if shown != (self._image, self._model):
            self._image, self._model = shown
            super().show(results, selection)

    def build(self, cells: int, rows: int) -> list[Strip]:
        """One line: as much as fits of what there is to say, the note of a model last to go."""
        r = self.roles
        strong, dim = r.style("strong", "raised", bold=True), r.style("dim", "raised")
        image, model = self._image, self._model
        source = plain(image.source) if image else ""
        names = [source, source.rsplit("/", 1)[-1]]
        size = f" {pixels(image.width, image.height)}   " if image else ""
        said = plain(model.name) if model else ""
        parts = f" {model.parts}   " if model else ""
        note = model.note if model else ""
        advice = [f"{CHOOSE_A_MODEL} ", "M: choose a real model "] if note else [""]
        variants = [
            (names[0], parts, advice[0]),
            (names[0], parts, advice[-1]),
            (names[1], parts, advice[-1]),
            (names[1], "   ", advice[-1]),
            (names[1], "   ", "M: a real model " if note else ""),
        ]
        # what lies over the image is told rather than of what parts the model is, and that there are real models first
        said_all = [(*variant, view) for view in self._views for variant in variants]
        said_all += [(names[1], "   ", "", view) for view in self._views]
        for name, middle, tail, view in said_all:
            tail = "  ".join(part.strip() for part in (tail, view) if part) + " "
            if width(f" {name}{size}{said}{middle}{note}  {tail}") <= cells:
                break
        else:
            # rather than the zoom the note is cut
            tail = f"{self._views[-2]} " if len(self._views) > 1 else tail
        left: list[Part] = [(" ", dim), (name, strong), (size, dim), (said, strong), (middle, dim)]
        left.append((note, r.style("accent", "raised")))
        return [line(cells, r.style("text", "raised"), left, [(tail, dim)])]


def view_texts(results: Results, selection: Selection, shrinks: bool) -> tuple[str, ...]:
    """What lies over the image and how large it is, the longest first; nothing where no grid is drawn.

    `shrinks`: all of it is in view only as averages.
    """
    page = results.page(selection)
    if page is None or page.grid is None:
        return ()
    size = "fit" if shrinks and selection.zoom == FIT else f"{max(selection.zoom, ZOOMS[0])}×"
    if selection.stage != ANSWER and selection.overlay == NONE:
        return (size,)
    if selection.stage != ANSWER:
        return f"overlay: {selection.overlay} · {size}", size
    attribution = selection.of_answer.attribution
    named = NAMED.get(attribution, attribution)
    # over an answer lies what it depends on; of the attention mask the image is no ground
    return (size,) if selection.of_answer.mask is not None else (f"overlay: {named} · {size}", size)


DEPTHS = {"truecolor": "truecolor", "256": "256 colours", "standard": "16 colours: try --color 256"}


def state_facts(
    model: ModelInfo | None, status: Status | None, seconds: tuple[str, float] | None, depth: str | None
) -> tuple[str, ...]:
    """Model, device, dtype, memory held, the last timing, the colour depth: as far as they are known."""
    facts = [plain(model.name), model.device, model.dtype] if model else []
    if status:
        facts.append(format_bytes(status.device_memory or status.process_memory))
    if seconds:
        facts.append(f"last: {seconds[0]} {format_duration(seconds[1])}")
    return (*facts, DEPTHS.get(depth or "", "no colour"))


def status_line(
    status: SessionStatus, model: ModelInfo | None, depth: str | None, alive: bool, where: str
) -> tuple[str, str, tuple[str, ...]]:
    """Health, text and facts of the line of status; `depth` is the colour system found.

    `where` names the session where it is not the explorer's own.
    """
    facts = state_facts(model, status.reported, status.seconds, depth)
    if where:
        facts = (*facts[:-1], where, facts[-1])
    if status.trouble:
        return "outlier", status.trouble, facts
    if status.work.doing:
        return "accent", status.work.line, facts
    return "alive" if alive else "dim", "", facts


class StatusBar(Lines):
    """What the session is, holds and does."""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._health = "dim"
        self._text = ""
        self._facts: tuple[str, ...] = ()

    def report(self, health: str, text: str, facts: tuple[str, ...] = ()) -> None:
        """`health` is the role of the dot (alive, outlier, accent, dim); `text` what goes on; `facts` beside it."""
        if (health, text, facts) != (self._health, self._text, self._facts):
            self._health, self._text, self._facts = health, text, facts
            self.rebuild()

    def build(self, cells: int, rows: int) -> list[Strip]:
        """One line."""
        r = self.roles
        parts: list[Part] = [(" ● ", r.style(self._health, "raised"))]
        if self._text:
            role = "outlier" if self._health == "outlier" else "text"
            parts.append((f"{self._text}   ", r.style(role, "raised")))
        room = cells - sum(width(text) for text, _ in parts)
        for fact in self._facts:
            # a fact is whole or not there
            if width(fact) > room and len(parts) > 1:
                continue
            parts.append((f"{fact}   ", r.style("dim", "raised")))
            room -= width(fact) + 3
        # nothing follows the last
        parts[-1] = parts[-1][0].rstrip() if len(parts) > 1 else parts[-1][0], parts[-1][1]
        return [line(cells, r.style("text", "raised"), parts)]


class KeysBar(Lines):
    """The keys that fit; `?` shows all."""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._keys: list[BarKey] = []

    def offer(self, keys: Sequence[BarKey]) -> None:
        """Name these, as far as there is room."""
        if list(keys) != self._keys:
            self._keys = list(keys)
            self.rebuild()

    def build(self, cells: int, rows: int) -> list[Strip]:
        """One line."""
        r = self.roles
        parts: list[Part] = [(" ", r.style(on="raised"))]
        room = cells - 1
        for key, name in seen(self._keys, room):
            parts += [(key, r.style("accent", "raised")), (f" {name}{_GAP}", r.style("dim", "raised"))]
        # nothing follows the last
        parts[-1] = parts[-1][0].rstrip() or " ", parts[-1][1]
        return [line(cells, r.style(on="raised"), parts)]


def seen(keys: Sequence[BarKey], room: int) -> list[BarKey]:
    """Those that help and quit, and of the others the first that there is room for, one after the other."""
    room += len(_GAP) - sum(_bar_cells(one) for one in keys if one[1] in (HELP, QUIT))
    there = []
    for one in keys:
        if one[1] in (HELP, QUIT):
            there.append(one)
        elif _bar_cells(one) <= room:
            room -= _bar_cells(one)
            there.append(one)
    return there


def _bar_cells(one: BarKey) -> int:
    return width(one[0]) + 1 + len(one[1]) + len(_GAP)
