"""Batching of images for one pass of the tower: which images, how many, and their concatenated tensors."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import torch
from torch import Tensor

from vlmtui.models.families.base import Family, Pixels
from vlmtui.models.loading.processor import Inputs

_AT_A_TIME = {"cpu": (16, 256 << 20)}
_ON_GPUS = (32, 2 << 30)
"""The most images in a pass, and about how many bytes their states may take. Constants, so that the same images are
always batched together. On a CPU, larger batches are slower again (measured on the demo model)."""
_PER_STATE = 8  # about how many vectors of the tower's width each state takes at a time


def batch_key(family: Family, inputs: Inputs) -> str:
    """A key that is equal for images that may share a pass of the tower; "" where the family cannot batch.

    Their tensors have equal shapes and, apart from pixels, equal values (prompt, masks, sizes), and so they have as
    many tokens as each other, made from the same patches.
    """
    if not family.stackable or any(tensor.ndim == 0 for tensor in inputs.pixels.values()):
        return ""
    told = hashlib.sha256()
    for name, tensor in sorted(_all(inputs).items()):
        told.update(f"{name} {tuple(tensor.shape)} {tensor.dtype};".encode())
        if not tensor.is_floating_point():
            told.update(tensor.contiguous().numpy().tobytes())
    return told.hexdigest()


def stack_inputs(several: Sequence[Inputs]) -> Pixels:
    """Concatenate the tensors of images with an equal `batch_key`, in their order."""
    if len(several) == 1:
        return dict(several[0].pixels)
    return {name: torch.cat([one.pixels[name] for one in several]) for name in several[0].pixels}


def images_a_pass(family: Family, inputs: Inputs, width: int, device: torch.device, itemsize: int) -> int:
    """The most images like this one in a pass of the tower, whose states have `width` elements; at least 1."""
    if not family.stackable:
        return 1
    vision = family.vision_config
    tiles = [rows * cols for rows, cols in family.shapes(family.frames(inputs.pixels))]
    wide = getattr(vision, "intermediate_size", None)
    heads = getattr(vision, "num_attention_heads", None) or getattr(vision, "num_heads", None)
    each = _PER_STATE * width + 3 * (wide if isinstance(wide, int) else 4 * width)
    states = sum(patches * (each + (heads if isinstance(heads, int) else 16) * patches) for patches in tiles)
    numbers = states + 2 * inputs.pixels["pixel_values"].numel()
    most, budget = _AT_A_TIME.get(device.type, _ON_GPUS)
    return max(1, min(most, budget // (itemsize * max(1, numbers))))


def input_bytes(inputs: Inputs) -> int:
    """The size of the tensors in bytes."""
    return sum(tensor.numel() * tensor.element_size() for tensor in _all(inputs).values())


def _all(inputs: Inputs) -> dict[str, Tensor]:
    return inputs.pixels if inputs.input_ids is None else {**inputs.pixels, "input_ids": inputs.input_ids}
