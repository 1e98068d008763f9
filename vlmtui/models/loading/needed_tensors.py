"""Needed tensors: the tensors of a checkpoint that a model, or the part of it to load, consists of."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from transformers.conversion_mapping import get_model_conversion_mapping
from transformers.core_model_loading import WeightConverter, WeightRenaming, dot_natural_key, rename_source_key

from vlmtui.models.loading.checkpoint import FLOATS, refuse_dtype
from vlmtui.models.loading.safetensors_header import Tensor


def check_numbers(skeleton: Any, tensors: Collection[Tensor], name: str) -> None:
    """Raise `ModelError` for a weight that is floating-point in the model `skeleton` and not in the checkpoint."""
    odd = {tensor.key: tensor for tensor in tensors if tensor.dtype not in FLOATS}
    if not odd:
        return
    state = skeleton.state_dict()
    for key, renamed in needed_keys(skeleton, [tensor.key for tensor in tensors]).items():
        if key in odd and state[renamed].is_floating_point():
            refuse_dtype(odd[key], name)


def needed_keys(skeleton: Any, keys: Iterable[str], quantised: bool = False) -> dict[str, str]:
    """Map the checkpoint's `keys` that `skeleton` needs to their names in the model.

    `skeleton` is the model to load, with or without values. Keys are renamed as transformers renames them on loading,
    including a family's old names. A quantised checkpoint stores scales and tables along with each weight, and they
    are needed where the weight is.
    """
    state = skeleton.state_dict()
    modules = {name.rpartition(".")[0] for name in state}
    transforms = get_model_conversion_mapping(skeleton)
    renamings = [transform for transform in transforms if isinstance(transform, WeightRenaming)]
    converters = [transform for transform in transforms if isinstance(transform, WeightConverter)]
    prefix = skeleton.base_model_prefix
    needed = {}
    # in the order of loading: some renamings depend on the keys before
    for key in sorted(keys, key=dot_natural_key):
        renamed, _ = rename_source_key(key, renamings, converters, prefix, state)
        if renamed not in state and key in state:
            renamed, _ = rename_source_key(key, [], [], prefix, state)
        if renamed in state or (quantised and _beside(renamed, state, modules)):
            needed[key] = renamed
    return needed


def _beside(key: str, state: Any, modules: set[str]) -> bool:
    """Whether `key` belongs to a module of the model (`x.SCB` to `x`) or to a weight of it (`x.weight.absmax`)."""
    parent = key.rpartition(".")[0]
    if parent in modules:
        return True
    while parent:
        if parent in state:
            return True
        parent = parent.rpartition(".")[0]
    return False
