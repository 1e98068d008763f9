"""Families with a grid of flattened patches, as Qwen-VL has, or with tiles (Qianfan): from their default configs."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from transformers import CONFIG_MAPPING

from tests.families.base import Family
from tests.families.shrunk import ROPE, build_small, image_processor

_BLOCK = 4 * 14 * 14
_DEEP = {"deepstack_visual_indexes": [0, 2], "num_position_embeddings": 16}
_SOUND = {
    "d_model": 16,
    "encoder_layers": 1,
    "encoder_attention_heads": 2,
    "encoder_ffn_dim": 16,
    "num_mel_bins": 8,
    "output_dim": 64,
    "n_window": 4,
}
_INDEXED = {
    "hc_lowrank": 8,
    "indexer_n_heads": 2,
    "indexer_kv_heads": 1,
    "indexer_head_dim": 16,
    "indexer_budget": 64,
    "indexer_compress_ratio": 4,
}
_ROPE_OF = {"text_config": {"rope_parameters": ROPE}}


def _images(module: str, frames: int = 1, **settings: Any) -> Callable[[], Any]:
    """At most 28 tokens of 2×2 patches, at least 4."""
    size = {"shortest_edge": 4 * frames * _BLOCK, "longest_edge": 28 * frames * _BLOCK}
    return partial(image_processor, module, patch_size=14, size=size, **settings)


# by type: the image processor, the processor's class, and what is changed in the default config
_TYPES: dict[str, tuple[Callable[[], Any], str, dict[str, Any]]] = {
    "cohere_compass": (
        _images("cohere_compass"),
        "CohereCompassProcessor",
        {
            "text_config": {"rope_parameters": {"full_attention": ROPE}, "layer_types": ["full_attention"] * 2},
            "vision_config": _DEEP,
        },
    ),
    "cosmos3_edge": (
        _images("cosmos3_edge"),
        "Cosmos3EdgeProcessor",
        {"projector_hidden_size": 48, **_ROPE_OF, "vision_config": {"num_patches": 16}},
    ),
    "cosmos3_omni": (
        _images("qwen2_vl"),
        "Qwen3VLProcessor",
        {"text_config": {"rope_parameters": ROPE, "num_hidden_layers": 3}, "vision_config": _DEEP},
    ),
    "dots3_note": (
        _images("qwen2_vl", temporal_patch_size=1),
        "Dots3NoteProcessor",
        {
            "vision_config": {"per_layer_config": None, "mlp_layer_types": ["dense"] * 3 + ["sparse"]},
            "text_config": {
                "per_layer_config": None,
                "num_key_value_heads": 4,
                "layer_types": ["indexed_attention"] * 2,
            },
            "audio_config": {
                "hidden_size": 16,
                "adapter_input_size": 16,
                "num_hidden_layers": 1,
                "num_attention_heads": 2,
                "num_key_value_heads": 2,
                "intermediate_size": 16,
                "feature_size": 8,
                "downsample_hidden_size": 8,
                "head_dim": 8,
                "conv_output_size": None,
                "samples_per_token": None,
            },
        },
    ),
    "glm5_next": (
        partial(image_processor, "glm5_next", patch_size=14, min_image_tokens=4, max_image_tokens=28),
        "Glm5NextProcessor",
        {
            "text_config": {
                "num_key_value_heads": 4,
                "qk_rope_head_dim": 0,
                "head_dim": 0,
                "index_kpool": 4,
                "linear_head_dim": 8,
                "linear_num_heads": 4,
                "indexer_types": None,
            },
            "vision_config": {"projection_intermediate_size": 48},
        },
    ),
    "glmga": (
        _images("glmga", 2),
        "Glm46VProcessor",
        {"text_config": {"rope_parameters": ROPE | {"mrope_section": [1, 1, 2], "partial_rotary_factor": 0.5}}},
    ),
    "hunyuan_vl": (
        _images("hunyuan_vl"),
        "HunYuanVLProcessor",
        {
            "text_config": {"head_dim": 16, "rope_parameters": ROPE | {"alpha": 1.0}},
            "vision_config": {"text_hidden_size": 64, "max_image_size": 112},
        },
    ),
    "hy_v4_vl": (_images("hy_v4_vl"), "HYV4VLProcessor", {**_ROPE_OF, "vision_config": {"max_image_size": 112}}),
    "lfm3_vl": (_images("qwen2_vl"), "Lfm3VlProcessor", {"projector_hidden_size": 48}),
    "qwen4_exp": (
        _images("qwen2_vl"),
        "Qwen3VLProcessor",
        {"vision_config": {"num_position_embeddings": 16}, "text_config": _INDEXED},
    ),
    "video_llama_3": (_images("video_llama_3"), "VideoLlama3Processor", {}),
    "qwen2_5_omni_thinker": (
        _images("qwen2_vl"),
        "Qwen2_5OmniProcessor",
        {
            **_ROPE_OF,
            "vision_config": {"window_size": 56, "fullatt_block_indexes": [1, 3]},
            "audio_config": _SOUND,
            "vision_start_token_id": 300,
            "vision_end_token_id": 301,
        },
    ),
    "qwen3_omni_moe_thinker": (
        _images("qwen2_vl"),
        "Qwen3OmniMoeProcessor",
        {
            "text_config": {"rope_parameters": ROPE, "num_hidden_layers": 3},
            "vision_config": _DEEP,
            "audio_config": _SOUND | {"downsample_hidden_size": 8},
            "vision_start_token_id": 300,
            "vision_end_token_id": 301,
        },
    ),
    "qianfan_ocr": (
        partial(image_processor, "got_ocr2", size={"height": 56, "width": 56}, max_patches=12),
        "QianfanOCRProcessor",
        {},
    ),
}


def _build(model_type: str, folder: Path) -> None:
    images, processor, changes = _TYPES[model_type]
    settings = {"qianfan_ocr": {"image_seq_length": 4}, "hunyuan_vl": {"cat_extra_token": True}}.get(model_type, {})
    build_small(folder, model_type, images(), processor, changes, **settings)


def _family(name: str, like: str = "", tokens: Any = "merged", **others: Any) -> Family:
    return Family(name, partial(_build, name), tokens, has_processor=False, like=like, **others)


_ALL = [
    _family("cohere_compass", "qwen3_vl"),
    _family("cosmos3_edge"),
    _family("cosmos3_omni", "qwen3_vl"),
    _family("dots3_note", "qwen2_vl", last_by_hook=True),
    _family("glm5_next", "glm4v", last_by_hook=True, streams=4),
    _family("glmga", "glm4v", last_by_hook=True),
    _family("hunyuan_vl", tokens="newline", row_by_row=True),
    _family("hy_v4_vl", "hunyuan_vl", tokens="newline", row_by_row=True, streams=4),
    _family("lfm3_vl", "qwen2_vl"),
    _family("qwen4_exp", "qwen2_vl", streams=4),
    _family("video_llama_3", tokens="patch"),
    _family("qwen2_5_omni_thinker", "qwen2_5_vl"),
    _family("qwen3_omni_moe_thinker", "qwen3_vl"),
    _family("qianfan_ocr", "internvl", prefix=1, image_options={"crop_to_patches": True}),
]
# by their types, of which older versions of transformers lack some
FAMILIES = [family for family in _ALL if family.name in CONFIG_MAPPING]
