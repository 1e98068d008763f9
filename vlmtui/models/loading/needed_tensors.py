"""Which tensors of a checkpoint a model is made of, by the names that the files give them."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from transformers.conversion_mapping import get_model_conversion_mapping
from transformers.core_model_loading import WeightConverter, WeightRenaming, dot_natural_key, rename_source_key

from vlmtui.models.loading.checkpoint import FLOATS, refuse_dtype
from vlmtui.models.loading.safetensors_header import Tensor


def check_numbers(skeleton: Any, tensors: Collection[Tensor], name: str) -> None:
    """Refuse weights of a checkpoint that are no plain floating-point numbers where `skeleton` wants such."""
    odd = {tensor.key: tensor for tensor in tensors if tensor.dtype not in FLOATS}
    if not odd:
        return
    state = skeleton.state_dict()
    for key, renamed in needed_keys(skeleton, [tensor.key for tensor in tensors]).items():
        if key in odd and state[renamed].is_floating_point():
            refuse_dtype(odd[key], name)


def needed_keys(skeleton: Any, keys: Iterable[str], quantised: bool = False) -> dict[str, str]:
    """Those of a checkpoint's `keys` that `skeleton` (a model, its numbers may be missing) takes its weights from.

    Each with its name in the model.

    The keys are renamed as transformers renames them on loading, old names of a family included. A quantised
    checkpoint keeps scales and tables beside each weight: they are needed where the weight is.
    """
    state = skeleton.state_dict()
    modules = {name.rpartition(".")[0] for name in state}
    transforms = get_model_conversion_mapping(skeleton)
    renamings = [transform for transform in transforms if isinstance(transform, WeightRenaming)]
    converters = [transform for transform in transforms if isinstance(transform, WeightConverter)]
    prefix = skeleton.base_model_prefix
    needed = {}
    # in the order of loading: some renamings depend on what was seen before
    for key in sorted(keys, key=dot_natural_key):
        renamed, _ = rename_source_key(key, renamings, converters, prefix, state)
        if renamed not in state and key in state:
            renamed, _ = rename_source_key(key, [], [], prefix, state)
        if renamed in state or (quantised and _beside(renamed, state, modules)):
            needed[key] = renamed
    return needed


def _beside(key: str, state: Any, modules: set[str]) -> bool:
    """Whether `key` is of a module of the model (`x.SCB` of `x`), or below a weight of it (`x.weight.absmax`)."""
    parent = key.rpartition(".")[0]
    if parent in modules:
        return True
    while parent:
        if parent in state:
            return True
        parent = parent.rpartition(".")[0]
    return False
