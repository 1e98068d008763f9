"""Lens text: report lines, legends and labels of a lens's numbers, from its `render` module or its description."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np

from vlmtui.display.colours import Rgb, component_colours, rgb_colours
from vlmtui.display.numbers import percent
from vlmtui.display.pieces import isolate, plain
from vlmtui.display.value_scale import ValueScale
from vlmtui.lenses.kinds import Colours, ResultKind, Scalars, TokenMaps, details_of
from vlmtui.lenses.lens_source import LensCall
from vlmtui.lenses.registry import find_lens
from vlmtui.reading import of_patches
from vlmtui.results.noise_baseline import NOISE_LEVEL, NoiseBaseline


@dataclass(frozen=True)
class LensResult:
    """The result of a lens at a stage; `call` is the lens and its options. Numbers up to `noise_end` are noise, where
    it is known."""

    call: LensCall
    stage: str
    result: ResultKind
    noise_end: float | None = None

    @property
    def drawn(self) -> bool:
        """Whether the result can be drawn over the image: numbers or colours per entry."""
        return isinstance(self.result, Scalars | Colours | TokenMaps)

    @property
    def numbers(self) -> Any:
        """Numbers per entry, float32 [entries], or colours [entries, 3]; of maps the mean over the answer's tokens.

        `TypeError` for a kind without numbers per entry.
        """
        if not isinstance(self.result, Scalars | Colours | TokenMaps):
            raise TypeError(f"{type(self.result).__name__} has no number per entry")
        return self.result.values.mean(axis=0) if isinstance(self.result, TokenMaps) else self.result.values

    def painted(self, numbers: Any, scale: ValueScale) -> Rgb:
        """Map some of the numbers to colours, uint8 [n, 3]; plain numbers on a scale."""
        if np.ndim(numbers) < 2:
            return scale.colours(numbers)
        signed = isinstance(self.result, Colours) and self.result.signed
        return component_colours(numbers) if signed else rgb_colours(numbers)

    def scale(self, numbers: Any) -> ValueScale:
        """The scale of some of the numbers [n], without what is noise; of colours [n, 3] one without meaning."""
        return ValueScale.of(numbers, self.noise_end) if np.ndim(numbers) < 2 else ValueScale(0.0, 1.0)

    @property
    def note(self) -> str:
        """The note of the result."""
        return self.result.note

    @property
    def seconds(self) -> float:
        """How long the lens took."""
        return self.result.seconds

    @property
    def besides(self) -> dict[str, Any]:
        """The details of a built-in lens."""
        return details_of(self.result)


@dataclass(frozen=True)
class LensInputs:
    """The inputs of a lens as clients name them: the word or class, the entries compared with, whether the tokenizer's
    pieces mark where words begin, and the lens's help line, for a lens without a `render` module."""

    text: str = ""
    entries: str = ""
    marks_words: bool = False
    line: str = ""


def report_line(found: LensResult, inputs: LensInputs) -> str:
    """The line of a report that says what the numbers are."""
    own = _render(found.call)
    said = own.report(found, inputs) + _of_noise(found.call) if own else _described(found.call, inputs)
    return f"{said}{f'; {found.note}' if found.note else ''}"


def legend_line(found: LensResult, inputs: LensInputs) -> str:
    """The legend below the image that says what the numbers are."""
    own = _render(found.call)
    if own:
        return str(own.legend(found, inputs)) + _of_noise(found.call)
    return f"{lens_label(found.call)} at {found.stage}{f', {found.note}' if found.note else ''}"


def brief_legend(found: LensResult, inputs: LensInputs) -> str:
    """The legend below the image in fewer words, where the lens has such."""
    own = _render(found.call)
    if own and hasattr(own, "brief"):
        return str(own.brief(found, inputs)) + _of_noise(found.call)
    return legend_line(found, inputs)


def words_report_line(call: LensCall, line: str) -> str:
    """The line of a report that says what the words of each entry are; the help line where the lens has no other."""
    own = _render(call)
    return str(own.words()) if own and hasattr(own, "words") else _described(call, LensInputs(line=line))


def number_name(call: LensCall, stage: str) -> str:
    """The name of one number: `cosine`; "" where the lens gives none."""
    own = _render(call)
    return str(own.number(stage)) if own and hasattr(own, "number") else ""


def lens_label(call: LensCall) -> str:
    """A lens and its options in display form: `sharpness (power 3)`."""
    given = ", ".join(f"{name} {_value(value)}" for name, value in call.options)
    name = isolate(plain(call.lens.shown if call.lens.foreign else call.name))
    return f"{name} ({given})" if given else name


def _described(call: LensCall, inputs: LensInputs) -> str:
    return f"{lens_label(call)}: {isolate(plain(inputs.line.rstrip('.')))}" if inputs.line else lens_label(call)


def _of_noise(call: LensCall) -> str:
    """What is added where the numbers asked for are those of noise."""
    return ", of the image with its pixels shuffled" if call.given.get("noise") is True else ""


def _value(value: Any) -> str:
    if isinstance(value, tuple):
        return " ".join(map(_value, value))
    return f"{value:g}" if isinstance(value, float) else isolate(plain(str(value)))


def _render(call: LensCall) -> Any:
    """The `render` module of a built-in lens; None for other lenses and where it has none."""
    known = None if call.lens.foreign else find_lens(call.name)
    return import_module(known.offer.render) if known and known.offer.render else None


def noise_caption(share: float, null: NoiseBaseline) -> str:
    """`41% of tokens beat 95% of noise (by chance: 5%)`, for a share in percent."""
    noun = "patches" if of_patches(null.stage) else "tokens"
    chance = percent(100 - NOISE_LEVEL)
    return f"{percent(share)} of {noun} beat {percent(NOISE_LEVEL)} of {null.noise_name} (by chance: {chance})"
