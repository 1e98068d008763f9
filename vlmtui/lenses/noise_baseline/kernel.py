"""Noise for the baseline: an image's pixels shuffled, and random vectors of the same norms.

Among tens of thousands of words one is always near, so a score alone says little. Its percentile among the scores that
the same search gives to noise does: an empirical null distribution (B. Phipson, G. K. Smyth, Permutation P-values
Should Never Be Zero, 2010; for representations: J. Hewitt, P. Liang, Designing and Interpreting Probes with Control
Tasks, EMNLP 2019).

Both kinds of noise are the same in every run, since their seeds are fixed.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

SEED = 1


def shuffle_pixels(frames: list[Tensor]) -> list[Tensor]:
    """Shuffle the pixels of each of `frames` [channels, height, width], within and across patches.

    Pixels keep their colours as the model receives them; only their positions change.
    """
    order = torch.Generator().manual_seed(SEED)
    found = []
    for frame in frames:
        places = torch.randperm(frame[0].numel(), generator=order).to(frame.device)
        found.append(frame.flatten(1)[:, places].view_as(frame))
    return found


def random_like(vectors: Tensor) -> Tensor:
    """A random vector with the norm of each of `vectors` [n, hidden], in their dtype.

    Directions are those of Gaussian vectors, uniform on the sphere.
    """
    generator = torch.Generator().manual_seed(SEED)
    random = torch.randn(vectors.shape, generator=generator, dtype=torch.float32).to(vectors.device)
    lengths = torch.linalg.vector_norm(vectors.float(), dim=-1, keepdim=True)
    found: Tensor = random * lengths / torch.linalg.vector_norm(random, dim=-1, keepdim=True)
    return found.to(vectors.dtype)


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
