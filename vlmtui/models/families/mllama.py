"""Mllama (Llama 3.2 Vision): a language model that reads images by cross-attention, without image tokens."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from vlmtui.models.families.base import Family, Pixels, Shape

if TYPE_CHECKING:
    from torch import Tensor


class Mllama(Family):
    """Up to four tiles, with padding of the tower's own after each one's patches."""

    title = "Mllama (Llama 3.2 Vision)"
    projector = "cross-attention"
    wordless = "its language model reads images by cross-attention: no image tokens enter the prompt"

    def feeds(self) -> str | None:
        return f"vision.{len(self.blocks)}"

    def frames(self, pixels: Pixels) -> list[Tensor]:
        # the tower always receives its full number of tiles; those that the mask leaves out are not the image's
        return super().frames(pixels)[: int(pixels["aspect_ratio_mask"].sum())]

    def features(self, pixels: Pixels) -> Any:
        self.tower(**{key: pixels[key] for key in ("pixel_values", "aspect_ratio_ids", "aspect_ratio_mask")})
        return None

    def states(self, values: Tensor, shapes: list[Shape]) -> list[tuple[Tensor, Tensor]]:
        patches = math.prod(shapes[0])
        tiles = values.view(int(self.vision_config.max_num_tiles), -1)[: len(shapes)]
        return [(tile[1 : 1 + patches], tile[:1]) for tile in tiles]
