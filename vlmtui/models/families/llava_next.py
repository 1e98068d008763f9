"""LLaVA-NeXT and LLaVA-OneVision: a base view, then tiles stitched, unpadded, each row closed by a newline token."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from vlmtui.errors import ModelError, lacks_memory
from vlmtui.models.families.base import Family, Pixels, Shape, TokenSources


class LlavaNext(Family):
    """The patches' rows and columns are sent through the model's own `pack_image_features`, NaN for the newline."""

    title = "LLaVA-NeXT"
    placeless = "newline"

    def features(self, pixels: Pixels) -> Any:
        try:
            return super().features(pixels)
        except RuntimeError as error:
            full = getattr(self.config, "vision_feature_select_strategy", None) == "full"
            class_token = any(name.endswith("class_embedding") for name, _ in self.tower.named_parameters())
            if not (full and class_token) or lacks_memory(error):
                raise
            raise ModelError(
                f"{self.name} has vision_feature_select_strategy full, which keeps the class token of its tower, and "
                f"{self.title} has no place for it among the patches: set it to default in config.json"
            ) from error

    def sources(self, shapes: list[Shape], pixels: Pixels, tokens: int) -> TokenSources | None:
        import torch

        tiles, (rows, cols) = len(shapes), shapes[0]
        base = np.arange(rows * cols)
        height, width = (int(n) for n in pixels["image_sizes"][0])
        across = self._tiles_across(height, width) if tiles > 1 else 1
        at = np.arange(tiles * rows * cols)
        tile, row, col = at // (rows * cols) - 1, at // cols % rows, at % cols
        # the stitched row and column of every patch; those of the base view are not read
        numbers = np.stack([tile // across * rows + row, tile % across * cols + col], axis=1).astype(np.float64)
        packed, _ = self.base.pack_image_features(
            [torch.from_numpy(numbers).view(tiles, rows * cols, 2)],
            pixels["image_sizes"],
            **self._packing_options(),
            image_newline=torch.full((2,), torch.nan, dtype=torch.float64),
        )
        spots = packed[0][len(base) :].numpy()
        patches = np.full((len(base) + len(spots), 4), -1)
        patches[: len(base)] = base[:, None]
        real = ~np.isnan(spots[:, 0])
        patches[len(base) :][real] = _patches_around(spots[real], (rows, cols), across)
        return TokenSources(patches, self._resampled(spots, len(base)))

    def _tiles_across(self, height: int, width: int) -> int:
        from transformers.image_processing_utils import select_best_resolution

        best = select_best_resolution((height, width), self.config.image_grid_pinpoints)
        return int(best[1]) // int(self.vision_config.image_size)

    def _resampled(self, spots: NDArray[np.float64], first: int) -> tuple[int, Shape] | None:
        """The first token of the stitched grid and its (rows, columns) where it was resampled, else None."""
        newlines = np.flatnonzero(np.isnan(spots[:, 0]))
        if len(newlines) == len(spots) or np.all(spots[~np.isnan(spots)] % 1 == 0):
            return None
        return first, (len(newlines), int(newlines[0]))

    def _packing_options(self) -> dict[str, Any]:
        return {"vision_feature_select_strategy": self.config.vision_feature_select_strategy}


class LlavaNextVideo(LlavaNext):
    """As LLaVA-NeXT, trained on videos too, which are not read here."""

    title = "LLaVA-NeXT-Video"


class LlavaOnevision(LlavaNext):
    """As LLaVA-NeXT, but the stitched grid is shrunk where it has too many tokens."""

    title = "LLaVA-OneVision"

    def _packing_options(self) -> dict[str, Any]:
        return {"vision_aspect_ratio": self.config.vision_aspect_ratio}


def _patches_around(spots: NDArray[np.float64], shape: Shape, across: int) -> NDArray[np.int64]:
    """The four patches mixed (bilinearly) at each stitched (row, column): int64 [spots, 4]."""
    rows, cols = shape
    found = []
    for row in (np.floor(spots[:, 0]), np.ceil(spots[:, 0])):
        for col in (np.floor(spots[:, 1]), np.ceil(spots[:, 1])):
            tile = row // rows * across + col // cols + 1
            found.append(tile * rows * cols + row % rows * cols + col % cols)
    return np.stack(found, axis=1).astype(np.int64)
