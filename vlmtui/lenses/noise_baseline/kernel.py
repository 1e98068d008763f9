"""What means nothing, to hold words against: a picture's pixels shuffled, and random vectors of the same norms.

Among tens of thousands of words one is always near, so a score by itself says little. What does is where it stands
among the scores that the same search gives to noise: an empirical null distribution (B. Phipson, G. K. Smyth,
Permutation P-values Should Never Be Zero, 2010; for representations: J. Hewitt, P. Liang, Designing and Interpreting
Probes with Control Tasks, EMNLP 2019).

Both kinds of noise are the same in every run: their seeds are fixed.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

SEED = 1


def shuffle_pixels(frames: list[Tensor]) -> list[Tensor]:
    """Each of `frames` [channels, height, width] with its pixels in another order, inside and across patches.

    A pixel keeps its colour, so a frame keeps its colours, as the model gets them: nothing but their places is lost.
    """
    order = torch.Generator().manual_seed(SEED)
    found = []
    for frame in frames:
        places = torch.randperm(frame[0].numel(), generator=order).to(frame.device)
        found.append(frame.flatten(1)[:, places].view_as(frame))
    return found


def random_like(vectors: Tensor) -> Tensor:
    """A vector in a random direction for each of `vectors` [n, hidden], as long as it is; in their dtype.

    Directions are those of Gaussian vectors, all equally likely.
    """
    generator = torch.Generator().manual_seed(SEED)
    random = torch.randn(vectors.shape, generator=generator, dtype=torch.float32).to(vectors.device)
    lengths = torch.linalg.vector_norm(vectors.float(), dim=-1, keepdim=True)
    found: Tensor = random * lengths / torch.linalg.vector_norm(random, dim=-1, keepdim=True)
    return found.to(vectors.dtype)


@dataclass(frozen=True)
class NoiseStatistics:
    """What a search made of noise: `scores` of first words and their `margins` over the second, smallest first.

    float64 [n] on the CPU; vectors whose scores are not numbers are left out, and of a single word there is no margin.
    """

    scores: Tensor
    margins: Tensor

    @classmethod
    def of(cls, scores: Tensor) -> NoiseStatistics:
        """Of the scores [vectors, k] of a search, the first word's first."""
        known = scores[torch.isfinite(scores).all(dim=-1)].cpu().double()
        margins = known[:, 0] - known[:, 1] if known.shape[1] > 1 else known[:0, :1].flatten()
        return cls(known[:, :1].flatten().sort().values, margins.sort().values)
