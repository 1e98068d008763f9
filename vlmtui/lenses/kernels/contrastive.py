"""Pictures against texts in a space that both were trained into: similarities, probabilities, and the loss of pairs.

`softmax` is CLIP's way (Radford et al., 2021: a picture's texts compete), `sigmoid` SigLIP's (Zhai et al., 2023: every
pair is a question of its own).
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
    """The mean loss of pairs in nats; for `softmax` it is the mean of its two directions, which are None otherwise."""

    value: float
    image_to_text: float | None
    text_to_image: float | None


def cosines(images: Tensor, texts: Tensor) -> Tensor:
    """The cosine of every row of `images` [n, width] with every row of `texts` [m, width] → float32 [n, m].

    0 for a zero row.
    """
    return unit_rows(images) @ unit_rows(texts).T


def probabilities(logits: Tensor, kind: ProbabilityKind) -> Tensor:
    """Of every text for every picture [images, texts], from their logits, float32.

    `softmax` over a picture's texts, which sum to 1; `sigmoid` for each pair alone.
    """
    wide = logits.float()
    return wide.softmax(dim=-1) if kind == "softmax" else wide.sigmoid()


def pair_loss(logits: Tensor, kind: ProbabilityKind) -> ContrastiveLoss:
    """The loss of `logits` [n, n], where the i-th text is the i-th picture's own.

    `softmax`: the cross-entropy of pictures over texts and of texts over pictures, and their mean (InfoNCE, both ways).
    `sigmoid`: minus the log-likelihood of all pairs, those on the diagonal true and the others false, summed over the
    texts of a picture and averaged over pictures.
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
