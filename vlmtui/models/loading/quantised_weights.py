"""Quantised weights: by which method, whether its library reads them, and what of a checkpoint is read without one.

Most published ones (AWQ, GPTQ, FP8, compressed-tensors) quantise the decoder alone: tower, projector and embedding
matrix are stored as they were, and exploring needs no more.
"""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any

from vlmtui.errors import ModelError
from vlmtui.models.loading.needed_tensors import (
    NoLanguageModelError,
    check_complete,
    check_tensors,
    needed_keys,
    only_decoding,
)
from vlmtui.models.loading.safetensors_header import Tensor

_BITSANDBYTES = "bitsandbytes"
_MLX = "mlx"
_UNNAMED = "an unnamed method"
_METHODS = {
    "awq": "AWQ (4-bit weights scaled by their activations)",
    "gptq": "GPTQ (weights rounded one layer after another)",
    "modelopt": "ModelOpt (FP8 or NVFP4, for NVIDIA's own libraries)",
    _MLX: "MLX (groups of weights with a scale each, for Apple's own library)",
}
_KEYS = ("quantization_config", "quantization")
# what is stored beside a quantised weight, or in its place
_BESIDE = re.compile(r"scale|zero|absmax|quant|SCB|packed|codes|blocks|qweight|g_idx|W_q")


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


def runs_quantised(config: dict[str, Any]) -> bool:
    """Whether the weights are quantised by a library that is installed here and computes with them."""
    return quantisation(config) == _BITSANDBYTES and all(
        importlib.util.find_spec(package) is not None for package in (_BITSANDBYTES, "accelerate")
    )


def without_quantisation(config: Any) -> Any:
    """The config of the same model as if nothing were quantised."""
    if not isinstance(config, dict):
        return config
    return {key: without_quantisation(value) for key, value in config.items() if key not in _KEYS}


def check_names(skeleton: Any, keys: Collection[str], config: dict[str, Any], name: str) -> None:
    """Raise `ModelError` where the checkpoint's `keys` lack a weight of the model `skeleton`, or have scales beside one
    that no library applies here."""
    library = runs_quantised(config)
    with _named(config, name):
        check_complete(skeleton, keys, name, library)
    if quantisation(config) is None or library:
        return
    plain = needed_keys(skeleton, keys)
    there = {key: target for key, target in needed_keys(skeleton, keys, quantised=True).items() if key not in plain}
    if beside := [target for key, target in there.items() if _BESIDE.search(key.rpartition(".")[2])]:
        raise _refusal(config, name, all(only_decoding(skeleton, target) for target in beside))


def check_values(skeleton: Any, tensors: Collection[Tensor], config: dict[str, Any], name: str) -> None:
    """Raise `ModelError` for a tensor whose dtype or shape is not that of the model `skeleton`."""
    if not runs_quantised(config):
        with _named(config, name):
            check_tensors(skeleton, tensors, name)


@contextmanager
def _named(config: dict[str, Any], name: str) -> Iterator[None]:
    """What a checkpoint lacks in this block is due to its quantisation, where its weights are quantised by a library
    that vlmtui does not use."""
    try:
        yield
    except ModelError as error:
        if quantisation(config) is None or runs_quantised(config):
            raise
        raise _refusal(config, name, isinstance(error, NoLanguageModelError)) from error


def _refusal(config: dict[str, Any], name: str, only_decoder: bool) -> ModelError:
    method = quantisation(config)
    if method == _BITSANDBYTES:
        what, then = "bitsandbytes, which is not installed", "pip install 'vlmtui[bitsandbytes]'"
    else:
        what = f"{_METHODS.get(str(method), method)}, which vlmtui does not support"
        then = "give one in bitsandbytes' 4 bits"
    if only_decoder:
        return NoLanguageModelError(
            f"the decoder of {name} is quantised with {what}: look at its tokens and vision stages, choose the model "
            f"it was quantised from, or {then}"
        )
    return ModelError(
        f"{name} is quantised with {what}: choose the model it was quantised from (exploring reads little of it), or "
        f"{then}"
    )
