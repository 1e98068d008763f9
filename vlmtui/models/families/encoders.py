"""Vision towers alone: CLIP, SigLIP, SigLIP 2, ViT, DINOv2 and DINOv3. There is no language model to have words for."""

from __future__ import annotations

import inspect
from typing import Any

from torch import Tensor, nn

from vlmtui.models.families.base import Family, Pixels, Shape


class Encoder(Family):
    """One raster of patches, after the class token and registers where the tower has them."""

    projector = ""
    wordless = "it is a vision tower alone: there is no language model whose words could be compared"

    @property
    def vision_config(self) -> Any:
        return getattr(self.config, "vision_config", self.config)

    @property
    def trunk(self) -> nn.Module:
        """The tower without a classification head: the module that puts out `last_hidden_state`."""
        inner = getattr(self.tower, str(getattr(self.tower, "base_model_prefix", "")), None)
        return inner if isinstance(inner, nn.Module) else self.tower

    def feeds(self) -> str | None:
        return None

    def features(self, pixels: Pixels) -> Any:
        accepted = inspect.signature(self.tower.forward).parameters
        self.tower(**{key: value for key, value in pixels.items() if key in accepted})
        return None


class Siglip2(Encoder):
    """Patches come flattened, padded to a fixed number; `spatial_shapes` says how many there really are."""

    def frames(self, pixels: Pixels) -> list[Tensor]:
        rows, cols = (int(n) for n in pixels["spatial_shapes"][0])
        tall, wide = self.patch_size
        values = pixels["pixel_values"][0, : rows * cols].view(rows, cols, tall, wide, 3)
        return [values.permute(4, 0, 2, 1, 3).reshape(3, rows * tall, cols * wide)]

    def states(self, values: Tensor, shapes: list[Shape]) -> list[tuple[Tensor, Tensor]]:
        return super().states(values[:, : shapes[0][0] * shapes[0][1]], shapes)
