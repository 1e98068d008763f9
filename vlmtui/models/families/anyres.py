"""LLaVA-NeXT and LLaVA-OneVision: a base view, then tiles stitched, unpadded, and closed by a newline in every row."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from vlmtui.models.families.base import Family, Pixels, Shape, TokenSources


class LlavaNext(Family):
    """The patches' rows and columns are sent through the model's own `pack_image_features`, NaN for the newline."""

    placeless = "newline"

    def sources(self, shapes: list[Shape], pixels: Pixels, tokens: int) -> TokenSources | None:
        tiles, (rows, cols) = len(shapes), shapes[0]
        base = np.arange(rows * cols)
        height, width = (int(n) for n in pixels["image_sizes"][0])
        across = self._across(height, width) if tiles > 1 else 1
        at = np.arange(tiles * rows * cols)
        tile, row, col = at // (rows * cols) - 1, at // cols % rows, at % cols
        # the stitched row and column of every patch; those of the base view are not looked at
        numbers = np.stack([tile // across * rows + row, tile % across * cols + col], axis=1).astype(np.float64)
        packed, _ = self.base.pack_image_features(
            [torch.from_numpy(numbers).view(tiles, rows * cols, 2)],
            pixels["image_sizes"],
            **self._options(),
            image_newline=torch.full((2,), torch.nan, dtype=torch.float64),
        )
        spots = packed[0][len(base) :].numpy()
        made = np.full((len(base) + len(spots), 4), -1)
        made[: len(base)] = base[:, None]
        real = ~np.isnan(spots[:, 0])
        made[len(base) :][real] = _around(spots[real], (rows, cols), across)
        return TokenSources(made, self._again(spots, len(base)))

    def _across(self, height: int, width: int) -> int:
        from transformers.image_processing_utils import select_best_resolution

        best = select_best_resolution((height, width), self.config.image_grid_pinpoints)
        return int(best[1]) // int(self.vision_config.image_size)

    def _again(self, spots: NDArray[np.float64], first: int) -> tuple[int, Shape] | None:
        """Whether the stitched grid was resampled, and to which rows and columns."""
        newlines = np.flatnonzero(np.isnan(spots[:, 0]))
        if len(newlines) == len(spots) or np.all(spots[~np.isnan(spots)] % 1 == 0):
            return None
        return first, (len(newlines), int(newlines[0]))

    def _options(self) -> dict[str, Any]:
        return {"vision_feature_select_strategy": self.config.vision_feature_select_strategy}


class LlavaOnevision(LlavaNext):
    """As LLaVA-NeXT, but the stitched tiles are shrunk where they are too many."""

    def _options(self) -> dict[str, Any]:
        return {"vision_aspect_ratio": self.config.vision_aspect_ratio}


def _around(spots: NDArray[np.float64], shape: Shape, across: int) -> NDArray[np.int64]:
    """The patches whose mixture (bilinear) lies at each stitched (row, column): int64 [spots, 4]."""
    rows, cols = shape
    found = []
    for row in (np.floor(spots[:, 0]), np.ceil(spots[:, 0])):
        for col in (np.floor(spots[:, 1]), np.ceil(spots[:, 1])):
            tile = row // rows * across + col // cols + 1
            found.append(tile * rows * cols + row % rows * cols + col % cols)
    return np.stack(found, axis=1).astype(np.int64)
