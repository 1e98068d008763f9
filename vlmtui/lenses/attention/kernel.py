"""Where an answer looked: rollout of attention through the layers, and positions that are looked at for nothing.

Tensors only: the caller brings attention weights along, one layer at a time.
"""

from __future__ import annotations

import torch
from torch import Tensor

SINK_TIMES = 10.0
"""A position is a sink when its share is more than so many times the median of all positions'."""


class Rollout:
    """Attention rolled out through the layers, in the order of the layers, one of them held at a time.

    Each layer's attention, averaged over its heads, is mixed half and half with the identity for the residual stream,
    its rows made to sum to 1 again, and multiplied onto those before (Abnar & Zuidema, "Quantifying attention flow in
    transformers", 2020).
    """

    def __init__(self) -> None:
        self._flow: Tensor | None = None

    def add(self, attention: Tensor) -> None:
        """The next layer's attention averaged over heads [positions, positions]; it is not kept."""
        assert attention.shape == (len(attention), len(attention)), "every position looks at every other"
        mixed = attention.float() + torch.eye(len(attention), device=attention.device)
        mixed /= mixed.sum(dim=-1, keepdim=True)
        self._flow = mixed if self._flow is None else mixed @ self._flow

    def rows(self, at: slice) -> Tensor:
        """How much of each position has reached these positions, float32 [positions there, positions]."""
        assert self._flow is not None, "at least one layer"
        return self._flow[at]


def sinks(shares: Tensor, times: float = SINK_TIMES) -> Tensor:
    """Which positions draw attention whatever is asked: bool [positions].

    `shares` [positions] are attention averaged over layers, heads and the answer's tokens. A sink's is more than
    `times` the median of all of them, text and BOS included, as models rest their attention on a few positions that
    say nothing (Xiao et al., "Efficient streaming language models with attention sinks", 2023; on images Kang et al.,
    "See what you are told", 2025).
    """
    assert shares.ndim == 1
    if not len(shares):
        return torch.zeros(0, dtype=torch.bool)
    return shares > times * shares.float().median()
