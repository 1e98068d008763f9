"""What a call is given, looked at before anything is made of it. The rest is the protocol's to check."""

from __future__ import annotations

import reprlib
from collections.abc import Iterable
from typing import Any, TypeVar

from vlmtui.errors import UsageError

_T = TypeVar("_T")


def one(name: str, given: Any, kind: type[_T]) -> _T:
    """What was given under this name; `UsageError` where it is of another kind."""
    if not isinstance(given, kind):
        raise UsageError(f"{name} must be {kind.__name__}, not {type(given).__name__}")
    return given


def several(name: str, given: Any, kind: type[_T]) -> tuple[_T, ...]:
    """All that was given under this name; `UsageError` where it is not some of this kind, as a text is no list."""
    if isinstance(given, str | bytes) or not isinstance(given, Iterable):
        raise UsageError(f"{name} must be a list of {kind.__name__}, not {type(given).__name__}")
    return tuple(one(f"{name}[{i}]", each, kind) for i, each in enumerate(given))


def patches_of(given: Any) -> list[tuple[Any, Any]]:
    """Patches, a (row, col) each; whether these are numbers is for the reading to say."""
    try:
        return [(row, col) for row, col in given]
    except (TypeError, ValueError):
        raise UsageError(f"patches must be a list of (row, col), such as [(3, 4)], not {reprlib.repr(given)}") from None
