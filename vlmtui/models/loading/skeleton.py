"""Skeleton of a model: its class and config as far as they are to be loaded, and its parameters without values.

Exploring needs the tower, the projector and the embedding matrix. `skeleton` leaves out the rest, so that neither a
download nor the loader asks for it: decoder layers, final norm and output head, parts for sound or for making
images; beside a vision tower the text tower.
"""

from __future__ import annotations

import copy
import logging
import re
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import nn
from transformers import (
    CONFIG_MAPPING,
    MODEL_FOR_IMAGE_CLASSIFICATION_MAPPING,
    MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING,
    MODEL_MAPPING,
)
from transformers.models.auto.auto_factory import _get_model_class

from vlmtui.errors import ModelError
from vlmtui.models.families.decoder_structure import decoder_of, find_final_norm
from vlmtui.models.families.registry import family_class, is_encoder
from vlmtui.models.families.unread import refuse_unread
from vlmtui.models.loading.checkpoint import Checkpoint
from vlmtui.models.loading.config_faults import config_fault
from vlmtui.models.loading.needed_tensors import needed_keys
from vlmtui.models.loading.quantised_weights import runs_quantised, without_quantisation

_TALKATIVE = ("modeling_utils", "distributed.tensor_parallel")
_CHOSEN_HERE = (
    *("dtype", "torch_dtype", "attn_implementation", "_attn_implementation"),
    *("experts_implementation", "_experts_implementation"),
)
"""Keys of how the model was run, not of what it is."""


@dataclass(frozen=True)
class Skeleton:
    """What to load of a checkpoint.

    `config` is that of the checkpoint, `part` that of the model to load and `model_class` its class; `empty` is that
    model on torch's meta device. `llm_layers` counts the decoder layers of the checkpoint, and `tied` says whether its
    output head is the embedding matrix. `exploring`: it has no decoder layers.
    """

    config: Any
    part: Any
    model_class: Any
    empty: Any
    llm_layers: int
    tied: bool
    exploring: bool

    def fitting(self, keys: Collection[str]) -> Skeleton:
        """The skeleton for a checkpoint with these keys.

        With the output head, where the file has a tied matrix by the head's name alone; without the pooler of a tower,
        which no patch goes through, where the file has none.
        """
        if getattr(self.empty, "pooler", None) is not None and not any(".pooler." in f".{key}" for key in keys):
            bare = _trimmed(self.model_class, _leave_out_pooler)
            return replace(self, model_class=bare, empty=_on_meta(bare, self.part))
        if not (self.exploring and self.tied):
            return self
        matrix = self.empty.get_input_embeddings().weight
        names = {name for name, weight in self.empty.named_parameters() if weight is matrix}
        if names & set(needed_keys(self.empty, keys).values()):
            return self
        whole = self.model_class.__mro__[1]
        return replace(self, model_class=whole, empty=_on_meta(whole, self.part))


def skeleton(checkpoint: Checkpoint, decoder_layers: int | None) -> Skeleton:
    """The skeleton with the first `decoder_layers` decoder layers; None for all, and for both towers of a dual encoder.

    Only config.json is needed. Raises `ModelError` for a model that vlmtui cannot read, before weights are fetched.
    """
    config = read_model_config(checkpoint)
    mapping = _mapping(config, checkpoint.name)
    with explained(checkpoint), _packages_named(checkpoint):
        encoder = is_encoder(config.model_type)
        layers = 0 if encoder else int(config.get_text_config().num_hidden_layers)
        part = _part(config, decoder_layers)
        if type(part) is not type(config):
            mapping = MODEL_MAPPING
        whole = _get_model_class(part, mapping)
        empty = _on_meta(whole, part)
        exploring = decoder_layers == 0 and not encoder
        tied = not encoder and _is_tied(empty)
        if exploring:
            whole = _trimmed(whole, _leave_out_output)
            _leave_out_output(empty)
    if not encoder:
        # what the family cannot read is said before anything is fetched
        family_class(config.model_type)(empty, config, checkpoint.name)
    return Skeleton(config, part, whole, empty, layers, tied, exploring)


def read_model_config(checkpoint: Checkpoint) -> Any:
    """The config of a checkpoint as transformers reads it, but for dtypes and kernels, chosen for each device.

    A padding token outside the embedding matrix is none: nothing is padded here.
    """
    model_type = checkpoint.config["model_type"]
    refuse_unread(model_type, checkpoint.name)
    if model_type not in CONFIG_MAPPING:
        if checkpoint.config.get("auto_map"):
            raise ModelError(
                f"{checkpoint.name} needs its own code from the hub, which vlmtui does not run: look for a "
                'conversion of it to transformers (often named with "-hf")'
            )
        raise ModelError(
            f"{checkpoint.name} is of the family {model_type}, which the installed transformers does not know: "
            "install a newer transformers, or choose another model"
        )
    with explained(checkpoint, (MemoryError,)):
        values = _without_choices(checkpoint.config)
        if not runs_quantised(checkpoint.config):  # what is stored as it was is read, or else the quantisation named
            values = without_quantisation(values)
        config = CONFIG_MAPPING[model_type].from_dict(values)
        text = config.get_text_config()
        padding, rows = getattr(text, "pad_token_id", None), getattr(text, "vocab_size", None)
        if isinstance(padding, int) and isinstance(rows, int) and not -rows <= padding < rows:
            text.pad_token_id = None
    _check_feature_layers(config, checkpoint.name)
    return family_class(model_type).completed(config)


@contextmanager
def _packages_named(checkpoint: Checkpoint) -> Iterator[None]:
    """A package that transformers lacks in this block, for a tower of another library, is named."""
    try:
        yield
    except ImportError as error:
        found = re.search(r"requires the (\S+) library", str(error))
        if found is None:
            raise
        package = found.group(1).lower()
        raise ModelError(
            f"{checkpoint.name} is a {checkpoint.config['model_type']} model, whose vision tower needs the package "
            f"{package}: install it with pip install {package}, or choose another model"
        ) from error


@contextmanager
def explained(
    checkpoint: Checkpoint, others: tuple[type[Exception], ...] = (ImportError, MemoryError)
) -> Iterator[None]:
    """What transformers cannot build in this block is the config's fault, except for `others`."""
    try:
        yield
    except Exception as error:
        if isinstance(error, (ModelError, *others)):
            raise
        raise ModelError(
            f"the config.json of {checkpoint.name} does not describe a {checkpoint.config['model_type']} model "
            f"({config_fault(error, checkpoint.config)}): copy or download it again"
        ) from error


@contextmanager
def hushed() -> Iterator[None]:
    """Silence transformers' long reports that the decoder layers are missing and that nothing is sharded."""
    loggers = [logging.getLogger(f"transformers.{name}") for name in _TALKATIVE]
    before = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)


def classifies(config: Any) -> bool:
    """Whether the config is that of a checkpoint with a classification head."""
    return any("ForImageClassification" in kind for kind in getattr(config, "architectures", None) or ())


def _check_feature_layers(config: Any, name: str) -> None:
    """`ModelError` for a layer of the tower that it does not have, as what the projector reads.

    0 is set to the negative number of the same layer: transformers takes 0 for none.
    """
    depth = getattr(getattr(config, "vision_config", None), "num_hidden_layers", None)
    given = getattr(config, "vision_feature_layer", None)
    if not isinstance(depth, int) or given is None:
        return
    several = isinstance(given, list | tuple)
    if wrong := [one for one in (given if several else [given]) if not _is_layer(one, depth)]:
        raise ModelError(
            f"the config.json of {name} has {wrong[0]} as vision_feature_layer, and its vision tower has {depth} "
            f"layers: set it to a number from {-depth - 1} to {depth}"
        )
    if given == 0:
        config.vision_feature_layer = -depth - 1


def _is_layer(value: Any, depth: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and -depth - 1 <= value <= depth


def _without_choices(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_choices(inner) for key, inner in value.items() if key not in _CHOSEN_HERE}
    return copy.deepcopy(value)


def _mapping(config: Any, name: str) -> Any:
    """Transformers' classes of the kind of model that the config is of, by the class of the config."""
    if type(config) in MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING:
        return MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING
    if is_encoder(config.model_type):
        return MODEL_FOR_IMAGE_CLASSIFICATION_MAPPING if classifies(config) else MODEL_MAPPING
    raise ModelError(
        f"{name} is a {config.model_type} model, neither a vision-language model nor a vision tower that vlmtui "
        "supports: choose a vision-language model"
    )


def _part(config: Any, layers: int | None) -> Any:
    """The config of the part that is loaded with the first `layers` decoder layers; None for all."""
    if layers is None:
        return config
    if is_encoder(config.model_type):
        # an encoder has no decoder: num_hidden_layers is the tower's own; its text tower is needed only for texts
        return config.vision_config if layers == 0 and _can_be_split(config) else config
    text = config.get_text_config()
    text.num_hidden_layers = layers
    derived = isinstance(getattr(type(text), "layer_types", None), property)
    if getattr(text, "layer_types", None) is not None and not derived:
        text.layer_types = text.layer_types[:layers]
    for name in ("num_decoder_layers", "decoder_layers"):  # of an encoder–decoder: T5, BART
        if getattr(text, name, None):
            setattr(text, name, layers)
    if layers == 0 and getattr(text, "hidden_size_per_layer_input", None):
        text.hidden_size_per_layer_input = 0  # inputs of the layers alone, as wide as all of them together
    if getattr(text, "num_kv_shared_layers", None):
        text.num_kv_shared_layers = min(text.num_kv_shared_layers, layers)
    if getattr(text, "cross_attention_layers", None) is not None:
        text.cross_attention_layers = [layer for layer in text.cross_attention_layers if layer < layers]
    return config


def _can_be_split(config: Any) -> bool:
    """Whether it is a dual encoder whose vision tower can be loaded alone."""
    two = hasattr(config, "text_config") and type(getattr(config, "vision_config", None)) in MODEL_MAPPING
    return two and not classifies(config) and getattr(config, "quantization_config", None) is None


def _on_meta(model_class: Any, config: Any) -> Any:
    with hushed(), torch.device("meta"):
        return model_class._from_config(config)


def _is_tied(model: Any) -> bool:
    head, matrix = model.get_output_embeddings(), model.get_input_embeddings()
    return head is not None and getattr(head, "weight", None) is matrix.weight


def _trimmed(model_class: Any, leave_out: Callable[[Any], None]) -> Any:
    """A subclass whose models lack what `leave_out` takes out of each."""

    def init(self: Any, config: Any, *args: Any, **options: Any) -> None:
        model_class.__init__(self, config, *args, **options)
        leave_out(self)

    return type(model_class.__name__, (model_class,), {"__init__": init, "__module__": model_class.__module__})


def _leave_out_pooler(model: Any) -> None:
    model.pooler = None


def _audio_tower(model: Any) -> Any:
    """The tower for sound, which no image goes through; None without one."""
    found = model.get_encoder(modality="audio")
    images = model.get_encoder(modality="image")
    return None if any(found is part for part in (model, getattr(model, "model", None), images)) else found


def _leave_out_output(model: Any) -> None:
    """Replace by modules without parameters: final norm, output head, a tower for sound, and what else of its family
    no image passes through.

    Where the norm goes by an unknown name it stays: it is small.
    """
    outputs = [model.get_output_embeddings(), find_final_norm(decoder_of(model)), _audio_tower(model)]
    base = getattr(model, "model", model)
    outputs += [getattr(base, part, None) for part in family_class(model.config.model_type).unread_parts]
    gone = [name for name, module in model.named_modules() if any(module is one for one in outputs)]
    for name in gone:
        nothing = nn.Identity()
        nothing.weight = torch.empty(0)  # no parameter: what a model (Kosmos-2) begins with random numbers by its name
        model.set_submodule(name, nothing)
    lost = tuple(f"{name}." for name in gone)
    tied = model.all_tied_weights_keys
    model.all_tied_weights_keys = {
        target: source for target, source in tied.items() if not target.startswith(lost) and not source.startswith(lost)
    }
