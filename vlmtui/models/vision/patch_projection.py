"""The first thing that a tower does to the pixels of a patch: one convolution, or one linear layer."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from vlmtui.models.families.base import Family

Projection = nn.Conv2d | nn.Conv3d | nn.Linear


def projection_of(family: Family) -> Projection | None:
    """The layer that takes one patch's numbers to a state; None where the tower has none that is known.

    It is told by its size: it takes as many numbers as a patch has, or a few times as many where a picture is a film.
    """
    values = 3 * math.prod(family.patch_size)
    inside = set(family.blocks.modules())
    there = [module for module in family.tower.modules() if module not in inside]
    # a linear layer can be of that width by chance: where there is a convolution, it is that
    for kinds in (nn.Conv2d | nn.Conv3d, nn.Linear):
        for module in there:
            if isinstance(module, kinds) and input_length(module) % values == 0:
                assert isinstance(module, Projection)
                return module
    return None


def input_length(projection: nn.Module) -> int:
    """How many numbers it takes, 0 for one whose weight is not stored as it is used (in four bits)."""
    weight = projection.weight
    if not isinstance(weight, Tensor) or weight.ndim < 2:
        return 0
    return math.prod(weight.shape[1:]) if len(weight) == _wide(projection) else 0


def _wide(projection: nn.Module) -> int:
    wide = projection.out_features if isinstance(projection, nn.Linear) else projection.out_channels
    assert isinstance(wide, int)
    return wide


def project(projection: Projection, flat: Tensor) -> Tensor:
    """What it makes of one patch, its numbers in its own order [values] → [hidden], in its own precision."""
    if isinstance(projection, nn.Linear):
        made: Tensor = projection(flat.unsqueeze(0))
    else:
        made = projection(flat.view(1, *projection.weight.shape[1:]))
    return torch.flatten(made)
