"""Statistics of the scores of noise."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class NoiseStatistics:
    """Sorted statistics of noise: `scores` of the top-1 words and their `margins` over the second, smallest first.

    float64 [n] on the CPU. Vectors with non-finite scores are left out; a single word has no margin.
    """

    scores: Tensor
    margins: Tensor

    @classmethod
    def of(cls, scores: Tensor) -> NoiseStatistics:
        """From the scores [vectors, k] of a search, best word first."""
        known = scores[torch.isfinite(scores).all(dim=-1)].cpu().double()
        margins = known[:, 0] - known[:, 1] if known.shape[1] > 1 else known[:0, :1].flatten()
        return cls(known[:, :1].flatten().sort().values, margins.sort().values)
