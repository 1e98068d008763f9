"""Mistral 3: k×k patches of a Pixtral tower become one token."""

from __future__ import annotations

from typing import Any

from vlmtui.errors import ImageError
from vlmtui.models.families.base import Family, Pixels, spelled_in_rows


class Mistral3(Family):
    """Its processor enlarges nothing, so a picture can be too small."""

    # a Pixtral tower takes pictures as one row of patches, each of which looks at all of them
    stackable = False

    @classmethod
    def image_options(cls, config: Any) -> dict[str, Any]:
        # sides of whole tokens, not only of whole patches
        return {"patch_size": config.vision_config.patch_size * config.spatial_merge_size}

    def features(self, pixels: Pixels) -> Any:
        side = int(self.config.spatial_merge_size)
        rows, cols = self.shapes(self.frames(pixels))[0]
        if (rows // side) * (cols // side) < 2:  # of a single token the library drops a dimension, and fails
            least = " × ".join(str(side * edge) for edge in self.patch_size)
            raise ImageError(f"the picture is too small for {self.name}: it needs more than {least} pixels, enlarge it")
        return super().features(pixels)

    def spelled(self, tokenizer: Any, pixels: Pixels, tokens: int) -> list[int]:
        side = int(self.config.spatial_merge_size)
        rows, cols = self.shapes(self.frames(pixels))[0]
        return spelled_in_rows(int(self.config.image_token_id), (rows // side, cols // side), tokenizer)
