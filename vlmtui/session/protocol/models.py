"""Holding a model, and holding it against itself."""

from __future__ import annotations

from typing import Literal

import msgspec

from vlmtui.reading import ModelInfo


class Load(msgspec.Struct, frozen=True, tag=True):
    """Hold this model from now on; answered by `Loaded`, at once where it is held already.

    `device` and `dtype` may be "auto"; `base` is the folder that relative paths of this front end start from. With
    `layers` all of the language model's layers are held too; readings of the same model without them stay as they are.
    """

    model: str
    revision: str | None = None
    processor: str | None = None
    device: str = "auto"
    dtype: str = "auto"
    base: str | None = None
    layers: bool = False


class Loaded(msgspec.Struct, frozen=True, tag=True):
    """The model is held."""

    model: ModelInfo
    seconds: float


class Verify(msgspec.Struct, frozen=True, tag=True):
    """Hold a checkpoint against itself; answered by `Verified`. No model is held afterwards.

    The fields are those of `Load`; `whole` also fetches from the hub what only the comparison needs.
    """

    model: str
    revision: str | None = None
    processor: str | None = None
    device: str = "auto"
    dtype: str = "auto"
    base: str | None = None
    whole: bool = False


class Check(msgspec.Struct, frozen=True):
    """One line of a verification. `figure` is what was measured, or why it was not."""

    name: str
    result: Literal["pass", "fail", "unchecked"]
    figure: str


class Verified(msgspec.Struct, frozen=True, tag=True):
    """What came of every check, in a fixed order."""

    model: ModelInfo
    checks: tuple[Check, ...]
    seconds: float
