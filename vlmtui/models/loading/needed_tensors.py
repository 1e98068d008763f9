"""Needed tensors: the tensors of a checkpoint that the model, or the part of it to load, consists of; their checks."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from transformers.conversion_mapping import get_model_conversion_mapping
from transformers.core_model_loading import WeightConverter, WeightRenaming, dot_natural_key, rename_source_key

from vlmtui.errors import ModelError
from vlmtui.models.families.decoder_structure import decoder_layers, decoder_of, find_final_norm
from vlmtui.models.families.registry import is_encoder
from vlmtui.models.loading.checkpoint import CONFIG, FLOATS, other_dtype
from vlmtui.models.loading.safetensors_header import Tensor

# what wraps a model in training and writes itself into the names of its weights: torch.compile, FSDP, DeepSpeed, and
# at the beginning of a name DataParallel
_WRAPPERS = re.compile(
    r"(^|(?<=\.))(_orig_mod|_fsdp_wrapped_module|_checkpoint_wrapped_module|_forward_module)\.|^(module\.)+"
)
_MOST_WRAPPERS = 3


class NoLanguageModelError(ModelError):
    """A checkpoint has what exploring needs, and lacks weights of its language model."""


@dataclass(frozen=True)
class _Target:
    """The name of a tensor in the model; `converted` where its shape in the file is another."""

    name: str
    converted: bool


def needed_keys(skeleton: Any, keys: Iterable[str], quantised: bool = False) -> dict[str, str]:
    """Map the checkpoint's `keys` that `skeleton` needs to their names in the model.

    `skeleton` is the model to load, with or without values. Keys are renamed as transformers renames them on loading,
    including a family's old names, and without the wrappers of training. A quantised checkpoint stores scales and
    tables along with each weight, and they are needed where the weight is.
    """
    names = without_wrappers(skeleton, keys)
    targets = _Needed(skeleton, quantised).of(names.values())
    return {key: targets[name].name for key, name in names.items() if name in targets}


def without_wrappers(skeleton: Any, keys: Iterable[str]) -> dict[str, str]:
    """Map the checkpoint's `keys` to what they were called before the model was wrapped for training.

    A wrapper that is not known is removed where all keys begin with it and the skeleton needs none of them.
    """
    names = {key: _WRAPPERS.sub("", key) for key in keys}
    if len(set(names.values())) < len(names):
        return {key: key for key in names}
    needed = _Needed(skeleton, quantised=False)
    for _ in range(_MOST_WRAPPERS):
        first = {name.partition(".")[0] for name in names.values()}
        if needed.of(names.values()) or len(first) != 1 or any("." not in name for name in names.values()):
            break
        names = {key: name.partition(".")[2] for key, name in names.items()}
    return names


def check_tensors(skeleton: Any, tensors: Collection[Tensor], name: str) -> None:
    """Raise `ModelError` for a tensor whose dtype or shape is not that of the model `skeleton`."""
    names = without_wrappers(skeleton, [tensor.key for tensor in tensors])
    targets = _Needed(skeleton, quantised=False).of(names.values())
    state = skeleton.state_dict()
    wanted = [(tensor, target) for tensor in tensors if (target := targets.get(names[tensor.key])) is not None]
    odd = [(t, to) for t, to in wanted if t.dtype not in FLOATS and state[to.name].is_floating_point()]
    if odd:
        only_decoding = all(only_decoding(skeleton, target.name) for _, target in odd)
        raise (NoLanguageModelError if only_decoding else ModelError)(other_dtype(odd[0][0], name))
    for tensor, target in wanted:
        expected = state[target.name]
        if not target.converted and tensor.shape != tuple(expected.shape):
            raise ModelError(_other_shape(skeleton, tensor, target.name, tuple(expected.shape), name))


def check_complete(skeleton: Any, keys: Collection[str], name: str, quantised: bool = False) -> None:
    """Raise `ModelError` where the checkpoint's `keys` lack a weight of the model `skeleton`."""
    needed_here = needed_keys(skeleton, keys, quantised)
    found = _made_with(skeleton, set(needed_here.values()))
    needed = dict(skeleton.named_parameters(remove_duplicate=False))
    there = {id(needed[one]) for one in found if one in needed}  # of tied weights one is enough
    ignored = [re.compile(pattern) for pattern in skeleton._keys_to_ignore_on_load_missing or ()]
    missing = sorted(
        one
        for one, weight in needed.items()
        if one not in found and id(weight) not in there and not any(pattern.search(one) for pattern in ignored)
    )
    if not missing:
        return
    unused = sorted(set(keys) - needed_here.keys(), key=dot_natural_key)
    if unused and len(missing) > len(found):
        raise ModelError(
            f"the weights of {name} have other names than those of a {skeleton.config.model_type} model "
            f"({unused[0]}, where {missing[0]} is expected): give its conversion to transformers"
        )
    more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
    if all(only_decoding(skeleton, one) for one in missing):
        raise NoLanguageModelError(
            f"{name} has no {missing[0]}{more}, which its llm stages and answers need: look at its tokens and vision "
            "stages, or give a checkpoint that has it"
        )
    raise ModelError(f"{name} lacks weights that its config requires ({missing[0]}{more}): copy or download it again")


def _made_with(skeleton: Any, found: set[str]) -> set[str]:
    """The names `found`, and those of weights made of the same tensors.

    ERNIE has experts for text and for images in one, Molmo 2 queries, keys and values.
    """
    made = set(found)
    for transform in get_model_conversion_mapping(skeleton):
        targets = getattr(transform, "target_patterns", ())
        if not isinstance(transform, WeightConverter) or isinstance(targets, str) or len(targets) < 2:
            continue
        for one in targets:
            part = re.compile(rf"(?<![^.]){re.escape(one)}(?![^.])")
            made |= {part.sub(other, name) for name in found if part.search(name) for other in targets}
    return made


class _Needed:
    """What a model needs of a checkpoint, by transformers' rules of renaming."""

    def __init__(self, skeleton: Any, quantised: bool) -> None:
        self._skeleton, self._quantised = skeleton, quantised
        self._state = skeleton.state_dict()

    @cached_property
    def _modules(self) -> set[str]:
        return {name.rpartition(".")[0] for name in self._state}

    def of(self, keys: Iterable[str]) -> dict[str, _Target]:
        """The keys that are needed, and what they become."""
        state, prefix = self._state, self._skeleton.base_model_prefix
        # made anew: some of them remember what they have renamed
        transforms = get_model_conversion_mapping(self._skeleton)
        renamings = [transform for transform in transforms if isinstance(transform, WeightRenaming)]
        converters = [transform for transform in transforms if isinstance(transform, WeightConverter)]
        needed = {}
        # in the order of loading: some renamings depend on the keys before
        for key in sorted(keys, key=dot_natural_key):
            renamed, converter = rename_source_key(key, renamings, converters, prefix, state)
            if renamed not in state and key in state:
                renamed, converter = rename_source_key(key, [], [], prefix, state)
            if renamed in state or (self._quantised and _beside(renamed, state, self._modules)):
                needed[key] = _Target(renamed, converter is not None)
        return needed


def only_decoding(skeleton: Any, key: str) -> bool:
    """Whether a weight of a vision-language model is of the part that exploring does not need: layers, norm or head.

    `key` may also be what a quantised checkpoint stores beside a weight.
    """
    if is_encoder(skeleton.config.model_type):
        return False
    head = skeleton.get_output_embeddings()
    decoder = decoder_of(skeleton)
    layers = decoder_layers(decoder)
    parts = [part for part in (head, layers, find_final_norm(decoder)) if part is not None]
    inner = {id(weight) for part in parts for weight in part.parameters()}
    matrix = skeleton.get_input_embeddings().weight
    weights = dict(skeleton.named_parameters(remove_duplicate=False))
    while key and key not in weights and f"{key}.weight" not in weights:
        key = key.rpartition(".")[0]
    weight = weights.get(key, weights.get(f"{key}.weight"))
    return weight is not None and weight is not matrix and id(weight) in inner


def _other_shape(skeleton: Any, tensor: Tensor, target: str, expected: tuple[int, ...], name: str) -> str:
    """The sentence for a tensor whose shape is not what the config asks for, and what would make them agree."""
    what = f"{tensor.key} of {name} is {list(tensor.shape)}, and its {CONFIG} asks for {list(expected)}"
    rows = len(tensor.shape) == 2 and tensor.shape[1:] == expected[1:]
    matrix = skeleton.get_input_embeddings()
    if rows and getattr(matrix, "weight", None) is dict(skeleton.named_parameters(remove_duplicate=False)).get(target):
        key = "vocab_size" if skeleton.config.get_text_config() is skeleton.config else "text_config.vocab_size"
        return f"{what}: set {key} to {tensor.shape[0]} there, or give the {CONFIG} that its weights were saved with"
    return f"{what}: give the {CONFIG} that its weights were saved with"


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
