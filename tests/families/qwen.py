"""The line of Qwen2-VL to Qwen3.5: any size, patches in 2×2-block order, merged four to a token."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.families.base import Family, chat_template, id_of, save, save_parts, text, tokenizer

_IMAGE = "<|image_pad|>"
_SPECIALS = ("<|vision_start|>", "<|vision_end|>", _IMAGE, "<|video_pad|>")
# 64 wide, 16 a head: the three sections of the rotary positions are half of that
_ROPE = {"rope_type": "default", "mrope_section": [2, 3, 3], "rope_theta": 10000.0}


def _build(folder: Path, name: str, vision: dict[str, Any], text_extra: dict[str, Any], processor: str) -> None:
    import transformers
    from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

    tokens = tokenizer(_SPECIALS, template=chat_template("<|vision_start|><|image_pad|><|vision_end|>"))
    config = getattr(transformers, f"{name}Config")(
        vision_config=vision,
        text_config=text(tokens, hidden_size=64, rope_parameters=_ROPE, **text_extra),
        image_token_id=id_of(tokens, _IMAGE),
        video_token_id=id_of(tokens, "<|video_pad|>"),
        vision_start_token_id=id_of(tokens, "<|vision_start|>"),
        vision_end_token_id=id_of(tokens, "<|vision_end|>"),
    )
    save(getattr(transformers, f"{name}ForConditionalGeneration")(config), folder)
    patch = vision["patch_size"]
    block = 4 * patch * patch
    # at most 28 tokens, at least 4
    images = Qwen2VLImageProcessorPil(patch_size=patch, size={"shortest_edge": 4 * block, "longest_edge": 28 * block})
    save_parts(folder, images, tokens, processor)


def qwen2_vl(folder: Path) -> None:
    """Patches of 14, `embed_dim` 32 in the tower, no windows."""
    vision = {"depth": 4, "embed_dim": 32, "hidden_size": 64, "num_heads": 4, "mlp_ratio": 2, "patch_size": 14}
    _build(folder, "Qwen2VL", vision, {}, "Qwen2VLProcessor")


def qwen2_5_vl(folder: Path) -> None:
    """Windows of 56 pixels, four patches a side: smaller than the pictures, so the order of the states is another."""
    vision = {
        "depth": 4,
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_heads": 4,
        "patch_size": 14,
        "window_size": 56,
        "out_hidden_size": 64,
        "fullatt_block_indexes": [1, 3],
    }
    _build(folder, "Qwen2_5_VL", vision, {}, "Qwen2_5_VLProcessor")


def qwen3_vl(folder: Path) -> None:
    """Patches of 16, interpolated 4×4 positions, and two blocks whose features are added in the decoder again."""
    vision = _VISION_16 | {"deepstack_visual_indexes": [0, 2]}
    _build(folder, "Qwen3VL", vision, {"head_dim": 16, "num_hidden_layers": 3}, "Qwen3VLProcessor")


# what a mixture of four experts has in place of one MLP
_EXPERTS = {"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 32}
_VISION_16 = {
    "depth": 4,
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_heads": 4,
    "patch_size": 16,
    "out_hidden_size": 64,
    "num_position_embeddings": 16,
}


def qwen3_vl_moe(folder: Path) -> None:
    """As Qwen3-VL, with a mixture of experts in every layer of the decoder."""
    vision = _VISION_16 | {"deepstack_visual_indexes": [0, 2]}
    _build(folder, "Qwen3VLMoe", vision, _EXPERTS | {"head_dim": 16, "num_hidden_layers": 3}, "Qwen3VLProcessor")


def _hybrid(**changes: Any) -> dict[str, Any]:
    """A decoder whose second layer alone has attention; the first and third are linear."""
    sizes = {
        "head_dim": 16,
        "num_hidden_layers": 3,
        "layer_types": ["linear_attention", "full_attention", "linear_attention"],
        "linear_key_head_dim": 8,
        "linear_value_head_dim": 8,
        "linear_num_key_heads": 2,
        "linear_num_value_heads": 4,
    }
    return sizes | changes


def qwen3_5(folder: Path) -> None:
    """A tower as Qwen3-VL's without deepstack; a hybrid decoder."""
    _build(folder, "Qwen3_5", _VISION_16, _hybrid(), "Qwen3VLProcessor")


def qwen3_5_moe(folder: Path) -> None:
    """As Qwen3.5, with a mixture of experts and a shared expert in every layer."""
    experts = _EXPERTS | {"shared_expert_intermediate_size": 32}
    _build(folder, "Qwen3_5Moe", _VISION_16, _hybrid(**experts), "Qwen3VLProcessor")


FAMILIES = [
    Family("qwen2_vl", qwen2_vl, "merged", has_processor=False),
    Family("qwen2_5_vl", qwen2_5_vl, "merged", has_processor=False),
    Family("qwen3_vl", qwen3_vl, "merged", has_processor=False),
    Family("qwen3_vl_moe", qwen3_vl_moe, "merged", has_processor=False, like="qwen3_vl"),
    Family("qwen3_5", qwen3_5, "merged", has_processor=False),
    Family("qwen3_5_moe", qwen3_5_moe, "merged", has_processor=False, like="qwen3_5"),
]
