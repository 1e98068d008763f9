"""Looking at a reading through a lens, whichever."""

from __future__ import annotations

from typing import Any

import msgspec

from vlmtui.lenses.description import LensDescription
from vlmtui.lenses.kinds import Result
from vlmtui.lenses.source import LensSource


class Compute(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """What a lens makes of a reading at a stage; answered by `Computed`.

    What the lens needs is done first: the tower run again, the language model's layers loaded. `entries` are indices
    among the stage's, all without; `answer` is the id of the reading's latest answer, "" without one; `k` words were
    asked for. A lens of the whole vocabulary needs no reading. With `idle` it is withdrawn as soon as the same front
    end asks anything else about readings.
    """

    lens: LensSource
    reading: str = ""
    stage: str = ""
    options: dict[str, Any] = msgspec.field(default_factory=dict)
    entries: tuple[int, ...] | None = None
    answer: str = ""
    k: int = 8
    idle: bool = False


class Computed(msgspec.Struct, frozen=True, tag=True):
    """What the lens made of it."""

    result: Result


class Describe(msgspec.Struct, frozen=True, tag=True):
    """What a lens is, or without one all that packages offer where the session runs; answered by `Described`.

    With `options` it is also said what these come to, with those that are not given.
    """

    lens: LensSource | None = None
    options: dict[str, Any] | None = None


class Described(msgspec.Struct, frozen=True, tag=True):
    """The lenses asked about; of those that packages offer also what cannot be used, with its reason. `options` are all
    options of the one lens, those that were not given too."""

    lenses: tuple[LensDescription, ...]
    options: dict[str, Any] = msgspec.field(default_factory=dict)
