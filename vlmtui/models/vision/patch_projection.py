"""Patch projection: the convolution or linear layer that a tower applies to the pixels of a patch."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from vlmtui.models.families.base import Family

Projection = nn.Conv2d | nn.Conv3d | nn.Linear


def projection_of(family: Family) -> Projection | None:
    """Find the layer that projects the values of a patch to a state; None where there is none of the expected size.

    It is recognised by its input size: the number of a patch's values, or a multiple of it in a model that reads video.
    """
    values = 3 * math.prod(family.patch_size)
    inside = set(family.blocks.modules()) - {family.tower}  # of Fuyu the tower is its only block
    there = [module for module in family.tower.modules() if module not in inside]
    # a linear layer can have that size by chance, so a convolution takes precedence
    for kinds in (nn.Conv2d | nn.Conv3d, nn.Linear):
        for module in there:
            if isinstance(module, kinds) and input_length(module) % values == 0:
                assert isinstance(module, Projection)
                return module
    return None


def input_length(projection: nn.Module) -> int:
    """The number of values that a projection takes; 0 where its weight is stored in another shape (4 bits)."""
    weight = projection.weight
    if not isinstance(weight, Tensor) or weight.ndim < 2:
        return 0
    return math.prod(weight.shape[1:]) if len(weight) == _wide(projection) else 0


def _wide(projection: nn.Module) -> int:
    wide = projection.out_features if isinstance(projection, nn.Linear) else projection.out_channels
    assert isinstance(wide, int)
    return wide


def project(projection: Projection, flat: Tensor) -> Tensor:
    """Project one patch, [values] in the projection's own order → [hidden], in its own precision."""
    if isinstance(projection, nn.Linear):
        made: Tensor = projection(flat.unsqueeze(0))
    else:
        made = projection(flat.view(1, *projection.weight.shape[1:]))
    return torch.flatten(made)
