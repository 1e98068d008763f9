"""Batched interventions: several replacements of image tokens in one decoder pass over the same prompt."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

BUDGET = 256 << 20
"""Approximate bytes that a batch may take beside the weights."""
_PER_STATE = 12  # vectors of the hidden width in memory for a position at a time, about
_MOST = 32


def interventions_a_pass(embeds: Tensor, config: Any, numbers: int, budget: int = BUDGET) -> int:
    """The interventions on `embeds` [1, positions, hidden] that fit the budget in one pass, at least 1.

    `numbers` are the float32 numbers that each produces beside its hidden states.
    """
    _, positions, hidden = embeds.shape
    wide, heads = getattr(config, "intermediate_size", 0), getattr(config, "num_attention_heads", 1)
    wide = wide if isinstance(wide, int) else max(wide, default=0)
    each = positions * (_PER_STATE * hidden + 3 * wide + heads * positions) * embeds.element_size() + 4 * numbers
    return max(1, min(_MOST, budget // each))


def batched_arguments(given: dict[str, Any], changes: Sequence[dict[str, Any]]) -> dict[str, Any] | None:
    """The decoder's arguments for all interventions at once; None where one of them cannot be repeated.

    `changes` are the `teacher_forcing.replaced_arguments` of each.
    """
    n = len(changes)
    batched: dict[str, Any] = {}
    for name, value in given.items():
        if name == "inputs_embeds":
            batched[name] = torch.cat([change[name] for change in changes])
        elif name == "deepstack_visual_embeds" and value is not None:
            # added to the image's positions of all rows, one row after the other
            batched[name] = [torch.cat(layer) for layer in zip(*(change[name] for change in changes), strict=True)]
        elif name in ("attention_mask", "visual_pos_masks", "position_ids"):
            repeated = _repeated(value, n, 1 if name == "position_ids" and _has_planes(value) else 0)
            if value is not None and repeated is None:
                return None
            batched[name] = repeated
        elif isinstance(value, Tensor | list | tuple | dict) and name != "cache_position":
            return None
        else:
            batched[name] = value
    return batched


def _has_planes(value: Any) -> bool:
    """Whether each position has several position ids, one plane each: [planes, 1, positions]."""
    return isinstance(value, Tensor) and value.ndim == 3


def _repeated(value: Any, n: int, dim: int) -> Any:
    """Repeat a tensor of length 1 along `dim` n times; of a mapping (masks by kind of layer) every tensor."""
    if isinstance(value, dict):
        found = {key: _repeated(one, n, dim) for key, one in value.items()}
        return None if any(found[key] is None and value[key] is not None for key in value) else found
    if not isinstance(value, Tensor) or value.shape[dim] != 1:
        return None
    return value.expand(*(n if at == dim else -1 for at in range(value.ndim)))
