"""Florence-2: a tower of convolutions and attention in four stages, and an encoder–decoder that reads its tokens."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from vlmtui.models.families.base import Family, Pixels, Shape, TokenSources

if TYPE_CHECKING:
    from torch import Tensor, nn


class Florence2(Family):
    """The vision stages are those of its last stage, whose patches are as wide as all strides together.

    The first token is the mean of all patches; the others are a patch each, which its convolutions have mixed with
    those around it.
    """

    title = "Florence-2"
    part_titles = {"florence_vision": "DaViT", "bart": "BART"}
    projector = "linear layer"
    no_places = "the convolutions of its tower mix every patch with those around it"
    mixed_patches = "its patches have been mixed with those around them by convolutions"

    def __init__(self, model: Any, config: Any, name: str) -> None:
        super().__init__(model, config, name)
        self.blocks: nn.ModuleList = self.tower.blocks[-1]  # type: ignore[assignment,index]

    @property
    def patch_size(self) -> Shape:
        side = math.prod(self.vision_config.patch_stride)
        return side, side

    def sources(self, shapes: list[Shape], pixels: Pixels, tokens: int) -> TokenSources | None:
        return None

    def feeds(self) -> str | None:
        return f"vision.{len(self.blocks)}"

    def by_patches(self, states: Tensor) -> Tensor:
        # [tiles, width, rows, columns]
        return states.flatten(2).transpose(1, 2) if states.ndim == 4 else states

    def first_layer(self, ids: Tensor, features: Any) -> Tensor:
        embedded: Tensor = self.model.get_input_embeddings()(ids)
        if features is not None:  # its forward pass takes no features that were made before
            embedded[ids == int(self.config.image_token_id)] = self.flat(features).to(embedded)
        return embedded
