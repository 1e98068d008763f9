"""Adapters (LoRA): the base model that one belongs to, and its merging into the part of the base that is loaded."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Collection
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open

from vlmtui.errors import ModelError, one_line
from vlmtui.json_files import parse_json, read_bounded
from vlmtui.models.loading.checkpoint import check_file
from vlmtui.models.loading.needed_tensors import needed_keys
from vlmtui.models.loading.weight_files import find_weight_files

CONFIG = "adapter_config.json"
WEIGHTS = "adapter_model.safetensors"
_PREFIX = "base_model.model."
# the module that is adapted, and the rest of the key
_ADAPTED = re.compile(r"(.+?)\.((lora_|ia3_|hada_|lokr_|oft_|boft_|vera_|base_layer).*)")
_SAVED = re.compile(r"\.modules_to_save(\.\w+)?(?=\.)")


@dataclass(frozen=True)
class Adapter:
    """An adapter in `folder`: the name of its base as the adapter's config has it, and the revision or None."""

    folder: Path
    base: str
    base_revision: str | None
    config: dict[str, Any]


def is_adapter(files: Collection[str]) -> bool:
    """Whether the files, given by name, are those of an adapter without the weights of its base."""
    return CONFIG in files and find_weight_files(files) is None


def read_adapter(folder: Path, name: str) -> Adapter:
    """Read an adapter's config. `ModelError` where it names no base, or cannot be merged here."""
    try:
        config = parse_json(read_bounded(folder / CONFIG))
    except (OSError, ValueError) as error:
        raise ModelError(f"the {CONFIG} of {name} is damaged ({one_line(error)}): copy or download it again") from error
    base = config.get("base_model_name_or_path") if isinstance(config, dict) else None
    if not isinstance(base, str) or not base:
        raise ModelError(
            f"{name} is an adapter (LoRA) whose {CONFIG} names no base_model_name_or_path: write its base model there"
        )
    if importlib.util.find_spec("peft") is None:
        raise ModelError(
            f"{name} is an adapter (LoRA) of {base}: to read {base} with it, pip install 'vlmtui[peft]'; without it "
            f"choose {base}"
        )
    if not (folder / WEIGHTS).is_file():
        raise ModelError(f"{name} is an adapter (LoRA) of {base} without {WEIGHTS}: save it as safetensors")
    revision = config.get("revision")
    return Adapter(folder, base, revision if isinstance(revision, str) else None, config)


def merge_adapter(model: Any, adapter: Adapter, name: str, whole: bool) -> Any:
    """The model with what the adapter changes in it; unless it is the `whole` model, what it changes elsewhere is left
    out.

    `ModelError` where it does not fit its base.
    """
    keys = {tensor.key for tensor in check_file(adapter.folder / WEIGHTS, name)}
    adapted, saved = _places(model, keys)
    if whole and (unknown := keys - adapted.keys() - saved.keys()):
        raise ModelError(
            f"the adapter {name} changes {min(unknown)}, which {adapter.base} does not have: name its own base in "
            f"{CONFIG}"
        )
    with safe_open(adapter.folder / WEIGHTS, framework="pt") as opened:
        try:
            _replace(model, {target: opened.get_tensor(key) for key, target in saved.items()})
            if adapted:
                values = {f"{_PREFIX}{target}": opened.get_tensor(key) for key, target in adapted.items()}
                model = _merged(model, adapter, values)
        except Exception as error:
            raise ModelError(
                f"the adapter {name} cannot be merged into {adapter.base} ({type(error).__name__}: "
                f"{one_line(error)}): name its own base in {CONFIG}, or merge it with peft's merge_and_unload()"
            ) from error
    return model.eval().requires_grad_(False)


def _places(model: Any, keys: Collection[str]) -> tuple[dict[str, str], dict[str, str]]:
    """Adapter keys to their names in this model: those of adapted modules, and of weights that are saved whole."""
    modules: dict[str, str] = {}
    whole: dict[str, str] = {}
    for key in keys:
        plain = _SAVED.sub("", key.removeprefix(_PREFIX))
        if found := _ADAPTED.fullmatch(plain):
            modules[key] = f"{found[1]}.weight"
        else:
            whole[key] = plain
    # older versions of transformers called the same modules otherwise: they are renamed as on loading
    renamed = needed_keys(model, set(modules.values()) | set(whole.values()))
    adapted = {
        key: renamed[weight].removesuffix("weight") + key.removeprefix(_PREFIX)[len(weight) - len("weight") :]
        for key, weight in modules.items()
        if weight in renamed
    }
    return adapted, {key: renamed[weight] for key, weight in whole.items() if weight in renamed}


def _replace(model: Any, values: dict[str, torch.Tensor]) -> None:
    parameters = dict(model.named_parameters(remove_duplicate=False))
    for target, value in values.items():
        if value.shape != parameters[target].shape:
            raise ValueError(f"{target} is {list(value.shape)}, not {list(parameters[target].shape)}")
        parameters[target].data.copy_(value)


def _merged(model: Any, adapter: Adapter, values: dict[str, torch.Tensor]) -> Any:
    from peft import PEFT_TYPE_TO_CONFIG_MAPPING, PeftType, get_peft_model, set_peft_model_state_dict

    kind = PEFT_TYPE_TO_CONFIG_MAPPING[PeftType(adapter.config["peft_type"])]
    known = {one.name for one in fields(kind)}
    config = kind(**{key: value for key, value in adapter.config.items() if key in known})
    # by name, so that no module of this model is taken that the adapter was not trained on
    names = {_ADAPTED.fullmatch(key.removeprefix(_PREFIX))[1] for key in values}  # type: ignore[index]
    config.target_modules, config.exclude_modules = names, None
    config.layers_to_transform = config.layers_pattern = config.modules_to_save = config.task_type = None
    config.inference_mode = True
    wrapped = get_peft_model(model, config)
    report = set_peft_model_state_dict(wrapped, values)
    if report.unexpected_keys:
        raise ValueError(f"{report.unexpected_keys[0]} has no place")
    return wrapped.merge_and_unload()
