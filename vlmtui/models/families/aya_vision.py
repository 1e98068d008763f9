"""Aya Vision: square tiles whose patches a pixel shuffle in the projector merges into tokens."""

from __future__ import annotations

from vlmtui.models.families.base import Family, Pixels, Shape, TokenSources
from vlmtui.models.families.token_sources import from_patch_numbers, patch_numbers


class AyaVision(Family):
    """Tiles row by row, a thumbnail last."""

    title = "Aya Vision"

    def sources(self, shapes: list[Shape], pixels: Pixels, tokens: int) -> TokenSources | None:
        shuffled = self.base.multi_modal_projector.pixel_shuffle(patch_numbers(shapes))
        return from_patch_numbers(shuffled.flatten(0, 2))
