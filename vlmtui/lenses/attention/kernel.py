"""Attention sinks: positions that draw attention whatever the content. Tensors only."""

from __future__ import annotations

import torch
from torch import Tensor

SINK_TIMES = 10.0
"""A position is a sink when its share of attention is more than this many times the median of all positions."""


def attention_sinks(shares: Tensor, times: float = SINK_TIMES) -> Tensor:
    """Which positions draw attention whatever the question, bool [positions].

    `shares` [positions] are attention averaged over layers, heads and the answer's tokens. A sink's is more than
    `times` the median of all of them, text and BOS included, as models rest their attention on a few positions that
    say nothing (Xiao et al., "Efficient streaming language models with attention sinks", 2023; on images Kang et al.,
    "See what you are told", 2025).
    """
    assert shares.ndim == 1
    if not len(shares):
        return torch.zeros(0, dtype=torch.bool)
    return shares > times * shares.float().median()
