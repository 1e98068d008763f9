"""Pictures that go through the tower together: which may, how many, and their tensors one after the other."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import torch
from torch import Tensor

from vlmtui.models.families.base import Family, Pixels
from vlmtui.models.loading.processor import Inputs

_AT_A_TIME = {"cpu": (16, 256 << 20)}
_ON_GPUS = (32, 2 << 30)
"""Pictures of a pass, and bytes that their states may take, about: constant, so that the same always go together. On a
CPU more are slower again, as measured on the demo model."""
_PER_STATE = 8  # numbers of the tower's width that are held of a state at a time, about


def batch_key(family: Family, inputs: Inputs) -> str:
    """A word that is the same for pictures that may go through the tower together; "" where none may.

    Their tensors have the same shapes, and all that is no pixel is the same too: prompt, masks, sizes. So is the number
    of their tokens, and what each of these is made of.
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
    """The tensors of pictures that are alike, in their order."""
    if len(several) == 1:
        return dict(several[0].pixels)
    return {name: torch.cat([one.pixels[name] for one in several]) for name in several[0].pixels}


def images_a_pass(family: Family, inputs: Inputs, width: int, device: torch.device, itemsize: int) -> int:
    """How many pictures like this may go through the tower at a time, whose states are `width` numbers; at least 1."""
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
    """Bytes of its tensors."""
    return sum(tensor.numel() * tensor.element_size() for tensor in _all(inputs).values())


def _all(inputs: Inputs) -> dict[str, Tensor]:
    return inputs.pixels if inputs.input_ids is None else {**inputs.pixels, "input_ids": inputs.input_ids}
