"""Attention rollout from the image tokens to the tokens of an answer, through all layers."""

from __future__ import annotations

from torch import Tensor

from vlmtui.errors import UsageError
from vlmtui.lenses import Context, TokenMaps
from vlmtui.lenses.attention.compute import AnswerAttention

from .kernel import AttentionRollout


def rollout_maps(context: Context) -> TokenMaps:
    """Rollout maps over all layers and heads; sinks are those of the attention itself."""
    capture = AnswerAttention.of(context)
    if len(capture.attended) < capture.layers:
        raise UsageError(
            "attention rollout goes through every layer, and some of this model's have no attention weights: "
            "look at attention instead"
        )
    capture.means()
    return capture.found(_rolled(capture), None, None, rollout=True)


def _rolled(capture: AnswerAttention) -> Tensor:
    """Attention rolled out through all layers [answer tokens, positions]; cached with the answer."""
    answered = capture.answered
    if answered.rolled is None:
        rollout = AttentionRollout()

        def seen(layer: int, mean: Tensor) -> None:
            rollout.add(mean)
            capture.progress(layer, capture.layers)

        capture.forced.mean_attention(seen)
        answered.rolled = rollout.rows(capture.forced.answer_positions).cpu()
    rolled: Tensor = answered.rolled
    return rolled
