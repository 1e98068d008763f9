"""Token sources: the vision patches that each image token was made of, as arrays of patch indices."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from torch import Tensor

Shape = tuple[int, int]
Indices = NDArray[np.int64]


@dataclass(frozen=True)
class TokenSources:
    """The vision patches that each image token was made of.

    `patches` int64 [tokens, patches a token] are indices that run through the patches of all tiles, tile by tile, row
    by row; -1 for none, and one may occur twice. Where tokens were resampled across tiles, `resampled` is the first of
    them and their (rows, columns) on the whole image.
    """

    patches: Indices
    resampled: tuple[int, Shape] | None = None


def block_side(shapes: list[Shape], tokens: int) -> int | None:
    """The k for which blocks of k×k patches make one token each; None where no k fits."""
    patches = sum(rows * cols for rows, cols in shapes)
    side = math.isqrt(patches // tokens) if tokens else 0
    if side and sum((rows // side) * (cols // side) for rows, cols in shapes) == tokens:
        return side
    return None


def patch_blocks(shapes: list[Shape], side: int) -> Indices:
    """The patches of every block of side × side, tile by tile, row by row: int64 [tokens, side²]."""
    parts, first = [], 0
    for rows, cols in shapes:
        index = first + np.arange(rows * cols).reshape(rows, cols)
        down, across = rows // side, cols // side
        within = index[: down * side, : across * side].reshape(down, side, across, side)
        parts.append(within.transpose(0, 2, 1, 3).reshape(down * across, side * side))
        first += rows * cols
    return np.concatenate(parts)


def patch_numbers(shapes: list[Shape]) -> Tensor:
    """The index of every patch as if it were its feature: float64 [tiles, patches, 1], for tiles of one shape.

    Sent through a model's own layout code, the numbers show which patches each token is made of.
    """
    import torch

    rows, cols = shapes[0]
    return torch.arange(len(shapes) * rows * cols, dtype=torch.float64).view(len(shapes), rows * cols, 1)


def from_patch_numbers(numbers: Tensor) -> TokenSources:
    """The sources of tokens from `patch_numbers` as the model's layout code returns them [tokens, patches a token]."""
    import torch

    return TokenSources(np.asarray(numbers.to(torch.int64).numpy()))
