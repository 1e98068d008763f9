"""LLaVA 1.5 and VipLLaVA: one token a patch of a single tile, and the class token where the projector receives it."""

from __future__ import annotations

from typing import Any

import numpy as np

from vlmtui.models.families.base import Family, Pixels, Shape, TokenSources, pixtral_ids
from vlmtui.models.families.token_sources import patch_blocks

_PIXTRAL = "pixtral"


class Llava(Family):
    """With `vision_feature_select_strategy` "full" the class token becomes a token, where the tower has one; with
    "default" the first patch becomes none where the tower has no class token.

    With a Pixtral tower it is the Pixtral model.
    """

    title = "LLaVA 1.5"

    def __init__(self, model: Any, config: Any, name: str) -> None:
        super().__init__(model, config, name)
        # a Pixtral tower takes several images as one row of patches, each of which attends to all of them
        self.stackable = self.vision_config.model_type != _PIXTRAL

    def sources(self, shapes: list[Shape], pixels: Pixels, tokens: int) -> TokenSources | None:
        raster = patch_blocks(shapes, 1)
        if tokens == len(raster) + 1:
            return TokenSources(np.concatenate([np.full((1, 1), -1), raster]))
        if tokens == len(raster) - 1:
            return TokenSources(raster[1:])
        return super().sources(shapes, pixels, tokens)

    def image_ids(self, tokenizer: Any, pixels: Pixels, tokens: int) -> list[int]:
        if self.vision_config.model_type != _PIXTRAL:
            return super().image_ids(tokenizer, pixels, tokens)
        (shape,) = self.shapes(self.frames(pixels))
        return pixtral_ids(int(self.config.image_token_id), shape, tokenizer)


class VipLlava(Llava):
    """As LLaVA 1.5, with a projector that reads several layers of the tower."""

    title = "VipLLaVA"
    projector = "MLP over several layers"

    def feeds(self) -> str | None:
        return None


class VideoLlava(Llava):
    """As LLaVA 1.5; a tower of its own for videos is not read."""

    title = "Video-LLaVA"
    unread_parts = ("video_tower",)

    @classmethod
    def tidied(cls, made: Pixels, config: Any) -> Pixels:
        # an older name, which the model no longer takes
        return {key.replace("pixel_values_images", "pixel_values"): value for key, value in made.items()}
