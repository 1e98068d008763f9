"""LLaVA 1.5: one token a patch of a single view, and the class token too where its projector is given that."""

from __future__ import annotations

import numpy as np

from vlmtui.models.families.base import Family, Pixels, Shape, Sources, blocks


class Llava(Family):
    """`vision_feature_select_strategy` "full" hands the class token on, where the tower has one."""

    def sources(self, shapes: list[Shape], pixels: Pixels, tokens: int) -> Sources | None:
        raster = blocks(shapes, 1)
        if tokens == len(raster) + 1:
            return Sources(np.concatenate([np.full((1, 1), -1), raster]))
        return super().sources(shapes, pixels, tokens)
