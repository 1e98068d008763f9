"""Values in a checkpoint's config.json and image processor files that no model has: each is named with its key."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from vlmtui.errors import ModelError
from vlmtui.json_files import parse_json, read_bounded, shown

_NEEDED = frozenset(
    {"num_hidden_layers", "num_attention_heads", "hidden_size", "patch_size", "depth", "num_heads", "embed_dim"}
)
_COUNTS = _NEEDED | {
    *("num_layers", "intermediate_size", "image_size", "vocab_size", "num_channels", "in_channels", "d_model"),
    *("n_layer", "n_head", "n_embd", "spatial_merge_size", "temporal_patch_size"),
}
"""Keys of config.json that are positive whole numbers in every model: a number, or one for each side."""
_PROCESSOR_FILES = (("preprocessor_config.json", ()), ("processor_config.json", ("image_processor",)))
"""The files of an image processor, and the keys under which it is found there."""


class _Kind(NamedTuple):
    """What a value has to be: in words, and as a test of each of its numbers."""

    words: str
    holds: Callable[[float], bool]


_COUNT = _Kind("a whole number above 0", lambda value: isinstance(value, int) and value > 0)
_ABOVE = _Kind("a number above 0, or three", lambda value: math.isfinite(value) and value > 0)
_FINITE = _Kind("a number, or three", math.isfinite)
_OF_PROCESSOR = {
    **dict.fromkeys(("image_std", "rescale_factor"), _ABOVE),
    "image_mean": _FINITE,
    **dict.fromkeys(("size", "crop_size", "patch_size", "merge_size", "temporal_patch_size"), _COUNT),
}


def check_config_values(config: dict[str, Any], name: str) -> None:
    """Raise `ModelError` for a number of layers, heads or channels, or a size, that is no whole number above 0."""
    parts = [config]
    while parts:
        part = parts.pop()
        inner = {key: value for key, value in part.items() if isinstance(value, dict)}
        has_parts = any(key.endswith("_config") and key != "quantization_config" for key in inner)
        for key in sorted(_COUNTS & part.keys()):
            # null stands for the default, and beside the configs of a model's parts for nothing
            if part[key] is not None or (key in _NEEDED and not has_parts):
                _check("config.json", name, key, part[key], _COUNT)
        parts += inner.values()
    quantization = config.get("quantization_config")
    if quantization and not isinstance(quantization, dict):
        raise _wrong("config.json", name, "quantization_config", quantization, "an object with the quantisation method")


def check_processor_values(folder: Path, name: str) -> None:
    """Raise `ModelError` for means, deviations or sizes in the image processor's files that no image processor has."""
    for file, found in processor_configs(folder):
        for key, kind in _OF_PROCESSOR.items():
            if found.get(key) is not None:  # null stands for the default
                _check(file, name, key, found[key], kind)


def processor_configs(folder: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """The configs of the image processor that a checkpoint has, each with the name of its file; none that cannot be
    read, which is reported where it is needed."""
    for file, keys in _PROCESSOR_FILES:
        try:
            found = parse_json(read_bounded(folder / file))
            for key in keys:
                found = found[key]
        except (OSError, ValueError, KeyError, TypeError):
            continue
        if isinstance(found, dict):
            yield file, found


def _check(file: str, name: str, key: str, value: Any, kind: _Kind) -> None:
    several = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else [value]
    numbers = [one for one in several if not (one is None and isinstance(value, dict))]
    if not numbers or not all(
        isinstance(one, int | float) and not isinstance(one, bool) and kind.holds(one) for one in numbers
    ):
        raise _wrong(file, name, key, value, kind.words)


def _wrong(file: str, name: str, key: str, value: Any, words: str) -> ModelError:
    return ModelError(
        f"the {file} of {name} has {shown(value, 60)} for {key}, which must be {words}: correct it, or copy or "
        "download it again"
    )
