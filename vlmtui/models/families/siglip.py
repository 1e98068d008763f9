"""SigLIP and SigLIP 2: a vision tower with a pooling head, and a text tower trained with a sigmoid for each pair."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vlmtui.models.families.base import Pixels, Shape
from vlmtui.models.families.encoder import Encoder

if TYPE_CHECKING:
    from torch import Tensor


class Siglip(Encoder):
    """Patches are compared with texts each alone through the pooling head, which was trained on all of them."""

    title = "SigLIP"
    part_titles = {"siglip": "SigLIP"}
    no_text_tower = ""
    classifier_reads = "mean of the patches"
    patch_path = "each patch alone through SigLIP's pooling head"
    fixed_length_texts = True

    def patch_vectors(self, states: Tensor) -> Tensor:
        vision = self.model.vision_model
        vectors: Tensor = vision.head(vision.post_layernorm(states).unsqueeze(1))
        return vectors


class Siglip2(Siglip):
    """Patches come flattened, padded to a fixed number; `spatial_shapes` says how many there really are."""

    title = "SigLIP 2"
    part_titles = {"siglip2": "SigLIP2"}

    def frames(self, pixels: Pixels) -> list[Tensor]:
        rows, cols = (int(n) for n in pixels["spatial_shapes"][0])
        tall, wide = self.patch_size
        values = pixels["pixel_values"][0, : rows * cols].view(rows, cols, tall, wide, 3)
        return [values.permute(4, 0, 2, 1, 3).reshape(3, rows * tall, cols * wide)]

    def states(self, values: Tensor, shapes: list[Shape]) -> list[tuple[Tensor, Tensor]]:
        return super().states(values[:, : shapes[0][0] * shapes[0][1]], shapes)
