"""Formats of a checkpoint that vlmtui does not read: each is recognised, and the sentence says what to give instead."""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path
from typing import Any

from vlmtui.errors import ModelError, one_line

_HOLDS_CODE = (".bin", ".pt", ".pth")
# what a trainer keeps beside the weights
_OF_TRAINING = re.compile(r"(training_args|optimizer|scheduler|scaler|rng_state\w*|random_states\w*)\.\w+")
_OTHERS = {
    ".h5": "TensorFlow's",
    ".msgpack": "Flax's",
    ".ckpt": "PyTorch Lightning's",
    ".onnx": "ONNX",
    ".mlpackage": "Core ML's",
    ".engine": "TensorRT's",
    ".distcp": "PyTorch's distributed",
}
"""Endings of weights in other formats, and whose format it is."""
_OF_FSDP = "pytorch_model_fsdp_0"
_OF_ONNX = "onnx"
_OF_DEEPSPEED = "zero_to_fp32.py"
# what the authors of LLaVA write into their own configs; transformers' have a vision_config instead
_ORIGINAL_KEYS = ("mm_vision_tower", "mm_projector_type", "mm_hidden_size")
_ORIGINAL_CLASS = re.compile(r"Llava\w*For(CausalLM|ConditionalGeneration)")
_LLAVA_PAGE = "huggingface.co/llava-hf"
# by width of the language model
_LLAMA_SIZES = {4096: "7b", 5120: "13b"}
_QWEN_SIZES = {896: "0.5b", 3584: "7b", 8192: "72b"}
PIPELINE = "model_index.json"
"""The file of a diffusion pipeline, whose parts are models in folders of their own."""
_OF_OPEN_CLIP = "open_clip_config.json"
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


def refuse_timm(config: Any, name: str) -> None:
    """Raise `ModelError` for a config of timm's, with or without what transformers' wrapper adds."""
    if not isinstance(config, dict) or config.get("model_type") not in (None, "timm_wrapper"):
        return
    if isinstance(config.get("architecture"), str) and not {"num_features", "pretrained_cfg"}.isdisjoint(config):
        raise ModelError(
            f"{name} is in timm's format ({one_line(config['architecture'])}), which vlmtui does not read: choose a "
            "tower in transformers' format, such as google/vit-base-patch16-224"
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


def refuse_other_formats(files: Collection[str], name: str, where: str) -> None:
    """Raise `ModelError` if the files, given by name, hold weights in a recognised format other than safetensors.

    `where` is the folder or hub name that a conversion would read.
    """
    if _OF_OPEN_CLIP in files:
        raise ModelError(
            f"{name} is in OpenCLIP's format ({_OF_OPEN_CLIP}), which vlmtui does not read: choose its conversion to "
            "transformers, such as openai/clip-vit-base-patch32 or google/siglip-base-patch16-224"
        )
    if any(file.endswith(_HOLDS_CODE) and not _OF_TRAINING.fullmatch(file) for file in files):
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
    if _OF_DEEPSPEED in files:
        raise ModelError(
            f"{name} has its weights in the parts that DeepSpeed saves: put them together with its {_OF_DEEPSPEED} "
            f"(in that folder: python {_OF_DEEPSPEED} . . --safe_serialization)"
        )
    if _OF_FSDP in files:
        raise ModelError(
            f"{name} has its weights in the parts that FSDP saves: put them together (in that folder: accelerate "
            f"merge-weights {_OF_FSDP} .)"
        )
    if other := min((file for file in files if Path(file).suffix in _OTHERS or file == _OF_ONNX), default=None):
        raise ModelError(
            f"{name} has its weights in {_OTHERS.get(Path(other).suffix, 'ONNX')} format only ({other}): give them as "
            ".safetensors, as transformers' save_pretrained() writes them"
        )
