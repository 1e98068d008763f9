"""LLaVA 1.5: one token a patch of a single view, and the class token too where its projector is given that."""

from __future__ import annotations

from typing import Any

import numpy as np

from vlmtui.models.families.base import Family, Pixels, Shape, TokenSources, blocks, spelled_in_rows


class Llava(Family):
    """`vision_feature_select_strategy` "full" hands the class token on, where the tower has one."""

    def __init__(self, model: Any, config: Any, name: str) -> None:
        super().__init__(model, config, name)
        # a Pixtral tower takes pictures as one row of patches, each of which looks at all of them
        self.stackable = self.vision_config.model_type != "pixtral"

    def sources(self, shapes: list[Shape], pixels: Pixels, tokens: int) -> TokenSources | None:
        raster = blocks(shapes, 1)
        if tokens == len(raster) + 1:
            return TokenSources(np.concatenate([np.full((1, 1), -1), raster]))
        return super().sources(shapes, pixels, tokens)

    def spelled(self, tokenizer: Any, pixels: Pixels, tokens: int) -> list[int]:
        if self.vision_config.model_type != "pixtral":
            return super().spelled(tokenizer, pixels, tokens)
        (shape,) = self.shapes(self.frames(pixels))
        return spelled_in_rows(int(self.config.image_token_id), shape, tokenizer)
