"""Idefics3 and SmolVLM: square tiles whose patches a pixel shuffle in the connector merges into tokens."""

from __future__ import annotations

from vlmtui.models.families.base import Family, Pixels, Shape, TokenSources
from vlmtui.models.families.token_sources import from_patch_numbers, patch_numbers


class Idefics3(Family):
    """Tiles row by row, the whole image last."""

    title = "Idefics3"

    def sources(self, shapes: list[Shape], pixels: Pixels, tokens: int) -> TokenSources | None:
        connector = self.base.connector
        shuffled = connector.pixel_shuffle(patch_numbers(shapes), connector.scale_factor)
        return from_patch_numbers(shuffled.flatten(0, 1))


class SmolVLM(Idefics3):
    """As Idefics3, with a smaller language model."""

    title = "SmolVLM"
    part_titles = {"smolvlm": "SmolVLM"}
