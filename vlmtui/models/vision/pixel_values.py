"""Pixel values as an image processor hands them to the tower: turned back into levels, and replaced by others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vlmtui.models.families.base import Family
from vlmtui.models.loading.processor import Inputs

Levels = NDArray[np.float64]


def denormalised(tile: NDArray[np.float32], processor: Any) -> Levels:
    """Undo an image processor's normalisation and rescaling: `tile` to levels (0–255), float64.

    Both are [3, height, width].
    """
    found = tile.astype(np.float64)
    if getattr(processor, "do_normalize", None):
        std, mean = np.asarray(processor.image_std, float), np.asarray(processor.image_mean, float)
        found = found * np.broadcast_to(std, 3)[:, None, None] + np.broadcast_to(mean, 3)[:, None, None]
    if getattr(processor, "do_rescale", None):
        found = found / float(processor.rescale_factor)
    return np.asarray(found)


def edit_pixels(family: Family, inputs: Inputs, change: Callable[[list[Tensor]], list[Tensor]]) -> Inputs | None:
    """Replace the pixels of the inputs by `change(frames)`, whatever layout the family packs them in.

    `frames` are the tower's, each [3, height, width] and normalised, and `change` returns as many of the same shapes.
    None where the layout of the pixel values is unknown.
    """
    values = inputs.pixels["pixel_values"]
    # a family's `frames` only rearranges values: applied to their indices, it tells where each value comes from
    places = torch.arange(values.numel()).view_as(values)
    whence = family.frames({**inputs.pixels, "pixel_values": places})
    if not whence:
        return None
    flat = values.clone().flatten()
    for place, frame in zip(whence, change(family.frames(inputs.pixels)), strict=True):
        assert frame.shape == place.shape, "a frame of another size cannot be placed among the inputs"
        flat[place.flatten()] = frame.flatten()
    pixels = family.repeated(inputs.pixels, flat.view_as(values))
    return replace(inputs, pixels={**inputs.pixels, "pixel_values": pixels})
