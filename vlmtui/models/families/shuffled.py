"""Idefics3, SmolVLM, InternVL and Aya Vision: square tiles whose patches a pixel shuffle puts together.

Patch numbers are sent through the model's own shuffle.
"""

from __future__ import annotations

from typing import Any

from vlmtui.models.families.base import Family, Pixels, Shape, TokenSources, marks_of, numbered, taken


class Idefics3(Family):
    """Tiles row by row, the whole view last."""

    def sources(self, shapes: list[Shape], pixels: Pixels, tokens: int) -> TokenSources | None:
        connector = self.base.connector
        return taken(connector.pixel_shuffle(numbered(shapes), connector.scale_factor).flatten(0, 1))


class InternVL(Family):
    """Tiles row by row, a thumbnail last."""

    def sources(self, shapes: list[Shape], pixels: Pixels, tokens: int) -> TokenSources | None:
        rows, cols = shapes[0]
        square = numbered(shapes).view(len(shapes), rows, cols, 1)
        return taken(self.base.pixel_shuffle(square, scale_factor=self.config.downsample_ratio).flatten(0, 2))

    def spelled(self, tokenizer: Any, pixels: Pixels, tokens: int) -> list[int]:
        pieces = (getattr(tokenizer, f"{side}_image_token", None) for side in ("start", "end"))
        around = marks_of(tokenizer, *pieces)
        return [*around[:1], *super().spelled(tokenizer, pixels, tokens), *around[1:]]


class AyaVision(Family):
    """As InternVL, the shuffle in the projector."""

    def sources(self, shapes: list[Shape], pixels: Pixels, tokens: int) -> TokenSources | None:
        return taken(self.base.multi_modal_projector.pixel_shuffle(numbered(shapes)).flatten(0, 2))
