"""Single lines of the screen: title, legend, state, keys."""

from __future__ import annotations

import numpy as np
from rich.color import Color
from rich.style import Style
from textual.strip import Strip

from vlmtui.catalogue import CHOOSE_A_MODEL
from vlmtui.display.colours import differences, magnitudes
from vlmtui.display.numbers import duration, figure, memory, pixels
from vlmtui.display.pieces import plain, width
from vlmtui.reading import ImageInfo, ModelInfo
from vlmtui.session.messages import Status
from vlmtui.tui.lines import Lines, Part, line


class TitleBar(Lines):
    """Which picture, which model."""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._image: ImageInfo | None = None
        self._model: ModelInfo | None = None

    def show(self, image: ImageInfo | None, model: ModelInfo | None) -> None:
        """Name the picture and the model."""
        self._image, self._model = image, model
        self.rebuild()

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
        advice = [f"{CHOOSE_A_MODEL} ", "M: choose a real one "] if note else [""]
        variants = [
            (names[0], parts, advice[0]),
            (names[0], parts, advice[-1]),
            (names[1], parts, advice[-1]),
            (names[1], "   ", advice[-1]),
            (names[1], "   ", "M: a real one " if note else ""),
            (names[1], "   ", ""),
        ]
        for name, middle, tail in variants:
            if width(f" {name}{size}{said}{middle}{note}  {tail}") <= cells:
                break
        left: list[Part] = [(" ", dim), (name, strong), (size, dim), (said, strong), (middle, dim)]
        left.append((note, r.style("accent", "raised")))
        return [line(cells, r.style("text", "raised"), left, [(tail, dim)])]


LEAST_STEPS, MOST_STEPS = 4, 24
"""Of a scale's colours."""


class LegendBar(Lines):
    """What lies over the picture, with its scale."""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._text = ""
        self._range: tuple[float, float] | None = None
        self._here = ""
        self._diverging = False

    def show(
        self, text: str, scale: tuple[float, float] | None = None, here: str = "", diverging: bool = False
    ) -> None:
        """Name the overlay; `scale` is the range of a heat map, `diverging` one of differences, `here` what it is under
        the cursor."""
        if (text, scale, here, diverging) != (self._text, self._range, self._here, self._diverging):
            self._text, self._range, self._here, self._diverging = text, scale, here, diverging
            self.rebuild()

    def build(self, cells: int, rows: int) -> list[Strip]:
        """One line."""
        r = self.roles
        parts: list[Part] = [(self._text, r.style("dim"))]
        if self._here:
            parts.append((f"  {self._here}", r.style()))
        if self._range:
            low, high = (figure(end, 3) for end in self._range)
            free = cells - sum(width(text) for text, _ in parts)
            room, said = free - width(f"  {low}  {high}"), f"  ±{high}" if self._diverging else f"  {low}–{high}"
            if room >= LEAST_STEPS:
                parts.append((f"  {low} ", r.style()))
                steps = np.linspace(-1, 1, min(room, MOST_STEPS))
                colours = differences(steps, 1) if self._diverging else magnitudes(steps, -1, 1)
                parts += [(" ", Style(bgcolor=Color.from_rgb(*(int(v) for v in c)))) for c in colours]
                parts.append((f" {high}", r.style()))
            elif free >= width(said):
                parts.append((said, r.style()))
        return [line(cells, r.style(), parts)]


DEPTHS = {"truecolor": "truecolor", "256": "256 colours", "standard": "16 colours: try --color 256"}


def state_facts(
    model: ModelInfo | None, status: Status | None, seconds: tuple[str, float] | None, depth: str | None
) -> tuple[str, ...]:
    """Model, device, dtype, memory held, the last timing, the colour depth: as far as they are known."""
    facts = [plain(model.name), model.device, model.dtype] if model else []
    if status:
        facts.append(memory(status.device_memory or status.process_memory))
    if seconds:
        facts.append(f"{seconds[0]} {duration(seconds[1])}")
    return (*facts, DEPTHS.get(depth or "", "no colour"))


class StatusBar(Lines):
    """What the session is, holds and does."""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._health = "dim"
        self._text = ""
        self._facts: tuple[str, ...] = ()

    def show(self, health: str, text: str, facts: tuple[str, ...] = ()) -> None:
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
        parts += [(f"{fact}   ", r.style("dim", "raised")) for fact in self._facts]
        return [line(cells, r.style("text", "raised"), parts)]


KEYS: tuple[tuple[str, str], ...] = (
    ("←↑↓→", "move"),
    ("[ ]", "stage"),
    ("o", "overlay"),
    ("m", "metric"),
    ("/", "find"),
    ("a", "ask"),
    ("?", "help"),
    ("q", "quit"),
    ("+ -", "words"),
    ("g", "go to"),
    ("i", "picture"),
    ("M", "model"),
    ("s", "save"),
    ("y", "copy"),
)
OF_ANSWERS = (
    ("←↑↓→", "move"),
    ("[ ]", "stage"),
    (", .", "token"),
    ("v", "way"),
    ("a", "ask"),
    ("Space", "mark"),
    ("x", "ablate"),
    ("O", "occlusion"),
    ("K", "mask"),
    ("?", "help"),
    ("q", "quit"),
    ("{ }", "layer"),
    ("H", "head"),
)


class KeysBar(Lines):
    """The keys that fit; `?` shows all."""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._keys = [*KEYS]

    def show(
        self, narrow: bool, pages: bool, llm: bool = False, tower: bool = False, answer: bool = False, whole: str = ""
    ) -> None:
        """`narrow`: one panel is seen at a time; `pages`: there are several to turn; `llm`: a layer of the language
        model is looked at, which has no metrics and a page of all its layers; `tower`: a stage of the vision tower,
        from which there is an early exit; `answer`: what the model said; `whole`: what a vision tower says of the
        whole picture, and then it has neither metrics nor answers."""
        there = OF_ANSWERS if answer else KEYS
        keys = [("w", "all layers") if llm and name == "metric" else (key, name) for key, name in there]
        if tower:
            keys.insert(2, ("e", "early exit"))
        if whole:
            keys = [("c", whole) if name == "ask" else (key, name) for key, name in keys if name != "metric"]
        if pages:
            keys.insert(1, ("t T", "tile"))
        if narrow:
            keys.insert(0, ("Tab", "panel"))
        if keys != self._keys:
            self._keys = keys
            self.rebuild()

    def build(self, cells: int, rows: int) -> list[Strip]:
        """One line."""
        r = self.roles
        parts: list[Part] = [(" ", r.style(on="raised"))]
        used = 1
        for key, name in self._keys:
            size = width(key) + len(name) + 4
            if used + size > cells:
                break
            parts += [(key, r.style("accent", "raised")), (f" {name}   ", r.style("dim", "raised"))]
            used += size
        return [line(cells, r.style(on="raised"), parts)]
