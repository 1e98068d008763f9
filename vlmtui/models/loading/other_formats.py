"""Formats of a checkpoint that vlmtui does not read: each is recognised, and the sentence says what to give instead."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Collection
from pathlib import Path
from typing import Any

from vlmtui.errors import ModelError

_HOLDS_CODE = (".bin", ".pt", ".pth")
_BITSANDBYTES = "bitsandbytes"
_MLX = "mlx"
_UNNAMED = "an unnamed method"
# what the authors of LLaVA write into their own configs; transformers' have a vision_config instead
_ORIGINAL_KEYS = ("mm_vision_tower", "mm_projector_type", "mm_hidden_size")
_ORIGINAL_CLASS = re.compile(r"Llava\w*For(CausalLM|ConditionalGeneration)")
_LLAVA_PAGE = "huggingface.co/llava-hf"
# by width of the language model
_LLAMA_SIZES = {4096: "7b", 5120: "13b"}
_QWEN_SIZES = {896: "0.5b", 3584: "7b", 8192: "72b"}
PIPELINE = "model_index.json"
"""The file of a diffusion pipeline, whose parts are models in folders of their own."""
_MISTRAL_FILES = re.compile(r"consolidated[\w.-]*\.safetensors|params\.json|tekken\.json")
_MISTRAL_CONVERTED = "mistral-community/pixtral-12b"


def refuse_original_llava(config: Any, name: str) -> None:
    """Raise `ModelError` for a config in the format of LLaVA's authors; it names the repository of the conversion."""
    if not isinstance(config, dict) or isinstance(config.get("vision_config"), dict):
        return
    kinds = [str(kind) for kind in config.get("architectures") or () if _ORIGINAL_CLASS.fullmatch(str(kind))]
    foreign = [kind for kind in kinds if kind.endswith("CausalLM")]
    if foreign or any(key in config for key in _ORIGINAL_KEYS):
        raise ModelError(
            f"{name} is in the format of LLaVA's authors, which transformers does not read: choose "
            f"{_converted_llava(config, ' '.join(foreign))}, or convert it with transformers' "
            "convert_llava_weights_to_hf.py"
        )


def _converted_llava(config: dict[str, Any], kind: str) -> str:
    """The repository in transformers' format of the model that the config most probably describes."""
    width = config.get("hidden_size")
    width = width if isinstance(width, int) else 0
    tiles = "anyres" in str(config.get("image_aspect_ratio", ""))
    if "qwen" in f"{kind} {config.get('model_type')}".lower():
        size = _QWEN_SIZES.get(width)
        return f"llava-hf/llava-onevision-qwen2-{size}-ov-hf" if size else f"its conversion on {_LLAVA_PAGE}"
    if "mistral" in f"{kind} {config.get('model_type')}".lower():
        return "llava-hf/llava-v1.6-mistral-7b-hf"
    if width == 7168:
        return "llava-hf/llava-v1.6-34b-hf"
    if width not in _LLAMA_SIZES:
        return f"its conversion on {_LLAVA_PAGE}"
    size = _LLAMA_SIZES[width]
    return f"llava-hf/llava-v1.6-vicuna-{size}-hf" if tiles else f"llava-hf/llava-1.5-{size}-hf"


def quantisation(config: dict[str, Any]) -> str | None:
    """The quantisation method of the weights as the config names it (`bitsandbytes`, `awq`, `gptq`, `mlx`), or None."""
    text = config.get("text_config")
    parts = [config, *([text] if isinstance(text, dict) else [])]
    found = next((part["quantization_config"] for part in parts if part.get("quantization_config")), None)
    # MLX writes a key of its own, and often the same under transformers' key
    own = next((part["quantization"] for part in parts if isinstance(part.get("quantization"), dict)), None)
    found = found if isinstance(found, dict) else own
    if found is None:
        return None
    if found.get("load_in_4bit") or found.get("load_in_8bit"):
        return _BITSANDBYTES
    if not found.get("quant_method") and {"group_size", "bits"} <= found.keys():
        return _MLX
    return str(found.get("quant_method") or _UNNAMED).lower()


def check_quantisation(config: dict[str, Any], name: str) -> None:
    """Raise `ModelError` for weights that are quantised in a way that cannot be read here."""
    method = quantisation(config)
    if method is None:
        return
    if method == _BITSANDBYTES:
        if any(importlib.util.find_spec(package) is None for package in (_BITSANDBYTES, "accelerate")):
            raise ModelError(
                f"{name} is quantised with bitsandbytes, which is not installed: pip install "
                "'vlmtui[bitsandbytes]', or choose the model it was quantised from"
            )
        return
    what = {
        "awq": "AWQ (4-bit weights scaled by their activations)",
        "gptq": "GPTQ (weights rounded one layer after another)",
        _MLX: "MLX (groups of weights with a scale each, for Apple's own library)",
    }.get(method, method)
    raise ModelError(
        f"{name} is quantised with {what}, which vlmtui does not support: choose the model it was quantised from "
        "(exploring reads little of it), or one in bitsandbytes' 4 bits"
    )


def refuse_other_formats(files: Collection[str], name: str, where: str) -> None:
    """Raise `ModelError` if the files, given by name, hold weights in a recognised format other than safetensors.

    `where` is the folder or hub name that a conversion would read.
    """
    if any(file.endswith(_HOLDS_CODE) for file in files):
        # a folder is converted in place; a hub model into a new folder, which then lacks the processor's files
        target, then = (
            (where, "")
            if Path(where).is_dir()
            else (f"./{where.rpartition('/')[2]}", f", then --model ./{where.rpartition('/')[2]} --processor {where}")
        )
        raise ModelError(
            f"{name} has its weights in .bin files only, which can hold code: if you trust its authors, convert them "
            'with python -c "from transformers import AutoModelForImageTextToText as M; '
            f"M.from_pretrained('{where}').save_pretrained('{target}')\"{then}"
        )
    if any(file.endswith(".gguf") for file in files):
        raise ModelError(f"{name} contains GGUF files: give the safetensors model they were made from")
    if PIPELINE in files:
        raise ModelError(
            f"{name} is a diffusion pipeline ({PIPELINE}), which makes images and reads none: choose a vision-language "
            "model or a vision tower"
        )
    if own := sorted(file for file in files if _MISTRAL_FILES.fullmatch(file)):
        raise ModelError(
            f"{name} has only Mistral's own files ({own[0]}), which transformers does not read: choose its "
            f'conversion, often named with "-hf" ({_MISTRAL_CONVERTED} is that of Pixtral 12B)'
        )
