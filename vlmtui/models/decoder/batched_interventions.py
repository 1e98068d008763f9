"""Several changes of one prompt in one pass of the decoder: its arguments made as wide as there are changes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

BUDGET = 256 << 20
"""Bytes that the passes of a batch may take over those of the weights, about."""
_PER_STATE = 12  # numbers of the hidden width that are held of a position at a time, about
_MOST = 32


def how_many(embeds: Tensor, config: Any, numbers: int, budget: int = BUDGET) -> int:
    """How many passes over `embeds` [1, positions, hidden] fit the budget, at least 1; `numbers` each makes besides."""
    _, positions, hidden = embeds.shape
    wide, heads = getattr(config, "intermediate_size", 0), getattr(config, "num_attention_heads", 1)
    wide = wide if isinstance(wide, int) else max(wide, default=0)
    each = positions * (_PER_STATE * hidden + 3 * wide + heads * positions) * embeds.element_size() + 4 * numbers
    return max(1, min(_MOST, budget // each))


def together(given: dict[str, Any], changes: Sequence[dict[str, Any]]) -> dict[str, Any] | None:
    """The decoder's arguments for all of these changes at once; None where it takes one it is not known how to widen.

    `changes` are what `forced.changed` gives for each.
    """
    n = len(changes)
    made: dict[str, Any] = {}
    for name, value in given.items():
        if name == "inputs_embeds":
            made[name] = torch.cat([change[name] for change in changes])
        elif name == "deepstack_visual_embeds" and value is not None:
            # added to the image's positions of all rows, one row after the other
            made[name] = [torch.cat(layer) for layer in zip(*(change[name] for change in changes), strict=True)]
        elif name in ("attention_mask", "visual_pos_masks", "position_ids"):
            wide = _widened(value, n, 1 if name == "position_ids" and _planes(value) else 0)
            if value is not None and wide is None:
                return None
            made[name] = wide
        elif isinstance(value, Tensor | list | tuple | dict) and name != "cache_position":
            return None
        else:
            made[name] = value
    return made


def _planes(value: Any) -> bool:
    """Whether position ids are several for each position, one plane each: [planes, 1, positions]."""
    return isinstance(value, Tensor) and value.ndim == 3


def _widened(value: Any, n: int, dim: int) -> Any:
    """A tensor repeated n times along `dim`, where it has one; every one of a mapping (masks by kind of layer)."""
    if isinstance(value, dict):
        found = {key: _widened(one, n, dim) for key, one in value.items()}
        return None if any(found[key] is None and value[key] is not None for key in value) else found
    if not isinstance(value, Tensor) or value.shape[dim] != 1:
        return None
    return value.expand(*(n if at == dim else -1 for at in range(value.ndim)))
