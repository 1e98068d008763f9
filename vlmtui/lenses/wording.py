"""What front ends say of a lens's numbers: in its own words where it is built in, else in those of its description."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np

from vlmtui.display.colours import Rgb, component_colours, magnitude_colours, rgb_colours
from vlmtui.display.pieces import isolate, plain
from vlmtui.lenses.kinds import Colours, ResultKind, Scalars, TokenMaps, details_of
from vlmtui.lenses.registry import find_lens
from vlmtui.lenses.source import LensCall


@dataclass(frozen=True)
class LensResult:
    """What a lens made of a stage: `call` is what was asked."""

    call: LensCall
    stage: str
    result: ResultKind

    @property
    def drawn(self) -> bool:
        """Whether it is colours or numbers to be laid over the image."""
        return isinstance(self.result, Scalars | Colours | TokenMaps)

    @property
    def numbers(self) -> Any:
        """float32 [entries], or [entries, 3] of colours; of maps their mean over the answer's tokens. `TypeError` for a
        kind that has none an entry."""
        if not isinstance(self.result, Scalars | Colours | TokenMaps):
            raise TypeError(f"{type(self.result).__name__} is no number an entry")
        return self.result.values.mean(axis=0) if isinstance(self.result, TokenMaps) else self.result.values

    def painted(self, numbers: Any, low: float, high: float) -> Rgb:
        """Some of its numbers as colours, uint8 [n, 3]; magnitudes on a scale."""
        if np.ndim(numbers) < 2:
            return magnitude_colours(numbers, low, high)
        signed = isinstance(self.result, Colours) and self.result.signed
        return component_colours(numbers) if signed else rgb_colours(numbers)

    @property
    def note(self) -> str:
        """What must be known to read it."""
        return self.result.note

    @property
    def seconds(self) -> float:
        """How long it took."""
        return self.result.seconds

    @property
    def besides(self) -> dict[str, Any]:
        """What a built-in lens says besides."""
        return details_of(self.result)


@dataclass(frozen=True)
class LensInputs:
    """How a front end names what a lens was given: the word or class, the entries it compares with, whether the
    tokenizer's pieces tell where words begin; and the lens's own line, for one that has no words of its own."""

    text: str = ""
    entries: str = ""
    marks_words: bool = False
    line: str = ""


def report_line(looked: LensResult, asked: LensInputs) -> str:
    """What the numbers are, in a report."""
    own = _render(looked.call)
    said = own.report(looked, asked) if own else _described(looked.call, asked)
    return f"{said}{f'; {looked.note}' if looked.note else ''}"


def legend_line(looked: LensResult, asked: LensInputs) -> str:
    """What the numbers are, beneath the image."""
    own = _render(looked.call)
    if own:
        return str(own.legend(looked, asked))
    return f"{lens_label(looked.call)} at {looked.stage}{f', {looked.note}' if looked.note else ''}"


def words_report_line(call: LensCall, line: str) -> str:
    """What the words are that it gives each entry, in a report; its own line where it has no words for it."""
    own = _render(call)
    return str(own.words()) if own and hasattr(own, "words") else _described(call, LensInputs(line=line))


def number_name(call: LensCall, stage: str) -> str:
    """What one of the numbers is called: `cosine`; "" where a lens has no word for it."""
    own = _render(call)
    return str(own.number(stage)) if own and hasattr(own, "number") else ""


def lens_label(call: LensCall) -> str:
    """A lens as it is named on the screen, with what it was given: `sharpness (power 3)`."""
    given = ", ".join(f"{name} {_value(value)}" for name, value in call.options)
    name = isolate(plain(call.lens.shown if call.lens.foreign else call.name))
    return f"{name} ({given})" if given else name


def _described(call: LensCall, asked: LensInputs) -> str:
    return f"{lens_label(call)}: {isolate(plain(asked.line.rstrip('.')))}" if asked.line else lens_label(call)


def _value(value: Any) -> str:
    if isinstance(value, tuple):
        return " ".join(map(_value, value))
    return f"{value:g}" if isinstance(value, float) else isolate(plain(str(value)))


def _render(call: LensCall) -> Any:
    """The module of a built-in lens that says in words what its numbers are."""
    known = None if call.lens.foreign else find_lens(call.name)
    return import_module(known.offer.render) if known and known.offer.render else None
