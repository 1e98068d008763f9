"""Noise for comparison: an image's pixels shuffled, and random vectors of the same norms.

Among tens of thousands of words one is always near, so a score alone says little. Its percentile among the scores that
the same search gives to noise does: an empirical null distribution (B. Phipson, G. K. Smyth, Permutation P-values
Should Never Be Zero, 2010; for representations: J. Hewitt, P. Liang, Designing and Interpreting Probes with Control
Tasks, EMNLP 2019).

Both kinds of noise are the same in every run, since their seeds are fixed.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from vlmtui.lenses.context import Context

SEED = 1
CANNOT = "the image's pixels cannot be shuffled: the layout of the processor's output is unknown"


def shuffled_copy(context: Context) -> Any | None:
    """The model's access to a copy of the image with its pixels shuffled, kept for all lenses; None for `CANNOT`."""
    return context.model.copy("shuffled", shuffle_pixels, "reading the image with its pixels shuffled")


def shuffle_pixels(frames: list[Tensor]) -> list[Tensor]:
    """Shuffle the pixels of each of `frames` [channels, height, width], within and across patches.

    Pixels keep their colours as the model receives them; only their positions change. The same in every run.
    """
    order = torch.Generator().manual_seed(SEED)
    found = []
    for frame in frames:
        places = torch.randperm(frame[0].numel(), generator=order).to(frame.device)
        found.append(frame.flatten(1)[:, places].view_as(frame))
    return found


def newlines_unknown(context: Context, numbers: Tensor) -> Tensor:
    """Numbers of all entries of the stage [entries], NaN for newline tokens.

    These are the same in every image, and say nothing about noise.
    """
    newlines = [i for i, place in enumerate(context.model.places(context.stage)) if place.kind == "newline"]
    return numbers.index_fill(0, torch.tensor(newlines, dtype=torch.int64, device=numbers.device), torch.nan)


def random_like(vectors: Tensor) -> Tensor:
    """A random vector with the norm of each of `vectors` [n, hidden], in their dtype.

    Directions are those of Gaussian vectors, uniform on the sphere.
    """
    generator = torch.Generator().manual_seed(SEED)
    random = torch.randn(vectors.shape, generator=generator, dtype=torch.float32).to(vectors.device)
    lengths = torch.linalg.vector_norm(vectors.float(), dim=-1, keepdim=True)
    found: Tensor = random * lengths / torch.linalg.vector_norm(random, dim=-1, keepdim=True)
    return found.to(vectors.dtype)
