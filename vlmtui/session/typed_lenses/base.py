"""Typed question: a question to a lens, and the function that converts its answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from vlmtui.lenses.captions import LensResult
from vlmtui.lenses.kinds import Matrix
from vlmtui.lenses.lens_source import LensCall, LensSource
from vlmtui.reading import Floats
from vlmtui.session.protocol import Compute, Computed

T = TypeVar("T")


@dataclass(frozen=True)
class TypedQuestion(Generic[T]):
    """A question to a lens, and the function that converts the answer to a type of its own."""

    body: Compute
    unpack: Callable[[Computed], T]


def look(
    reading: str,
    stage: str,
    call: LensCall,
    entries: tuple[int, ...] | None = None,
    answer: str = "",
    k: int = 8,
    idle: bool = False,
) -> TypedQuestion[LensResult]:
    """A question to any lens about a stage."""
    body = Compute(
        reading=reading, stage=stage, lens=call.lens, options=call.given, entries=entries, answer=answer, k=k, idle=idle
    )
    return TypedQuestion(body, lambda done: LensResult(call, stage, done.result))


def compute(name: str, **fields: Any) -> Compute:
    """A question to a built-in lens."""
    return Compute(lens=LensSource(name), **fields)


def vectors(reading: str, stage: str) -> TypedQuestion[Floats]:
    """The vectors of all entries of a stage, float32 [entries, width]."""
    return TypedQuestion(compute("hidden-states", reading=reading, stage=stage), lambda done: _matrix(done).values)


def _matrix(done: Computed) -> Matrix:
    assert isinstance(done.result, Matrix)
    return done.result
