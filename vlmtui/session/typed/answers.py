"""The lenses of the model's answer: where it looked, what it depends on, what it may look at."""

from __future__ import annotations

from typing import Any

import numpy as np
from msgspec.structs import replace

from vlmtui.errors import UsageError
from vlmtui.lenses.kinds import Scalars, TokenMaps, unpack_details
from vlmtui.reading import Floats
from vlmtui.results.answers import Ablation, Attention, AttentionMask, Gradient, Occlusion
from vlmtui.results.replacement import REPLACEMENTS, Replacement
from vlmtui.session.protocol import Computed
from vlmtui.session.typed.base import TypedQuestion, compute


def attention(
    reading: str, answer: str, layer: int | None = None, head: int | None = None, rollout: bool = False
) -> TypedQuestion[Attention]:
    """Where every token of a reading's latest answer looked, in a layer (from 1) and head (from 0) or all; or rolled
    out through all of them."""
    if rollout:
        if layer is not None or head is not None:
            raise UsageError("a rollout goes through all layers and heads: ask for no single one")
        body = compute("rollout", reading=reading, answer=answer)
    else:
        body = compute("attention", reading=reading, answer=answer, options={"layer": layer, "head": head})
    return TypedQuestion(body, lambda done: replace(_restored(done, Attention), weights=_values(done)))


def gradient(reading: str, answer: str, token: int | None = None) -> TypedQuestion[Gradient]:
    """Gradient × input of an answer token's log-probability, without one of the whole answer's."""
    body = compute("gradient", reading=reading, answer=answer, options={"token": token})
    return TypedQuestion(body, lambda done: replace(_restored(done, Gradient), numbers=_values(done)))


def ablation(reading: str, answer: str, tokens: tuple[int, ...], by: Replacement = "mean") -> TypedQuestion[Ablation]:
    """The question of a reading's latest answer asked again with image tokens replaced; `Said` is told before it."""
    _check(by)
    body = compute("ablation", reading=reading, answer=answer, entries=tokens, options={"by": by})
    return TypedQuestion(body, lambda done: _restored(done, Ablation))


def occlusion(reading: str, answer: str, block: int = 1, by: Replacement = "mean") -> TypedQuestion[Occlusion]:
    """Which image tokens a reading's latest answer depends on, each block of them replaced in turn."""
    _check(by)
    body = compute("occlusion", reading=reading, answer=answer, options={"block": block, "by": by})
    # in the order of its axes also in memory: sums along one of them depend on that in their last digit
    return TypedQuestion(
        body, lambda done: replace(_restored(done, Occlusion), drops=np.ascontiguousarray(_values(done).T))
    )


def mask(reading: str, layer: int = 1) -> TypedQuestion[AttentionMask]:
    """What each position of a reading's prompt and latest answer, if there is one, may look at in a layer (from 1)."""
    return TypedQuestion(
        compute("mask", reading=reading, options={"layer": layer}),
        lambda done: unpack_details(done.result, AttentionMask),
    )


def _check(by: str) -> None:
    if by not in REPLACEMENTS:
        raise UsageError(f"image tokens cannot be replaced by {by!r}: choose {', '.join(REPLACEMENTS)}")


def _restored(done: Computed, kind: Any) -> Any:
    """What the lens says besides, as its own type, and how long it took."""
    return replace(unpack_details(done.result, kind), seconds=done.result.seconds)


def _values(done: Computed) -> Floats:
    assert isinstance(done.result, TokenMaps | Scalars)
    return done.result.values
