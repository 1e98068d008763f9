"""Weight files: which files of a checkpoint hold its weights, whatever they are called."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

SINGLE = "model.safetensors"
INDEX = "model.safetensors.index.json"
ADAPTER_CONFIG = "adapter_config.json"
_SUFFIX = ".safetensors"
_INDEX = re.compile(r".*\.safetensors\.index(\.\w+)?\.json")
_PART = re.compile(r"(.+)-(\d+)-of-(\d+)(\.\w+)?\.safetensors")
# Mistral's own format, and adapters
_OTHERS = re.compile(r"consolidated.*|adapter_.*")
# the same weights in another dtype; the most exact is taken
_VARIANTS = ("fp32", "bf16", "fp16")


@dataclass(frozen=True)
class WeightFiles:
    """Names of a checkpoint's weight files: all of them in `files`, or the index that lists them."""

    files: tuple[str, ...]
    index: str | None = None


def find_weight_files(names: Collection[str]) -> WeightFiles | None:
    """The weight files among the file names of a checkpoint; None where no set of them is clearly its weights.

    As in transformers, `model.safetensors` takes precedence over an index. Parts that are all there need no index, and
    a single file may have any name.
    """
    if SINGLE in names:
        return WeightFiles((SINGLE,))
    if INDEX in names:
        return WeightFiles((), INDEX)
    weights = sorted(name for name in names if name.endswith(_SUFFIX) and not _OTHERS.fullmatch(name))
    indexes = sorted(name for name in names if _INDEX.fullmatch(name) and not _OTHERS.fullmatch(name))
    if weights and len(indexes) == 1:
        return WeightFiles((), indexes[0])
    if len(weights) == 1 and not _PART.fullmatch(weights[0]):
        return WeightFiles((weights[0],))
    for variant in _VARIANTS:
        if f"model.{variant}{_SUFFIX}" in weights:
            return WeightFiles((f"model.{variant}{_SUFFIX}",))
    return _all_parts(weights)


def missing_part(names: Collection[str]) -> str | None:
    """The first part that is not there, of parts that belong together; None where no part shows that one is missing."""
    parts = [part for name in sorted(names) if (part := _PART.fullmatch(name)) is not None]
    for part in parts:
        for number in range(1, int(part[3]) + 1):
            wanted = f"{part[1]}-{number:0{len(part[2])}}-of-{part[3]}{part[4] or ''}{_SUFFIX}"
            if wanted not in names:
                return wanted
    return None


def _all_parts(weights: list[str]) -> WeightFiles | None:
    """The parts `x-00001-of-00003`, where each is there and there is nothing else."""
    parts = [_PART.fullmatch(name) for name in weights]
    found = [part for part in parts if part is not None]
    if not found or len(found) < len(parts) or len({(part[1], part[3], part[4]) for part in found}) > 1:
        return None
    whole = {int(part[2]) for part in found} == set(range(1, int(found[0][3]) + 1))
    return WeightFiles(tuple(weights)) if whole else None
