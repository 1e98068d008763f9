"""Attention masks summarised: the pattern in words, and shares of allowed pairs in a small matrix."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vlmtui.results.answers import IMAGE, SAID


def mask_pattern(allowed: Tensor, kinds: Tensor) -> str:
    """Name the pattern of a mask [positions, positions] over positions of these kinds (uint8 [positions])."""
    causal = torch.ones_like(allowed).tril()
    back, ahead = allowed & causal, allowed & ~causal
    window = "" if torch.equal(back, causal) else ", within a window"
    if not ahead.any():
        return f"causal{window}"
    image, prompt = kinds == IMAGE, kinds != SAID
    if torch.equal(ahead, prompt[:, None] & prompt & ~causal):
        return f"prompt bidirectional, answer causal{window}"
    if not ahead[~image].any() and not ahead[:, ~image].any():
        return f"image bidirectional, text causal{window}"
    return f"partly bidirectional{window}"


def allowed_shares(allowed: NDArray[np.bool_], most: int) -> tuple[NDArray[np.float32], int]:
    """Reduce a mask [n, n] to at most `most` × `most` cells: the share of allowed pairs in each cell, float32, and the
    number of positions per side of a cell; cells of the last row and column may have fewer."""
    n = len(allowed)
    side = max(1, -(-n // most))
    starts = np.arange(0, n, side)
    lengths = np.diff(np.append(starts, n))
    counts = np.add.reduceat(np.add.reduceat(allowed, starts, axis=1, dtype=np.int32), starts, axis=0)
    return (counts / np.outer(lengths, lengths)).astype(np.float32), side
