"""Molmo 2: a whole image and overlapping crops, in flattened patches; windows of patches become tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from vlmtui.models.families.base import Family, Pixels, Shape, TokenSources

if TYPE_CHECKING:
    from torch import Tensor


class Molmo2(Family):
    """`image_token_pooling` has the patches of every token, -1 for none; `image_grids` the rows and columns of tokens.

    A window of the crops may have patches of several, so that the tokens after the whole image's lie on a grid of
    their own.
    """

    title = "Molmo 2"
    part_titles = {"molmo2": "Molmo 2"}
    projector = "attention within windows and MLP"
    stackable = False

    def frames(self, pixels: Pixels) -> list[Tensor]:
        (tall, wide), values = self.patch_size, pixels["pixel_values"]
        rows, cols = (side // patch for side, patch in zip(self._side, (tall, wide), strict=True))
        crops = values.view(-1, rows, cols, tall, wide, 3).permute(0, 5, 1, 3, 2, 4)
        return list(crops.reshape(-1, 3, rows * tall, cols * wide))

    @property
    def _side(self) -> Shape:
        tall, wide = self.vision_config.image_size
        return int(tall), int(wide)

    def feeds(self) -> str | None:
        return None

    def sources(self, shapes: list[Shape], pixels: Pixels, tokens: int) -> TokenSources | None:
        whole_rows, whole_cols, rows, cols = (int(side) for side in pixels["image_grids"][0])
        patches = np.asarray(pixels["image_token_pooling"].cpu().numpy(), dtype=np.int64)
        return TokenSources(patches, (whole_rows * whole_cols, (rows, cols)))
