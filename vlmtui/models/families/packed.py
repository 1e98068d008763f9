"""Qwen's vision-language models: patches of any number come flattened, in the order of 2×2 blocks or of windows."""

from __future__ import annotations

import torch
from torch import Tensor
from transformers.vision_utils import get_vision_window_index

from vlmtui.models.families.base import Family, Pixels, Shape


class Qwen2VL(Family):
    """Qwen2-VL and Qwen3-VL: `pixel_values` [patches, 3 · frames · height · width of a patch]."""

    projector = "merger"

    @property
    def _merge(self) -> int:
        return int(self.vision_config.spatial_merge_size)

    def feeds(self) -> str | None:
        return f"vision.{len(self.blocks)}"

    def frames(self, pixels: Pixels) -> list[Tensor]:
        _, rows, cols = (int(n) for n in pixels["image_grid_thw"][0])
        (tall, wide), m = self.patch_size, self._merge
        values = pixels["pixel_values"].view(rows // m, cols // m, m, m, 3, -1, tall, wide)[:, :, :, :, :, 0]
        return [values.permute(4, 0, 2, 5, 1, 3, 6).reshape(3, rows * tall, cols * wide)]

    def repeated(self, pixels: Pixels, values: Tensor) -> Tensor:
        # a picture is a film in which nothing moves
        films = values.view(len(values), 3, -1, *self.patch_size)
        return films[:, :, :1].expand_as(films).reshape_as(values)

    def states(self, values: Tensor, shapes: list[Shape]) -> list[tuple[Tensor, Tensor]]:
        in_rows = torch.empty_like(values)
        in_rows[self._order(shapes[0]).to(values.device)] = values
        return super().states(in_rows, shapes)

    def _order(self, shape: Shape) -> Tensor:
        """The row-major number of each patch, in the order of the tower's states."""
        (rows, cols), m = shape, self._merge
        return torch.arange(rows * cols).view(rows // m, m, cols // m, m).permute(0, 2, 1, 3).flatten()


class Qwen2_5VL(Qwen2VL):  # noqa: N801
    """Its blocks attend within windows, and its states are in their order."""

    def _order(self, shape: Shape) -> Tensor:
        vision = self.vision_config
        windows, _ = get_vision_window_index(
            torch.tensor([[1, *shape]]),
            spatial_merge_size=vision.spatial_merge_size,
            window_size=vision.window_size,
            patch_size=vision.patch_size,
        )
        return super()._order(shape).view(-1, self._merge**2)[windows].flatten()
