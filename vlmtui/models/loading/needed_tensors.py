"""Needed tensors: the tensors of a checkpoint that the model, or the part of it to load, consists of; their checks."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from torch import nn
from transformers.conversion_mapping import get_model_conversion_mapping
from transformers.core_model_loading import WeightConverter, WeightRenaming, dot_natural_key, rename_source_key

from vlmtui.errors import ModelError
from vlmtui.models.families.decoder_structure import decoder_layers, decoder_of, find_final_norm
from vlmtui.models.families.registry import is_encoder
from vlmtui.models.loading.checkpoint import CONFIG, FLOATS, other_dtype
from vlmtui.models.loading.safetensors_header import Tensor

# what wraps a model in training and writes itself into the names of its weights: torch.compile, FSDP, DeepSpeed, and
# at the beginning of a name DataParallel and peft
_WRAPPERS = re.compile(
    r"(^|(?<=\.))(_orig_mod|_fsdp_wrapped_module|_checkpoint_wrapped_module|_forward_module)\."
    r"|^(module\.)+|^base_model\.model\."
)
_MOST_WRAPPERS = 3
# what a dual encoder has beside its vision tower
_BESIDE_TOWER = re.compile(r"(text_model|text_projection|visual_projection|vision_projection|logit_\w+)\b")
# what peft writes into the names of a model that it wraps
_ADAPTED = re.compile(r"\.(lora_\w+|base_layer|original_module|modules_to_save)\.")


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

    A wrapper that is not known is removed where all keys begin with it and the skeleton needs more of them without.
    """
    names = {key: _WRAPPERS.sub("", key) for key in keys}
    if len(set(names.values())) < len(names):
        return {key: key for key in names}
    needed, parts = _Needed(skeleton, quantised=False), {name for name, _ in skeleton.named_children()}
    best, most = names, None
    for _ in range(_MOST_WRAPPERS):
        first = {name.partition(".")[0] for name in names.values()}
        if len(first) != 1 or first <= parts or any("." not in name for name in names.values()):
            break
        most = len(needed.of(best.values())) if most is None else most
        names = {key: name.partition(".")[2] for key, name in names.items()}
        if (count := len(needed.of(names.values()))) > most:
            best, most = names, count
    return best


def blocks_beyond(skeleton: Any, blocks: nn.ModuleList, keys: Iterable[str]) -> int:
    """How many more `blocks` than `skeleton` has are among the checkpoint's `keys`."""
    place = next((name for name, module in skeleton.named_modules() if module is blocks), None)
    if place is None:  # a family without a tower has a list of its own making
        return 0
    inside = re.compile(rf"{re.escape(place)}\.(\d+)\.")
    renamed = _Needed(skeleton, quantised=False).renamed(without_wrappers(skeleton, keys).values())
    stored = {int(found[1]) for target in renamed.values() if (found := inside.match(target.name))}
    return sum(number >= len(blocks) for number in stored)


def check_tensors(skeleton: Any, tensors: Collection[Tensor], name: str) -> None:
    """Raise `ModelError` for a tensor whose dtype or shape is not that of the model `skeleton`."""
    names = without_wrappers(skeleton, [tensor.key for tensor in tensors])
    targets = _Needed(skeleton, quantised=False).of(names.values())
    state = skeleton.state_dict()
    wanted = [(tensor, target) for tensor in tensors if (target := targets.get(names[tensor.key])) is not None]
    odd = [(t, to) for t, to in wanted if t.dtype not in FLOATS and state[to.name].is_floating_point()]
    if odd:
        unneeded = all(only_decoding(skeleton, target.name) for _, target in odd)  # by exploring
        raise (NoLanguageModelError if unneeded else ModelError)(other_dtype(odd[0][0], name))
    for tensor, target in wanted:
        expected = state[target.name]
        if not target.converted and tensor.shape != tuple(expected.shape):
            raise ModelError(_other_shape(skeleton, tensor, target.name, tuple(expected.shape), name))


def check_complete(skeleton: Any, keys: Collection[str], name: str, quantised: bool = False) -> None:
    """Raise `ModelError` where the checkpoint's `keys` lack a weight of the model `skeleton`."""
    _check_merged(skeleton, keys, name)
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
    if other := _other_name(skeleton, set(keys) - needed_here.keys(), missing, len(found)):
        raise ModelError(
            f"the weights of {name} have other names than those of a {skeleton.config.model_type} model "
            f"({other[0]}, where {other[1]} is expected): give its conversion to transformers"
        )
    more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
    if all(only_decoding(skeleton, one) for one in missing):
        raise NoLanguageModelError(
            f"{name} has no {missing[0]}{more}, which its llm stages and answers need: look at its tokens and vision "
            "stages, or give a checkpoint that has it"
        )
    raise ModelError(
        f"{name} lacks weights that its config requires ({missing[0]}{more}): copy or download it again, or give the "
        f"{CONFIG} that its weights were saved with"
    )


def _check_merged(skeleton: Any, keys: Collection[str], name: str) -> None:
    """Raise `ModelError` for a weight of `skeleton` that an adapter changes, which was saved beside it unmerged."""
    adapted = {key: f"{key[: found.start()]}.weight" for key in keys if (found := _ADAPTED.search(key))}
    needed = needed_keys(skeleton, set(adapted.values())) if adapted else {}
    for key in sorted(adapted, key=dot_natural_key):
        if adapted[key] in needed:
            raise ModelError(
                f"{name} has {key}, of an adapter (LoRA) that was not merged when it was saved: merge it with peft's "
                "merge_and_unload() and save that, or name the adapter's own folder"
            )


def _other_name(skeleton: Any, unused: Collection[str], missing: Collection[str], found: int) -> tuple[str, str] | None:
    """A key that the model has no place for and the weight that it may be; None where there is none.

    It ends as that weight does, or more is missing than was `found`.
    """
    renamed = _Needed(skeleton, quantised=False).renamed(unused)
    encoder = is_encoder(skeleton.config.model_type)
    foreign = sorted(
        (
            key
            for key in unused
            if not _left_out(skeleton, renamed[key].name) and not (encoder and _BESIDE_TOWER.match(key))
        ),
        key=dot_natural_key,
    )
    ends = {} if encoder else {_end(one): one for one in missing}
    alike = next(((key, ends[_end(key)]) for key in foreign if _end(key) in ends), None)
    if alike is None and foreign and len(missing) > found:
        return foreign[0], min(missing)
    return alike


def _end(key: str) -> str:
    return ".".join(key.split(".")[-2:])


def _left_out(skeleton: Any, name: str) -> bool:
    """Whether a weight is of a part that the model has, and that was left out of what is loaded of it."""
    modules = dict(skeleton.named_modules())
    while name and name not in modules:
        name = name.rpartition(".")[0]
    part = modules[name]
    return bool(name) and (isinstance(part, nn.Identity) or (isinstance(part, nn.ModuleList) and len(part) == 0))


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
        return {
            key: target
            for key, target in self.renamed(keys).items()
            if target.name in self._state or (self._quantised and _beside(target.name, self._state, self._modules))
        }

    def renamed(self, keys: Iterable[str]) -> dict[str, _Target]:
        """What the keys become, needed or not."""
        state, prefix = self._state, self._skeleton.base_model_prefix
        # made anew: some of them remember what they have renamed
        transforms = get_model_conversion_mapping(self._skeleton)
        renamings = [transform for transform in transforms if isinstance(transform, WeightRenaming)]
        converters = [transform for transform in transforms if isinstance(transform, WeightConverter)]
        targets = {}
        # in the order of loading: some renamings depend on the keys before
        for key in sorted(keys, key=dot_natural_key):
            renamed, converter = rename_source_key(key, renamings, converters, prefix, state)
            if renamed not in state and key in state:
                renamed, converter = rename_source_key(key, [], [], prefix, state)
            targets[key] = _Target(renamed, converter is not None)
        return targets


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
    if 0 in tensor.shape:
        return (
            f"{tensor.key} of {name} is empty, as DeepSpeed (ZeRO 3) saves what is on other devices: save it "
            "again with stage3_gather_16bit_weights_on_model_save, or from a checkpoint by its zero_to_fp32.py"
        )
    if len(expected) > 3 and tensor.shape == (expected[0], *expected[2:], expected[1]):
        return (
            f"{tensor.key} of {name} is {list(tensor.shape)}, in the order of MLX (for Apple's own library), which "
            "vlmtui does not support: choose the model that it was converted from"
        )
    rows = len(tensor.shape) == 2 and tensor.shape[1:] == expected[1:]
    weight = dict(skeleton.named_parameters(remove_duplicate=False)).get(target)
    by_word = (skeleton.get_input_embeddings(), skeleton.get_output_embeddings())
    if rows and any(weight is getattr(matrix, "weight", None) for matrix in by_word):
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
