"""What an attention mask is, in a word or two, and in few numbers."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vlmtui.results.answers import IMAGE, SAID


def mask_pattern(allowed: Tensor, kinds: Tensor) -> str:
    """What a mask [positions, positions] of positions of these kinds (uint8 [positions]) is."""
    causal = torch.ones_like(allowed).tril()
    back, ahead = allowed & causal, allowed & ~causal
    window = "" if torch.equal(back, causal) else ", within a window"
    if not ahead.any():
        return f"causal{window}"
    image, prompt = kinds == IMAGE, kinds != SAID
    if torch.equal(ahead, prompt[:, None] & prompt & ~causal):
        return f"prompt both ways, answer causal{window}"
    if not ahead[~image].any() and not ahead[:, ~image].any():
        return f"picture both ways, text causal{window}"
    return f"partly both ways{window}"


def allowed_shares(allowed: NDArray[np.bool_], most: int) -> tuple[NDArray[np.float32], int]:
    """A mask [n, n] in at most `most` × `most` cells: the share of each cell's pairs that is allowed, float32, and how
    many positions a side a cell has; those of the last row and column may have fewer."""
    n = len(allowed)
    side = max(1, -(-n // most))
    starts = np.arange(0, n, side)
    lengths = np.diff(np.append(starts, n))
    counts = np.add.reduceat(np.add.reduceat(allowed, starts, axis=1, dtype=np.int32), starts, axis=0)
    return (counts / np.outer(lengths, lengths)).astype(np.float32), side
