"""The classes of a model's head."""

from __future__ import annotations

import msgspec

from vlmtui.classes import Classes, Head


class AskHead(msgspec.Struct, frozen=True, tag=True):
    """What classes the model held knows; answered by `HeadTold`."""


class HeadTold(msgspec.Struct, frozen=True, tag=True):
    """The model's classification head."""

    head: Head


class FindClasses(msgspec.Struct, frozen=True, tag=True):
    """The first `k` classes of a reading's picture, and what its patches say for them; answered by `ClassesFound`."""

    reading: str
    k: int


class ClassesFound(msgspec.Struct, frozen=True, tag=True):
    """The classes asked for."""

    reading: str
    classes: Classes
