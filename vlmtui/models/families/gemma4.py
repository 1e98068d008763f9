"""Gemma 4: images of any shape in flattened patches, padded to a fixed number, whose blocks are averaged."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vlmtui.models.families.base import Family, Pixels, Shape

if TYPE_CHECKING:
    from torch import Tensor


class Gemma4(Family):
    """`image_position_ids` has the column and row of every patch, -1 for padding."""

    title = "Gemma 4"
    part_titles = {"gemma4": "Gemma 4"}
    projector = "average and linear layer"

    def frames(self, pixels: Pixels) -> list[Tensor]:
        at = pixels["image_position_ids"][0]
        cols, rows = (int(n) + 1 for n in at.amax(dim=0))
        tall, wide = self.patch_size
        values = pixels["pixel_values"][0, : rows * cols].view(rows, cols, tall, wide, 3)
        return [values.permute(4, 0, 2, 1, 3).reshape(3, rows * tall, cols * wide)]

    def states(self, values: Tensor, shapes: list[Shape]) -> list[tuple[Tensor, Tensor]]:
        return super().states(values[:, : shapes[0][0] * shapes[0][1]], shapes)
