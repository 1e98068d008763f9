"""Mllama: the language model looks at the picture by cross-attention; no image token enters its prompt."""

from __future__ import annotations

import math
from typing import Any

from torch import Tensor

from vlmtui.models.families.base import Family, Pixels, Shape


class Mllama(Family):
    """Up to four tiles, and after each one's patches some padding of the tower's own."""

    projector = "cross-attention"
    wordless = "its language model looks at pictures by cross-attention: no image tokens enter the prompt"

    def feeds(self) -> str | None:
        return f"vision.{len(self.blocks)}"

    def frames(self, pixels: Pixels) -> list[Tensor]:
        # the tower is always given as many tiles as it takes; what it does not look at is not the picture's
        return super().frames(pixels)[: int(pixels["aspect_ratio_mask"].sum())]

    def features(self, pixels: Pixels) -> Any:
        self.tower(**{key: pixels[key] for key in ("pixel_values", "aspect_ratio_ids", "aspect_ratio_mask")})
        return None

    def states(self, values: Tensor, shapes: list[Shape]) -> list[tuple[Tensor, Tensor]]:
        patches = math.prod(shapes[0])
        tiles = values.view(int(self.vision_config.max_num_tiles), -1)[: len(shapes)]
        return [(tile[1 : 1 + patches], tile[:1]) for tile in tiles]
