"""Contrastive image-text scores in a shared embedding space: cosines, probabilities, and the loss of pairs.

`softmax` is CLIP's (Radford et al., 2021: the texts of an image compete), `sigmoid` SigLIP's (Zhai et al., 2023: every
pair is independent).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, logsigmoid

from vlmtui.lenses.kernels.cosine import unit_rows

ProbabilityKind = Literal["softmax", "sigmoid"]


@dataclass(frozen=True)
class ContrastiveLoss:
    """The mean loss of pairs, in nats; for `softmax` the mean of its two directions, which are None for `sigmoid`."""

    value: float
    image_to_text: float | None
    text_to_image: float | None


def cosines(images: Tensor, texts: Tensor) -> Tensor:
    """Cosine of every row of `images` [n, width] with every row of `texts` [m, width], float32 [n, m]; 0 for zeros."""
    return unit_rows(images) @ unit_rows(texts).T


def probabilities(logits: Tensor, kind: ProbabilityKind) -> Tensor:
    """Probability of every text for every image, float32 [images, texts], from the logits.

    `softmax` runs over the texts of an image, which sum to 1; `sigmoid` treats each pair alone.
    """
    wide = logits.float()
    return wide.softmax(dim=-1) if kind == "softmax" else wide.sigmoid()


def pair_loss(logits: Tensor, kind: ProbabilityKind) -> ContrastiveLoss:
    """Contrastive loss of `logits` [n, n], where the i-th text belongs to the i-th image.

    `softmax`: the cross-entropy of images over texts and of texts over images, and their mean (symmetric InfoNCE).
    `sigmoid`: the negative log-likelihood of all pairs, positive on the diagonal and negative elsewhere, summed over
    the texts of an image and averaged over images.
    """
    n = len(logits)
    assert logits.shape == (n, n)
    assert n
    wide = logits.double()
    if kind == "softmax":
        own = torch.arange(n, device=logits.device)
        across, down = float(cross_entropy(wide, own)), float(cross_entropy(wide.T, own))
        return ContrastiveLoss((across + down) / 2, across, down)
    signs = 2 * torch.eye(n, dtype=wide.dtype, device=wide.device) - 1
    return ContrastiveLoss(float(-logsigmoid(signs * wide).sum() / n), None, None)
