"""Families whose checkpoints are made from the default config of their type, every size in it made small."""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path
from typing import Any

from tests.families.base import chat_template, id_of, save, save_parts, text, tokenizer

IMAGE, VIDEO, START, END = "<|image|>", "<|video|>", "<|begin_of_image|>", "<|end_of_image|>"
# 64 wide, 16 a head: the three sections of the rotary positions are half of what is turned
ROPE = {"rope_type": "default", "mrope_section": [2, 3, 3], "rope_theta": 10000.0}
_DECODER = {
    "hidden_size": 64,
    "head_dim": 16,
    "n_routed_experts": 4,
    "num_experts": 4,
    "num_local_experts": 4,
    "moe_num_experts": 4,
    "num_experts_per_tok": 2,
    "moe_topk": 2,
    "moe_intermediate_size": 32,
    "shared_expert_intermediate_size": 32,
    "shared_experts_intermediate_size": 32,
    "n_group": 1,
    "topk_group": 1,
    "kv_lora_rank": 16,
    "q_lora_rank": 16,
    "qk_rope_head_dim": 16,
    "qk_nope_head_dim": 16,
    "v_head_dim": 16,
    "index_n_heads": 2,
    "index_head_dim": 32,
    "index_topk": 64,
    "linear_key_head_dim": 8,
    "linear_value_head_dim": 8,
    "linear_num_key_heads": 2,
    "linear_num_value_heads": 4,
}
_TOWER = {
    "hidden_size": 32,
    "embed_dim": 32,
    "intermediate_size": 64,
    "mlp_dim": 64,
    "moe_intermediate_size": 32,
    "num_hidden_layers": 4,
    "depth": 4,
    "num_attention_heads": 4,
    "num_heads": 4,
    "num_key_value_heads": 4,
    "out_hidden_size": 64,
    "adapter_in_dim": 32,
    "adapter_out_dim": 64,
    "projection_dim": 32,
    "image_size": 56,
    "patch_size": 14,
}
_TOWERS = ("vision", "sam", "encoder", "audio")


def shrunk(settings: dict[str, Any], sizes: dict[str, Any], tower: bool = False) -> dict[str, Any]:
    """The settings of a config with those sizes that are known by name made small; of a decoder by `sizes`."""
    known, made = (_TOWER if tower else sizes), {}
    for key, value in settings.items():
        if isinstance(value, dict) and key.endswith("config") and key != "per_layer_config":
            made[key] = shrunk(value, sizes, tower or any(part in key for part in _TOWERS))
        elif key in known and value is not None and not isinstance(value, bool):
            made[key] = known[key]
        elif key in ("layer_types", "mlp_layer_types") and isinstance(value, list):
            kinds = list(dict.fromkeys(value))  # as many of them as there are layers
            made[key] = [kinds[layer % len(kinds)] for layer in range(known["num_hidden_layers"])]
        else:
            made[key] = value
    return made


def merged(settings: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """`settings` with `changes`, those of sub-configs within them; what is changed to None is left out."""
    made = dict(settings)
    for key, value in changes.items():
        if isinstance(value, dict) and isinstance(made.get(key), dict) and key.endswith("config"):
            made[key] = merged(made[key], value)
        else:
            made[key] = value
    return {key: value for key, value in made.items() if key not in changes or changes[key] is not None}


def small_config(model_type: str, tokens: Any, changes: dict[str, Any], image: str = IMAGE) -> Any:
    """The config of a type with small sizes, the tokens' ids, and `changes`."""
    from transformers import CONFIG_MAPPING

    settings = json.loads(CONFIG_MAPPING[model_type]().to_json_string(use_diff=False))
    settings.pop("dtype", None)
    made = shrunk(settings, text(tokens) | _DECODER)
    ids = {
        "image_token_id": image,
        "image_token_index": image,
        "video_token_id": VIDEO,
        "vision_start_token_id": START,
        "vision_end_token_id": END,
        "image_start_token_id": START,
        "image_end_token_id": END,
    }
    made |= {key: id_of(tokens, piece) for key, piece in ids.items() if key in made}
    return CONFIG_MAPPING[model_type].from_dict(merged(made, changes))


def image_processor(name: str, **settings: Any) -> Any:
    """PIL's image processor in transformers' module of that name."""
    module = import_module(f"transformers.models.{name}.image_processing_pil_{name}")
    kind = next(
        value
        for key, value in vars(module).items()
        if key.endswith("ImageProcessorPil") and value.__module__ == module.__name__
    )
    return kind(**settings)


def build_small(
    folder: Path,
    model_type: str,
    images: Any,
    processor: str,
    changes: dict[str, Any],
    *,
    image: str = IMAGE,
    pieces: tuple[str, ...] = (),
    **settings: Any,
) -> None:
    """Save a model of the type with small sizes and `changes`, and its processor's parts.

    `image` is the image token, `pieces` are other special ones, `settings` those of the processor.
    """
    from transformers import MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING

    tokens = tokenizer([image, VIDEO, START, END, *pieces], template=chat_template(f"{START}{image}{END}"))
    config = small_config(model_type, tokens, changes, image)
    save(MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING[type(config)]._from_config(config), folder)
    save_parts(folder, images, tokens, processor, **settings)
