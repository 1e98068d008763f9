"""Typed questions about an answer: attention, gradient, ablation, occlusion and the attention mask."""

from __future__ import annotations

from typing import Any

import numpy as np
from msgspec.structs import replace

from vlmtui.errors import UsageError, check_text
from vlmtui.lenses.kinds import Scalars, TokenMaps, unpack_details
from vlmtui.reading import Floats
from vlmtui.results.answers import Ablation, Attention, AttentionMask, Gradient, Occlusion
from vlmtui.results.replacement import REPLACEMENTS, Replacement
from vlmtui.session.protocol import Computed
from vlmtui.session.typed_lenses.base import TypedQuestion, compute


def attention(
    reading: str, answer: str, layer: int | None = None, head: int | None = None, rollout: bool = False
) -> TypedQuestion[Attention]:
    """The attention of every token of a reading's latest answer, in a layer (from 1) and head (from 0) or in all; or
    the rollout through all of them."""
    if rollout:
        if layer is not None or head is not None:
            raise UsageError("a rollout combines all layers and heads: leave layer and head out")
        body = compute("rollout", reading=reading, answer=answer)
    else:
        body = compute("attention", reading=reading, answer=answer, options={"layer": layer, "head": head})
    return TypedQuestion(body, lambda done: replace(_restored(done, Attention), weights=_values(done)))


def gradient(reading: str, answer: str, token: int | None = None) -> TypedQuestion[Gradient]:
    """Gradient × input for the log-probability of an answer token, or of the whole answer."""
    body = compute("gradient", reading=reading, answer=answer, options={"token": token})
    return TypedQuestion(body, lambda done: replace(_restored(done, Gradient), numbers=_values(done)))


def ablation(reading: str, answer: str, tokens: tuple[int, ...], by: Replacement = "mean") -> TypedQuestion[Ablation]:
    """The question of a reading's latest answer asked again with image tokens replaced.

    An `AnswerProgress` for every token comes before the answer.
    """
    _check(by)
    body = compute("ablation", reading=reading, answer=answer, entries=tokens, options={"by": by})
    return TypedQuestion(body, lambda done: _restored(done, Ablation))


def occlusion(reading: str, answer: str, block: int = 1, by: Replacement = "mean") -> TypedQuestion[Occlusion]:
    """Occlusion: how a reading's latest answer depends on each block of image tokens, replaced in turn."""
    _check(by)
    body = compute("occlusion", reading=reading, answer=answer, options={"block": block, "by": by})
    # contiguous, because the order in memory changes the last digit of sums along an axis
    return TypedQuestion(
        body, lambda done: replace(_restored(done, Occlusion), drops=np.ascontiguousarray(_values(done).T))
    )


def mask(reading: str, layer: int = 1) -> TypedQuestion[AttentionMask]:
    """The attention mask of a reading's prompt, and of its latest answer if there is one, in a layer (from 1)."""
    return TypedQuestion(
        compute("mask", reading=reading, options={"layer": layer}),
        lambda done: unpack_details(done.result, AttentionMask),
    )


def _check(by: str) -> None:
    check_text("by", by)
    if by not in REPLACEMENTS:
        raise UsageError(f"image tokens cannot be replaced by {by!r}: choose {', '.join(REPLACEMENTS)}")


def _restored(done: Computed, kind: Any) -> Any:
    """The lens's own part of the result, as its type, with the seconds it took."""
    return replace(unpack_details(done.result, kind), seconds=done.result.seconds)


def _values(done: Computed) -> Floats:
    assert isinstance(done.result, TokenMaps | Scalars)
    return done.result.values
