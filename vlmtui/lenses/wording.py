"""What front ends say of a lens's numbers: in its own words where it is built in, else in those of its description."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import Any

from vlmtui.display.pieces import isolate, plain
from vlmtui.lenses.kinds import Colours, Kind, Scalars, besides
from vlmtui.lenses.registry import find
from vlmtui.lenses.source import Call


@dataclass(frozen=True)
class Looked:
    """What a lens made of a stage: `call` is what was asked."""

    call: Call
    stage: str
    result: Kind

    @property
    def numbers(self) -> Any:
        """float32 [entries] or [entries, 3]; `TypeError` for a kind that has none an entry."""
        if not isinstance(self.result, Scalars | Colours):
            raise TypeError(f"{type(self.result).__name__} is no number an entry")
        return self.result.values

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
        return besides(self.result)


@dataclass(frozen=True)
class Asked:
    """How a front end names what a lens was given: the word or class, the entries it compares with, and whether the
    tokenizer's pieces tell where words begin."""

    text: str = ""
    entries: str = ""
    marks_words: bool = False


def report_line(looked: Looked, asked: Asked) -> str:
    """What the numbers are, in a report."""
    own = _render(looked.call)
    said = own.report(looked, asked) if own else _described(looked.call)
    return f"{said}{f'; {looked.note}' if looked.note else ''}"


def legend(looked: Looked, asked: Asked) -> str:
    """What the numbers are, beneath the image."""
    own = _render(looked.call)
    if own:
        return str(own.legend(looked, asked))
    return f"{_described(looked.call)} at {looked.stage}{f', {looked.note}' if looked.note else ''}"


def number(call: Call, stage: str) -> str:
    """What one of the numbers is called: `cosine`; "" where a lens has no word for it."""
    own = _render(call)
    return str(own.number(stage)) if own and hasattr(own, "number") else ""


def shown(call: Call) -> str:
    """A lens as it is named on the screen, with what it was given: `sharpness (power 3)`."""
    given = ", ".join(f"{name} {_value(value)}" for name, value in call.options)
    name = isolate(plain(call.lens.shown if call.lens.foreign else call.name))
    return f"{name} ({given})" if given else name


def _described(call: Call) -> str:
    return shown(call)


def _value(value: Any) -> str:
    if isinstance(value, tuple):
        return " ".join(map(_value, value))
    return f"{value:g}" if isinstance(value, float) else isolate(plain(str(value)))


def _render(call: Call) -> Any:
    """The module of a built-in lens that says in words what its numbers are."""
    known = None if call.lens.foreign else find(call.name)
    return import_module(known.offer.render) if known and known.offer.render else None
