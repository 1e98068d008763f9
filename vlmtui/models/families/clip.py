"""CLIP: a vision tower with a class token, and beside it a text tower trained with a softmax over pairs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vlmtui.models.families.encoder import Encoder

if TYPE_CHECKING:
    from torch import Tensor


class Clip(Encoder):
    """Patches are compared with texts on the value path of MaskCLIP (Zhou, Loy and Dai, 2022).

    In the last block each patch's values go through the attention's output projection, as if it attended to itself
    alone, without the residual stream and the MLP; then through the final norm and the projection that the class token
    was trained for.
    """

    title = "CLIP"
    part_titles = {"clip": "CLIP"}
    class_token = True
    no_text_tower = ""
    classifier_reads = "mean of the patches"
    patch_path = "CLIP's value path"

    def patch_text_stage(self) -> int:
        # the values are those of the last block, made of what enters it
        return len(self.blocks) - 1

    def image_vector(self, pooled: Tensor) -> Tensor:
        vector: Tensor = self.model.visual_projection(pooled)
        return vector

    def patch_vectors(self, states: Tensor) -> Tensor:
        block: Any = self.blocks[-1]
        attention = block.self_attn
        values = attention.out_proj(attention.v_proj(block.layer_norm1(states)))
        vectors: Tensor = self.model.visual_projection(self.model.vision_model.post_layernorm(values))
        return vectors
