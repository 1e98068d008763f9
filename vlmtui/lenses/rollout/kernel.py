"""Attention rollout through the layers. Tensors only: the caller provides attention, one layer at a time."""

from __future__ import annotations

import torch
from torch import Tensor


class AttentionRollout:
    """Attention rolled out through the layers in order, with one layer in memory at a time.

    Each layer's attention, averaged over its heads, is mixed half and half with the identity for the residual stream,
    its rows made to sum to 1 again, and multiplied onto those before (Abnar & Zuidema, "Quantifying attention flow in
    transformers", 2020).
    """

    def __init__(self) -> None:
        self._flow: Tensor | None = None

    def add(self, attention: Tensor) -> None:
        """Add the next layer's attention, averaged over heads [positions, positions]."""
        assert attention.shape == (len(attention), len(attention)), "every position attends to every other"
        mixed = attention.float() + torch.eye(len(attention), device=attention.device)
        mixed /= mixed.sum(dim=-1, keepdim=True)
        self._flow = mixed if self._flow is None else mixed @ self._flow

    def rows(self, at: slice) -> Tensor:
        """The share of each position that reached the positions `at`, float32 [positions at, positions]."""
        assert self._flow is not None, "at least one layer"
        return self._flow[at]
