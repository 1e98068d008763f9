"""Adapters (LoRA): the base model that one belongs to, and what of its config is trusted."""

from __future__ import annotations

import filecmp
import importlib.util
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

import msgspec

from vlmtui.errors import ModelError, one_line, permission_denied
from vlmtui.json_files import parse_json, read_bounded
from vlmtui.models.loading.checkpoint import CONFIG as MODEL_CONFIG
from vlmtui.models.loading.weight_files import ADAPTER_CONFIG, find_weight_files

CONFIG = ADAPTER_CONFIG
WEIGHTS = "adapter_model.safetensors"
# what trainers save beside an adapter; tokenizer.json, which is large, has tokenizer_config.json beside it
_OF_IMAGES = frozenset({"preprocessor_config.json", "processor_config.json"})
PROCESSOR_FILES = _OF_IMAGES | {"chat_template.jinja", "chat_template.json", "tokenizer_config.json"}
_OWN = re.compile(r"adapter_model\.(safetensors|bin)")
# what changes how an adapter is merged, and is not supported; the rest of peft's settings concerns training
_UNSUPPORTED = (
    *("alora_invocation_tokens", "arrow_config", "ensure_weight_tying", "kasa_config", "layer_replication"),
    *("megatron_config", "monteclora_config", "target_parameters", "trainable_token_indices", "use_bdlora"),
    *("use_qalora", "velora_config"),
)
# these begin by changing the base, so that an adapter saved without conversion does not belong to the plain one
_CHANGES_THE_BASE = ("corda", "loftq", "lora_ga", "olora", "pissa")
# peft takes the keys of its patterns for regular expressions; a stranger's may be a module's name or the end of one
_NAME = re.compile(r"\^?[\w.]+")


class LoraSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The settings that a merge needs, by the names of peft, checked as they are read."""

    peft_type: Literal["LORA"]
    r: int = 8
    lora_alpha: float = 8
    rank_pattern: dict[str, int] = {}
    alpha_pattern: dict[str, float] = {}
    use_rslora: bool = False
    use_dora: bool = False
    fan_in_fan_out: bool = False
    lora_bias: bool = False

    def rank(self, module: str) -> int:
        """The rank of a module, by the name that it had in training."""
        return _of(module, self.rank_pattern, self.r)

    def alpha(self, module: str) -> float:
        """The alpha of a module, by the name that it had in training."""
        return _of(module, self.alpha_pattern, self.lora_alpha)


T = TypeVar("T")


@dataclass(frozen=True)
class Adapter:
    """An adapter in `folder`: the name of its base as the adapter's config has it, and the revision or None."""

    folder: Path
    base: str
    base_revision: str | None
    settings: LoraSettings


def is_adapter(files: Collection[str]) -> bool:
    """Whether the files, given by name, are an adapter's and no model's: a merged one has weights of its own.

    Trainers put the config of the base beside an adapter.
    """
    if CONFIG not in files:
        return False
    return MODEL_CONFIG not in files or (find_weight_files(files) is None and any(map(_OWN.fullmatch, files)))


def unused_processor(folder: Path, base: Path, name: str) -> str:
    """What is said of a processor that was saved with the adapter `name` and is not that of its base, which is used; or
    "".
    """
    there = sorted(file for file in PROCESSOR_FILES if (folder / file).is_file())
    other = [file for file in there if not _same(folder / file, base / file)]
    if not other:
        return ""
    own = f"{other[0]} and {len(other) - 1} more" if len(other) > 1 else other[0]
    if _OF_IMAGES.isdisjoint(there):
        return f"; the processor is the base's, without the adapter's own {own}"
    return f"; the processor is the base's: --processor {name} for the adapter's own ({own})"


def _same(one: Path, other: Path) -> bool:
    return other.is_file() and filecmp.cmp(one, other, shallow=False)


def read_adapter(folder: Path, name: str) -> Adapter:
    """The adapter in a folder. `ModelError` where it names no base, has no weights, or cannot be merged here."""
    found = describe_adapter(folder, name)
    if not (folder / WEIGHTS).is_file():
        raise ModelError(f"{name} is an adapter (LoRA) of {found.base} without {WEIGHTS}: save it as safetensors")
    return found


def describe_adapter(folder: Path, name: str) -> Adapter:
    """Read an adapter's config alone. `ModelError` where it names no base, or cannot be merged here."""
    try:
        config = parse_json(read_bounded(folder / CONFIG))
    except (OSError, ValueError) as error:
        raise ModelError(
            permission_denied(error)
            or f"the {CONFIG} of {name} is damaged ({one_line(error)}): copy or download it again"
        ) from error
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
    revision = config.get("revision")
    return Adapter(folder, base, revision if isinstance(revision, str) else None, _settings(config, name, base))


def _settings(config: dict[str, Any], name: str, base: str) -> LoraSettings:
    """The checked settings: nothing else of a stranger's config reaches peft, which would import and download by it."""
    start, initial = f"{name} is an adapter of {base}", config.get("init_lora_weights")
    merged = "merge it with peft's merge_and_unload(), and name the merged model"
    for key in _UNSUPPORTED:
        if config.get(key):
            raise ModelError(f"{start} with {key}, which vlmtui cannot merge: {merged}")
    if isinstance(initial, str) and initial.startswith(_CHANGES_THE_BASE):
        raise ModelError(f"{start} that began with {initial[:20]}, which changes its base: {merged}")
    try:
        given = {key: value for key, value in config.items() if value is not None}
        found = msgspec.convert(given, LoraSettings)
    except msgspec.ValidationError as error:
        raise ModelError(f"{start} whose {CONFIG} vlmtui cannot merge ({one_line(error)}): {merged}") from error
    for key in (*found.rank_pattern, *found.alpha_pattern):
        if not _NAME.fullmatch(key):
            raise ModelError(f"{start} with a pattern that is no module's name ({key[:40]!r}): {merged}")
    return found


def _of(module: str, pattern: Mapping[str, T], otherwise: T) -> T:
    """As peft: the first key of the pattern that is the module's name or the end of it."""
    for key, value in pattern.items():
        name = key.removeprefix("^")
        if module == name or (module.endswith(f".{name}") and not key.startswith("^")):
            return value
    return otherwise
