"""InternVL: square tiles and a thumbnail, whose patches a pixel shuffle of the model merges into tokens."""

from __future__ import annotations

from typing import Any

from vlmtui.models.families.base import Family, Pixels, Shape, TokenSources, marks_of
from vlmtui.models.families.token_sources import from_patch_numbers, patch_numbers


class InternVL(Family):
    """Tiles row by row, a thumbnail last."""

    title = "InternVL"
    part_titles = {"internvl": "InternViT"}

    def sources(self, shapes: list[Shape], pixels: Pixels, tokens: int) -> TokenSources | None:
        rows, cols = shapes[0]
        square = patch_numbers(shapes).view(len(shapes), rows, cols, 1)
        shuffled = self.base.pixel_shuffle(square, scale_factor=self.config.downsample_ratio)
        return from_patch_numbers(shuffled.flatten(0, 2))

    def image_ids(self, tokenizer: Any, pixels: Pixels, tokens: int) -> list[int]:
        pieces = (getattr(tokenizer, f"{side}_image_token", None) for side in ("start", "end"))
        around = marks_of(tokenizer, *pieces)
        return [*around[:1], *super().image_ids(tokenizer, pixels, tokens), *around[1:]]


class QianfanOcr(InternVL):
    """As InternVL."""

    title = "Qianfan-OCR"
    part_titles = {"qianfan_ocr": "Qianfan"}
