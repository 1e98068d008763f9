"""Other pixels in the place of a picture's own: below the image processor, in whatever form the family packs them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor

from vlmtui.models.families.base import Family
from vlmtui.models.loading.processor import Inputs


def edit_pixels(family: Family, inputs: Inputs, change: Callable[[list[Tensor]], list[Tensor]]) -> Inputs | None:
    """The inputs with `change` made to the tower's frames, each [3, height, width], normalised as they are.

    None where the processor hands pictures over in a form that is not known.
    """
    values = inputs.pixels["pixel_values"]
    # a family's `frames` only moves numbers about: sent through it, their places say where each came from
    places = torch.arange(values.numel()).view_as(values)
    whence = family.frames({**inputs.pixels, "pixel_values": places})
    if not whence:
        return None
    flat = values.clone().flatten()
    for place, frame in zip(whence, change(family.frames(inputs.pixels)), strict=True):
        assert frame.shape == place.shape, "a frame of another size has no place among the inputs"
        flat[place.flatten()] = frame.flatten()
    pixels = family.repeated(inputs.pixels, flat.view_as(values))
    return replace(inputs, pixels={**inputs.pixels, "pixel_values": pixels})
