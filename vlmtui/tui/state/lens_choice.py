"""Lenses that can be chosen in the explorer: built in, or a person's own as the session describes them.

Plain data: what a lens is comes from the registry or from its description, and nowhere else.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from vlmtui.display.pieces import plain
from vlmtui.errors import UsageError
from vlmtui.lenses.base import Lens, LensOffer, applies_at
from vlmtui.lenses.description import LensDescription, LensOption
from vlmtui.lenses.kinds import Colours, Facts, LayerWords, ResultKind, Scalars, TokenMaps
from vlmtui.lenses.lens_source import LensCall, LensSource
from vlmtui.lenses.registry import built_in_lenses, find_lens, listed_lenses
from vlmtui.metrics import Metric
from vlmtui.reading import ModelInfo

OF_ANSWERS = "answer"
"""The subject of a lens that looks at the model's answer."""
OWN = LensOffer()
"""A lens of a person's own is offered everywhere that its description says."""
QUICK = "quick"
LIST = "list"


@dataclass(frozen=True)
class LensChoice:
    """A lens, `name` as the explorer calls it, and the options `given`: words as they were typed."""

    name: str
    source: LensSource
    described: LensDescription
    offer: LensOffer = OWN
    given: tuple[tuple[str, Any], ...] = ()

    @property
    def built_in(self) -> bool:
        """Whether it comes with vlmtui."""
        return self.offer is not OWN

    @property
    def kind(self) -> type[ResultKind]:
        """The kind of its result."""
        return self.described.result

    @property
    def of_numbers(self) -> bool:
        """Whether it gives every entry a number or a colour."""
        return self.kind in (Scalars, Colours)

    @property
    def of_answers(self) -> bool:
        """Whether it looks at the model's answer, and is a way (`v`) and no overlay."""
        return self.described.subject == OF_ANSWERS

    @property
    def of_single(self) -> bool:
        """Whether it is asked about one entry at a time."""
        return self.kind in (LayerWords, Facts)

    @property
    def in_panel(self) -> bool:
        """Whether what it finds stands in a panel of its own."""
        return not self.of_numbers and self.kind is not TokenMaps

    @property
    def quick(self) -> bool:
        """Whether it may be asked before anybody looks."""
        return self.described.cost == QUICK

    @property
    def missing(self) -> str:
        """The first option that must be given and was not, or ""."""
        # the screen fills some of a built-in lens's
        there = {*dict(self.given), self.offer.word, self.offer.marked}
        return next((name for name in self.described.missing if name not in there), "")

    @property
    def call(self) -> LensCall:
        """The question."""
        return LensCall(self.source, self.given)

    def refuses(self, stage: str, model: ModelInfo) -> str:
        """Why it cannot look at a stage of a model, or ""."""
        if not applies_at(self.described.stages, stage):
            return f"looks at {', '.join(self.described.stages)}, not at {stage}"
        return self.offer.refuses(stage, model)


def name_of(source: LensSource) -> str:
    """What a lens of a person's own is called in the explorer: never as a built-in lens is."""
    return f"./{source.shown}" if source.foreign and find_lens(source.shown) else source.shown


@lru_cache(maxsize=64)
def of_lens(lens: Lens) -> LensChoice:
    """A built-in lens."""
    return LensChoice(lens.name, LensSource(lens.name), lens.described, lens.offer)


def overlays(model: ModelInfo | None = None) -> tuple[Lens, ...]:
    """The built-in lenses that can be laid over the image; of those that look for a word the one that suits a model.

    What the projector makes of a vision stage, and words by layer, have keys and panels of their own; the lens of
    `segments` is shown by that overlay.
    """
    return tuple(
        one
        for one in listed_lenses()
        if one.subject != OF_ANSWERS
        and one.offer.overlay
        and not one.offer.segmented
        and not (model and one.offer.word and not one.offer.suits(model))
    )


def segment_lens(metric: Metric) -> LensChoice | None:
    """The lens whose words `segments` shows first, with lists of words by this metric."""
    lens = next((one for one in listed_lenses() if one.offer.segmented), None)
    return None if lens is None else replace(of_lens(lens), given=(("metric", metric),))


def word_lens(model: ModelInfo | None) -> Lens | None:
    """The lens that looks for a word in a model."""
    return next((one for one in overlays(model) if one.offer.word), None)


def default_overlay() -> str:
    """The overlay that layers are played with where none is chosen."""
    return next(one.name for one in overlays() if one.kind is Colours)


def attributions() -> tuple[str, ...]:
    """The built-in lenses that give a map of the image for the model's answer, or for every token of it."""
    return tuple(
        one.name for one in built_in_lenses().values() if one.subject == OF_ANSWERS and one.kind in (TokenMaps, Scalars)
    )


def overlay_choice(name: str, own: Mapping[str, LensChoice], model: ModelInfo | None) -> LensChoice | None:
    """The lens of an overlay; where it looks for a word, the one that suits the model. None for what is no lens."""
    if name in own:
        return None if own[name].of_answers else own[name]
    lens = next((one for one in overlays() if one.name == name), None)
    if lens is None:
        return None
    return of_lens(word_lens(model) or lens if lens.offer.word else lens)


# options as they are typed: `power=3 mode=fast`


def options_text(given: tuple[tuple[str, Any], ...]) -> str:
    """Options as a person would type them."""
    words = []
    for name, value in given:
        several = value if isinstance(value, tuple) else (value,)
        words += [f"{name}={shlex.quote(one) if (one := str(each)) else one}" for each in several]
    return " ".join(words)


def parse_options(text: str, described: LensDescription) -> tuple[tuple[str, Any], ...]:
    """Options as they were typed, words still: what they mean is the session's to say. An option that is repeated is a
    list. `UsageError` where one is not there, or missing."""
    there = {option.name: option for option in described.options}
    try:
        words = shlex.split(text)
    except ValueError:
        raise UsageError("a quotation mark is not closed: close it") from None
    found: dict[str, list[str]] = {}
    for word in words:
        name, mark, value = word.partition("=")
        if name not in there:
            has = f"it has {', '.join(there)}" if there else "it has none"
            raise UsageError(f"there is no option {plain(name)!r}: {has}")
        if not mark:
            raise UsageError(f"{name} has no value: write {name}=…")
        option = there[name]
        if option.choices and value not in option.choices:
            raise UsageError(f"{name} is one of {', '.join(option.choices)}, not {plain(value)!r}")
        found.setdefault(name, []).append(value)
    for name, values in found.items():
        if len(values) > 1 and there[name].takes != LIST:
            raise UsageError(f"{name} is given {len(values)} times: give it once")
    for name in described.missing:
        if name not in found:
            raise UsageError(f"{name} must be given: write {name}=…")
    # in the order of the lens, so that what was asked is known again
    return tuple((name, one[0] if len(one) == 1 else tuple(one)) for name in there if (one := found.get(name)))


def option_line(option: LensOption) -> str:
    """`power=2.0  number, above 0: how strongly`: an option as the dialog tells of it."""
    one = option.of or option.takes
    takes = "|".join(option.choices) or {"int": "whole number", "float": "number"}.get(one, one)
    if option.takes == LIST:
        takes += ", may be repeated"
    given = ((option.name, tuple(option.default) if isinstance(option.default, list) else option.default),)
    default = option.name if option.required or option.default is None else options_text(given) or option.name
    notes = ", ".join(part for part in (takes, option.range, "must be given" if option.required else "") if part)
    return plain(f"{default}  {notes}{f': {option.help}' if option.help else ''}")
