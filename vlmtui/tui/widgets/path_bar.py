"""Bar of the path: the model from left to right, drawn to its layer counts; the stage looked at is lit."""

from __future__ import annotations

from collections.abc import Sequence

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.message import Message
from textual.strip import Strip

from vlmtui.display.pieces import width
from vlmtui.reading import ModelInfo
from vlmtui.tui.state.results import Results
from vlmtui.tui.state.selection import Selection
from vlmtui.tui.state.stages import ANSWER, PIXELS, TOKENS, llm_depth, path, vision_depth
from vlmtui.tui.widgets.lines import Lines, Part, line

FEWEST = 8
"""Up to so many layers, only the first and the last are named."""
MORE_CELLS = 3
"""Seen of what follows the stage looked at."""


class StageClicked(Message):
    """A stage of the path was clicked."""

    def __init__(self, stage: str) -> None:
        super().__init__()
        self.stage = stage


class PathBar(Lines):
    """`pixels ── vision 0·· 2 ··4 ── tokens ── llm 1·· 3 ── answer`."""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._model: ModelInfo | None = None
        self._stage = ""
        self._answered = False
        self._targets: list[tuple[int, int, str]] = []

    def show(self, results: Results | None, selection: Selection) -> None:
        """Light the stage of a model; the last one can be chosen where the model has been asked."""
        answered = results is not None and results.generation.begun
        shown = results.model if results else None, selection.stage, answered
        if shown != (self._model, self._stage, self._answered):
            self._model, self._stage, self._answered = shown
            super().show(results, selection)

    def build(self, cells: int, rows: int) -> list[Strip]:
        """One line."""
        r = self.roles
        text, dim, rule = r.style(), r.style("dim"), r.style("rule")
        lit = r.style("on_accent", on="accent", bold=True)
        self._targets = []
        parts: list[Part] = [(" ", text)]
        model, here = self._model, self._stage
        if model is None:
            return [line(cells, text, [*parts, ("pixels ── vision ── tokens ── llm ── answer", rule)])]
        there = (*path(model), *((ANSWER,) if self._answered else ()))
        at, end = 1, 0

        def add(piece: str, style: Style, stage: str = "") -> None:
            nonlocal at, end
            if stage and stage == here:
                piece, style = f" {piece} ", lit
                end = at + width(piece)
            parts.append((piece, style))
            if stage in there:
                self._targets.append((at, at + width(piece), stage))
            at += width(piece)

        def add_layers(name: str, numbers: range, current: int | None, room: int) -> None:
            add(f"{name} ", text if current is not None else dim)
            before = ""
            for piece, number in ticks(numbers, current, room):
                stage = f"{name}.{number}"
                if before.isdecimal() and piece.isdecimal() and here not in (stage, f"{name}.{before}"):
                    add(" ", rule)
                before = piece
                # what the model has and cannot be looked at belongs to the path, too
                add(piece, dim if piece != "·" and stage in there else rule, stage)

        vision, llm = range(model.vision_layers + 1), range(1, model.llm_layers + 1)
        tokens, answer = model.embeddings is not None, len(llm) > 0
        fixed = 20 + 10 * tokens + 18 * answer
        for_vision, for_llm = _shared(cells - fixed, _all(vision), _all(llm))
        add(PIXELS, dim, PIXELS)
        add(" ── ", rule)
        add_layers("vision", vision, vision_depth(here), for_vision)
        if tokens:
            add(" ── ", rule)
            add(TOKENS, dim, TOKENS)
        if answer:
            add(" ── ", rule)
            add_layers("llm", llm, llm_depth(here), for_llm)
            add(" ── ", rule)
            add(ANSWER, dim if self._answered else rule, ANSWER)
        # where there is no room for all, the stage looked at must be seen
        skip = min(end + MORE_CELLS, at) - cells
        if skip <= 0:
            return [line(cells, text, parts)]
        self._targets = [(start - skip, stop - skip, stage) for start, stop, stage in self._targets]
        whole = line(at, text, parts)
        return [Strip.join([Strip([Segment("…", rule)], 1), whole.crop(skip + 1, skip + cells)])]

    def on_click(self, event: events.Click) -> None:
        for start, end, stage in self._targets:
            if start <= event.x < end:
                self.post_message(StageClicked(stage))


def ticks(numbers: Sequence[int], here: int | None, room: int) -> list[tuple[str, int]]:
    """Numbers and dots for layers, in order, in some `room` cells: (what to write, which layer).

    The ends are named, of many layers two between them, and `here`, beside which nothing else is; the others are dots,
    and where there is not room enough every second, third ... of them.
    """
    first, last = numbers[0], numbers[-1]
    named = {first, last}
    if len(numbers) > FEWEST:
        # of numbers from 0 to 27 these are 9 and 18, from 1 to 32 11 and 21
        named |= {first + (last - first) // 3, first + 2 * (last - first) // 3}
    if here is not None:
        named = {i for i in named if i in (first, last) or abs(i - here) > 1} | {here}
    taken = sum(len(str(i)) for i in named) + (2 if here is not None else 0)
    dots = [i for i in numbers if i not in named]
    every = -(-len(dots) // max(1, room - taken)) if dots else 1
    kept = set(dots[every // 2 :: every])
    return [(str(i) if i in named else "·", i) for i in numbers if i in named or i in kept]


def _all(numbers: range) -> int:
    """The cells for every layer, and for the one that is lit, with room for its margin."""
    return len(numbers) + 4 * len(str(numbers[-1])) + 2 if numbers else 0


def _shared(room: int, one: int, other: int) -> tuple[int, int]:
    """Room for two that would like to have so much, in proportion where there is less."""
    if one + other <= room:
        return one, other
    share = max(8, room * one // (one + other))
    return share, max(0, room - share)
