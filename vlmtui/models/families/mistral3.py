"""Mistral 3: blocks of k×k patches of a Pixtral tower become one token each."""

from __future__ import annotations

from typing import Any

from vlmtui.errors import ImageError
from vlmtui.models.families.base import Family, Pixels, pixtral_ids


class Mistral3(Family):
    """Its processor enlarges nothing, so an image can be too small."""

    title = "Mistral 3"
    # a Pixtral tower takes several images as one row of patches, each of which attends to all of them
    stackable = False

    @classmethod
    def image_options(cls, config: Any) -> dict[str, Any]:
        # sides of whole tokens, not only of whole patches
        return {"patch_size": config.vision_config.patch_size * config.spatial_merge_size}

    def features(self, pixels: Pixels) -> Any:
        side = int(self.config.spatial_merge_size)
        rows, cols = self.shapes(self.frames(pixels))[0]
        if (rows // side) * (cols // side) < 2:  # the library drops a dimension of a single token, and fails
            least = " × ".join(str(side * edge) for edge in self.patch_size)
            raise ImageError(f"the image is too small for {self.name}: it needs more than {least} pixels; enlarge it")
        return super().features(pixels)

    def image_ids(self, tokenizer: Any, pixels: Pixels, tokens: int) -> list[int]:
        side = int(self.config.spatial_merge_size)
        rows, cols = self.shapes(self.frames(pixels))[0]
        return pixtral_ids(int(self.config.image_token_id), (rows // side, cols // side), tokenizer)


class MistralLarge4(Mistral3):
    """As Mistral 3, with a mixture of experts and an indexed attention in the decoder."""

    title = "Mistral Large 4"
    part_titles = {"mistral_large4": "Mistral Large 4"}
