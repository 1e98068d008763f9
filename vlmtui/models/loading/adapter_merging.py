"""Merging of an adapter (LoRA) into its base model, or into the part of it that is loaded."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import torch
from safetensors import safe_open
from torch import nn

from vlmtui.errors import ModelError, lacks_memory, one_line
from vlmtui.models.families.decoder_structure import decoder_of
from vlmtui.models.loading.adapters import CONFIG, WEIGHTS, Adapter, LoraSettings
from vlmtui.models.loading.checkpoint import check_file
from vlmtui.models.loading.needed_tensors import needed_keys

_PREFIX = "base_model.model."
# the module that is adapted, and the rest of the key
_ADAPTED = re.compile(r"(.+?)\.((?:lora_|base_layer\.).*)")
_SAVED = re.compile(r"\.modules_to_save(\.\w+)?(?=\.)")


@dataclass(frozen=True)
class BaseModel:
    """The base as it is loaded: `part` has values, `whole` is all of it, empty; `stored` are its checkpoint's keys."""

    part: Any
    whole: Any
    stored: Collection[str]

    def names_in_part(self) -> dict[str, str]:
        """The names that the whole model's weights have in the part, of those that are in it."""
        whole, part = needed_keys(self.whole, self.stored), needed_keys(self.part, self.stored)
        same = {name for name, _ in self.part.named_parameters(remove_duplicate=False)} & self._all()
        return {name: name for name in same} | {whole[key]: part[key] for key in whole.keys() & part.keys()}

    def _all(self) -> set[str]:
        return {name for name, _ in self.whole.named_parameters(remove_duplicate=False)}

    def renamed(self, names: Collection[str]) -> dict[str, str]:
        """The names that weights called as in any version of transformers have in the whole model."""
        there = {name: name for name in names if name in self._all()}
        return needed_keys(self.whole, [name for name in names if name not in there]) | there


@dataclass(frozen=True)
class _Key:
    """A key of an adapter's file: the module's name in training, or its weight's; `rest` is what follows a module."""

    weight: str
    module: str
    rest: str


def merge_adapter(base: BaseModel, adapter: Adapter, name: str) -> Any:
    """The part of the base with what the adapter changes in it; what it changes elsewhere is left out.

    `ModelError` where the adapter has anything that the whole base has no place for.
    """
    keys = {tensor.key: _parsed(tensor.key) for tensor in check_file(adapter.folder / WEIGHTS, name)}
    in_whole = base.renamed({key.weight for key in keys.values()})
    unknown = sorted(key for key, found in keys.items() if found.weight not in in_whole)
    if unknown and (there := _in_decoder(base.whole, keys[unknown[0]].weight)):
        raise ModelError(
            f"the adapter {name} was trained on the language model of {adapter.base} alone (it changes {unknown[0]}, "
            f"which is {there} here): train it on {adapter.base}, or put these names into its {WEIGHTS}"
        )
    if unknown or not keys:
        raise ModelError(
            f"the adapter {name} changes {unknown[0] if unknown else 'nothing'}, which {adapter.base} does not have: "
            f"name its own base in {CONFIG}"
        )
    in_part = base.names_in_part()
    here = {key: in_part[in_whole[found.weight]] for key, found in keys.items() if in_whole[found.weight] in in_part}
    try:
        with safe_open(adapter.folder / WEIGHTS, framework="pt") as opened:
            for key in sorted(here):
                if not keys[key].rest:
                    _replace(base.part, here[key], opened.get_tensor(key))
            model = base.part
            if adapted := {key: here[key].rpartition(".")[0] for key in sorted(here) if keys[key].rest}:
                values = {f"{module}.{keys[key].rest}": opened.get_tensor(key) for key, module in adapted.items()}
                trained = {module: keys[key].module for key, module in adapted.items()}
                model = _merged(model, adapter.settings, values, trained)
    except Exception as error:
        if lacks_memory(error):
            raise
        raise ModelError(
            f"the adapter {name} cannot be merged into {adapter.base} ({type(error).__name__}: {one_line(error)}): "
            f"name its own base in {CONFIG}, or merge it with peft's merge_and_unload()"
        ) from error
    return model.eval().requires_grad_(False)


def _in_decoder(whole: Any, name: str) -> str:
    """The name that a weight of the language model, called as where that is the whole model, has in `whole`; or ""."""
    decoder = decoder_of(whole)
    wanted = dict(decoder.named_parameters()).get(name.removeprefix("model."))
    return next((there for there, weight in whole.named_parameters() if weight is wanted), "")


def _parsed(key: str) -> _Key:
    plain = _SAVED.sub("", key.removeprefix(_PREFIX))
    if not (found := _ADAPTED.fullmatch(plain)):
        return _Key(plain, "", "")
    if found[2].startswith("base_layer."):  # its own weights, saved whole
        return _Key(f"{found[1]}.{found[2].removeprefix('base_layer.')}", "", "")
    return _Key(f"{found[1]}.weight", found[1], found[2])


def _replace(model: Any, name: str, value: torch.Tensor) -> None:
    """Give the model a weight that was trained whole; as with peft, one that was tied to it keeps its own."""
    before = model.get_parameter(name)
    if value.shape != before.shape:
        raise ValueError(f"{name} is {list(value.shape)}, not {list(before.shape)}")
    module, _, last = name.rpartition(".")
    setattr(model.get_submodule(module), last, nn.Parameter(value.to(before.device, before.dtype), requires_grad=False))


def _merged(model: Any, settings: LoraSettings, values: dict[str, torch.Tensor], trained: dict[str, str]) -> Any:
    """Merge by peft. `values` are by the modules' names in this model, and `trained` are those in training."""
    from peft import LoraConfig, get_peft_model, set_peft_model_state_dict

    ranks = {module: settings.rank(name) for module, name in trained.items()}
    alphas = {module: settings.alpha(name) for module, name in trained.items()}
    for module in trained:
        if not {"lora_A", "lora_B"} <= _halves(values, module):
            raise ValueError(f"{module} has one of lora_A and lora_B only")
    config = LoraConfig(
        r=settings.r,
        lora_alpha=settings.lora_alpha,
        # by name, so that no module of this model is taken that the adapter was not trained on
        target_modules=sorted(trained),
        rank_pattern={f"^{re.escape(module)}": rank for module, rank in ranks.items()},
        alpha_pattern={f"^{re.escape(module)}": alpha for module, alpha in alphas.items()},
        use_rslora=settings.use_rslora,
        use_dora=settings.use_dora,
        fan_in_fan_out=settings.fan_in_fan_out,
        lora_bias=settings.lora_bias,
        inference_mode=True,
    )
    wrapped = get_peft_model(model, config)
    report = set_peft_model_state_dict(wrapped, {f"{_PREFIX}{name}": value for name, value in values.items()})
    if report.unexpected_keys:
        raise ValueError(f"{report.unexpected_keys[0]} has no place")
    return wrapped.merge_and_unload()


def _halves(values: Collection[str], module: str) -> set[str]:
    """The two matrices of a module that are there."""
    rests = [name.removeprefix(f"{module}.") for name in values if name.startswith(f"{module}.lora_")]
    return {rest.split(".")[0].replace("lora_embedding_", "lora_") for rest in rests}
