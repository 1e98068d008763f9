"""Patch embedding: the pixels of a patch, the vector that they are flattened to, and its projection."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from vlmtui.errors import UsageError
from vlmtui.models.families.base import Family, Pixels
from vlmtui.models.loading.loader import LoadedModel
from vlmtui.models.loading.processor import Inputs
from vlmtui.models.vision.patch_projection import input_length, project, projection_of
from vlmtui.models.vision.pixel_values import Levels, denormalised
from vlmtui.models.vision.position_embedding import PositionEmbedding, position_embedding


@dataclass(frozen=True)
class EmbeddedPatch:
    """One patch: its normalised `values`, float32 [3, height, width], and its `levels` (0–255) in the same shape.

    `flat` [values] is the projection's input in the model's own order and precision, and `projected` float32 [hidden]
    its output before a position embedding is added. Both are None where the tower's projection is unknown.
    """

    values: Tensor
    levels: Levels
    flat: Tensor | None
    projected: Tensor | None

    @property
    def frames(self) -> int:
        """How many copies of the patch's values are projected: the frames of a model that reads video."""
        return 1 if self.flat is None else self.flat.numel() // self.values.numel()


class PatchEmbedding:
    """Patch and position embeddings of one model's tower, before its first block."""

    def __init__(self, loaded: LoadedModel, family: Family) -> None:
        self._processor = loaded.processing.image_processor
        self._model, self._device = loaded.model, loaded.device
        self._family = family

    def position_embedding(self, inputs: Inputs) -> PositionEmbedding:
        """The position embedding that the tower adds to the patches of an image."""
        return position_embedding(self._family, self._given(inputs))

    @torch.no_grad()
    def embed_patch(self, inputs: Inputs, tile: int, row: int, col: int) -> EmbeddedPatch:
        """The patch at a row and column of a tile, all from 0; `UsageError` where the pixel layout is unknown."""
        pixels = {key: value.cpu() for key, value in inputs.pixels.items()}
        pixels["pixel_values"] = pixels["pixel_values"].to(self._model.dtype)
        frames = self._family.frames(pixels)
        if tile >= len(frames):
            raise UsageError(f"the layout in which {self._family.name} receives a patch's pixels is unknown")
        (tall, wide), values = self._family.patch_size, pixels["pixel_values"]
        window = slice(row * tall, (row + 1) * tall), slice(col * wide, (col + 1) * wide)
        here = frames[tile][:, window[0], window[1]].float()
        shown = denormalised(here.numpy(), self._processor)
        projection = projection_of(self._family)
        if projection is None:
            return EmbeddedPatch(here, shown, None, None)
        length = input_length(projection)
        if values.ndim <= 3 and values.shape[-1] == length:
            # one row a patch already, in the processor's order: `frames` of the row numbers tells which row this is
            rows = values.view(-1, length)
            numbers = torch.arange(len(rows), dtype=torch.int32).unsqueeze(1).expand(rows.shape)
            which = self._frame({**pixels, "pixel_values": numbers.reshape(values.shape)}, tile)
            flat = rows[int(which[0, window[0].start, window[1].start])]
        elif math.prod(here.shape) == length:
            flat = frames[tile][:, window[0], window[1]].flatten()
        else:
            return EmbeddedPatch(here, shown, None, None)
        made = project(projection, flat.to(self._device)).float().cpu()
        return EmbeddedPatch(here, shown, flat, made)

    def norms(self, inputs: Inputs) -> Tensor:
        """The L2 norm of each patch's normalised `values` [patches], tile by tile, row by row.

        Empty where the layout of the pixel values is unknown.
        """
        pixels = dict(inputs.pixels)
        pixels["pixel_values"] = pixels["pixel_values"].to(self._model.dtype)
        (tall, wide), found = self._family.patch_size, [torch.zeros(0)]
        for frame in self._family.frames(pixels):
            rows, cols = frame.shape[1] // tall, frame.shape[2] // wide
            values = frame[:, : rows * tall, : cols * wide].float().cpu().reshape(3, rows, tall, cols, wide)
            found.append(values.square().sum(dim=(0, 2, 4)).sqrt().flatten())
        return torch.cat(found)

    def _frame(self, pixels: Pixels, tile: int) -> Tensor:
        return self._family.frames(pixels)[tile]

    def _given(self, inputs: Inputs) -> Pixels:
        pixels = {key: value.to(self._device) for key, value in inputs.pixels.items()}
        pixels["pixel_values"] = pixels["pixel_values"].to(self._model.dtype)
        return pixels
