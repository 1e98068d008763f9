"""Mistral 3: k×k patches of a Pixtral tower become one token."""

from __future__ import annotations

from typing import Any

from vlmtui.errors import ImageError
from vlmtui.models.families.base import Family, Pixels


class Mistral3(Family):
    """Its processor enlarges nothing, and a picture of fewer patches than make one token gives none."""

    def features(self, pixels: Pixels) -> Any:
        side = int(self.config.spatial_merge_size)
        rows, cols = self.shapes(self.frames(pixels))[0]
        if min(rows, cols) < side:
            least = " × ".join(str(side * edge) for edge in self.patch_size)
            raise ImageError(f"the picture is too small for {self.name}: it needs at least {least} pixels, enlarge it")
        return super().features(pixels)
