"""LFM2-VL: tiles and a thumbnail of another shape, in flattened patches that are padded to one number."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vlmtui.models.families.base import Family, Pixels, Shape

if TYPE_CHECKING:
    from torch import Tensor


class Lfm2VL(Family):
    """Tiles row by row, the thumbnail last; `spatial_shapes` has the rows and columns of patches of each."""

    title = "LFM2-VL"
    part_titles = {"lfm2_vl": "LFM2-VL", "lfm2": "LFM2"}
    stackable = False

    def frames(self, pixels: Pixels) -> list[Tensor]:
        tall, wide = self.patch_size
        found = []
        for values, shape in zip(pixels["pixel_values"], pixels["spatial_shapes"].tolist(), strict=True):
            rows, cols = shape
            patches = values[: rows * cols].view(rows, cols, tall, wide, 3)
            found.append(patches.permute(4, 0, 2, 1, 3).reshape(3, rows * tall, cols * wide))
        return found

    def states(self, values: Tensor, shapes: list[Shape]) -> list[tuple[Tensor, Tensor]]:
        return [(row[: rows * cols], row[:0]) for row, (rows, cols) in zip(values, shapes, strict=True)]
