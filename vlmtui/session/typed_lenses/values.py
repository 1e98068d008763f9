"""Lenses that give every entry of a stage a number or a colour, by their own names: wrappers for Python.

`reading.values(Find("sky"), stage)` is `reading.look("find", stage=stage, text="sky")` with a result of its own type.
"""

from __future__ import annotations

from dataclasses import dataclass

from vlmtui.lenses.captions import LensResult
from vlmtui.lenses.lens_source import LensCall, lens_call
from vlmtui.reading import Floats


def Similarity(to: tuple[int, ...]) -> LensCall:  # noqa: N802
    """The cosine of every entry with some of them, `to`; with several, with the mean of their unit vectors."""
    return lens_call("similarity", to=to)


def Components() -> LensCall:  # noqa: N802
    """The first three principal components of the stage's entries, centred, as colours."""
    return lens_call("pca")


def Find(text: str) -> LensCall:  # noqa: N802
    """How close every entry is to a word."""
    return lens_call("find", text=text)


def Evidence(label: str) -> LensCall:  # noqa: N802
    """The evidence of every patch for a class of the model's classification head, by its label or number (from 0)."""
    return lens_call("evidence", label=label)


def Position() -> LensCall:  # noqa: N802
    """The L2 norm of the learned position embedding at every patch."""
    return lens_call("position")


@dataclass(frozen=True)
class Values:
    """The values of a lens for a stage's entries, in the order of `Reading.places_at(stage)`.

    `numbers` is float32 [entries], or [entries, 3] for components, each relative to the 98th percentile of its
    magnitudes, so that nearly all of it is in -1 … 1. `explained` is the share (0–1) of the variance in each component.
    `pieces` are the word-pieces that were looked for. `note` says what the user must know to read the values, or "".
    """

    lens: LensCall
    stage: str
    numbers: Floats
    explained: tuple[float, ...] = ()
    pieces: tuple[str, ...] = ()
    note: str = ""
    seconds: float = 0.0

    @classmethod
    def of(cls, looked: LensResult) -> Values:
        """The values in the result of a lens."""
        more = looked.besides
        explained, pieces = tuple(more.get("explained", ())), tuple(more.get("pieces", ()))
        return cls(looked.call, looked.stage, looked.numbers, explained, pieces, looked.note, looked.seconds)
