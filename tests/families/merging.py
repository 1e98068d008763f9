"""Families put together as Qwen2-VL is, by others: GLM-4V, ERNIE 4.5-VL, EXAONE 4.5, HyperCLOVA X, PaddleOCR-VL."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import transformers

from tests.families.base import Family, chat_template, id_of, save, save_parts, text, tokenizer

_IMAGE, _VIDEO, _START, _END = "<|image|>", "<|video|>", "<|begin_of_image|>", "<|end_of_image|>"
# 64 wide, 16 a head: the three sections of the rotary positions are half of what is turned
_HALF = {"rope_type": "default", "mrope_section": [1, 1, 2], "rope_theta": 10000.0, "partial_rotary_factor": 0.5}
_WHOLE = {"rope_type": "default", "mrope_section": [2, 3, 3], "rope_theta": 10000.0}
_TOWER = {"depth": 4, "hidden_size": 32, "intermediate_size": 64, "num_heads": 4, "patch_size": 14}
_WINDOWS = {"window_size": 56, "fullatt_block_indexes": [1, 3]}


def _build(
    folder: Path,
    name: str,
    images: str,
    processor: str,
    vision: dict[str, Any],
    decoder: dict[str, Any],
    frames: int = 2,
) -> None:
    """`images` is the module of the image processor, `frames` how many frames it makes of an image."""
    tokens = tokenizer([_IMAGE, _VIDEO, _START, _END], template=chat_template(f"{_START}{_IMAGE}{_END}"))
    sides = {"image_start_token_id": _START, "image_end_token_id": _END, "image_token_id": _IMAGE}
    config = getattr(transformers, f"{name}Config")(
        vision_config=vision,
        text_config=text(tokens, hidden_size=64, **decoder),
        video_token_id=id_of(tokens, _VIDEO),
        **{key: id_of(tokens, piece) for key, piece in sides.items()},
    )
    for key in ("vision_start_token_id", "vision_end_token_id"):
        if hasattr(config, key):
            setattr(config, key, id_of(tokens, _START if "start" in key else _END))
    save(getattr(transformers, f"{name}ForConditionalGeneration")(config), folder)
    module = import_module(f"transformers.models.{images}.image_processing_pil_{images}")
    kind = next(value for key, value in vars(module).items() if key.endswith("ImageProcessorPil"))
    block = 4 * 14 * 14
    made = kind(patch_size=14, size={"shortest_edge": 4 * frames * block, "longest_edge": 28 * frames * block})
    save_parts(folder, made, tokens, processor)


def glm4v(folder: Path) -> None:
    """A convolution after the blocks makes one vector of 2×2 patches; half of each head is turned by the position."""
    vision = _TOWER | {"out_hidden_size": 64, "image_size": 56}
    _build(folder, "Glm4v", "glm4v", "Glm4vProcessor", vision, {"rope_parameters": _HALF})


def glm46v(folder: Path) -> None:
    """As GLM-4V."""
    vision = _TOWER | {"out_hidden_size": 64, "image_size": 56, "model_type": "glm4v_vision"}
    decoder = {"rope_parameters": _HALF, "model_type": "glm4v_text"}
    _build(folder, "Glm46V", "glm46v", "Glm46VProcessor", vision, decoder)


def glm4v_moe(folder: Path) -> None:
    """As GLM-4V, with a mixture of experts after the decoder's first layer."""
    experts = {"n_routed_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 32, "first_k_dense_replace": 1}
    vision = _TOWER | {"out_hidden_size": 64, "image_size": 56}
    decoder = {"rope_parameters": _HALF, "head_dim": 16, "num_hidden_layers": 3, **experts}
    _build(folder, "Glm4vMoe", "glm4v", "Glm4vProcessor", vision, decoder)


def glm_ocr(folder: Path) -> None:
    """As GLM-4V, with norms of query and key in the tower."""
    vision = _TOWER | {"out_hidden_size": 64, "image_size": 56}
    _build(folder, "GlmOcr", "glm46v", "Glm46VProcessor", vision, {"rope_parameters": _WHOLE, "head_dim": 16})


def ernie4_5_vl_moe(folder: Path) -> None:
    """One frame an image; the decoder's experts for text and for images differ."""
    experts = {"moe_num_experts": 4, "moe_k": 2, "moe_intermediate_size": [32, 32], "moe_num_shared_experts": 1}
    decoder = {
        "rope_parameters": {"rope_type": "default", "mrope_section": [3, 3, 2], "rope_theta": 10000.0},
        "mlp_layer_types": ["dense", "sparse"],
        **experts,
    }
    _build(folder, "Ernie4_5_VLMoe", "ernie4_5_vl_moe", "Ernie4_5_VLMoeProcessor", _TOWER, decoder, frames=1)


def exaone4_5(folder: Path) -> None:
    """As Qwen2.5-VL, windows included; grouped queries in the tower, an Exaone 4 decoder."""
    vision = _TOWER | _WINDOWS | {"out_hidden_size": 64, "num_key_value_heads": 2}
    decoder = {
        "model_type": "exaone4",
        "sliding_window": 64,
        "layer_types": ["sliding_attention", "full_attention"],
        "rope_parameters": _WHOLE,
    }
    _build(folder, "Exaone4_5_", "qwen2_vl", "Exaone4_5_Processor", vision, decoder, frames=1)


def hyperclovax(folder: Path) -> None:
    """The tower of Qwen2.5-VL, and a linear layer or MLP before HyperCLOVA X."""
    vision = _TOWER | _WINDOWS | {"out_hidden_size": 64, "model_type": "qwen2_5_vl_vision"}
    decoder = {"model_type": "hyperclovax"}
    _build(folder, "HyperCLOVAXVisionV2", "qwen2_vl", "HyperCLOVAXVisionV2Processor", vision, decoder, frames=1)


def paddleocr_vl(folder: Path) -> None:
    """Patches row by row, 2×2 of them merged by the projector."""
    sizes = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 4, "num_attention_heads": 4}
    vision = sizes | {"patch_size": 14, "image_size": 56}
    decoder = {"head_dim": 16, "rope_parameters": _WHOLE}
    _build(folder, "PaddleOCRVL", "paddleocr_vl", "PaddleOCRVLProcessor", vision, decoder, frames=1)


FAMILIES = [
    Family("glm4v", glm4v, "merged", has_processor=False, last_by_hook=True),
    Family("glm46v", glm46v, "merged", has_processor=False, last_by_hook=True, like="glm4v"),
    Family("glm4v_moe", glm4v_moe, "merged", has_processor=False, last_by_hook=True, like="glm4v"),
    Family("glm_ocr", glm_ocr, "merged", has_processor=False, last_by_hook=True, like="glm4v"),
    Family("ernie4_5_vl_moe", ernie4_5_vl_moe, "merged", has_processor=False, last_by_hook=True, like="qwen2_vl"),
    Family("exaone4_5", exaone4_5, "merged", has_processor=False, last_by_hook=True, like="qwen2_5_vl"),
    Family("hyperclovax", hyperclovax, "merged", has_processor=False, last_by_hook=True, like="qwen2_5_vl"),
    Family("paddleocr_vl", paddleocr_vl, "merged", has_processor=False, last_by_hook=True, row_by_row=True),
]
