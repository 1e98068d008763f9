"""Model loader: from a checkpoint on disk to a model on a device, usually without decoder layers or text tower."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import (
    CONFIG_MAPPING,
    MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING,
    MODEL_MAPPING,
    AutoConfig,
    AutoModel,
    AutoModelForImageClassification,
    AutoModelForImageTextToText,
)

from vlmtui.errors import ModelError, one_line
from vlmtui.models.families.registry import is_encoder
from vlmtui.models.loading.checkpoint import Checkpoint, Progress, check_file, quantisation, stored_dtype, weight_files
from vlmtui.models.loading.device import DTYPES, choose_device, choose_dtype
from vlmtui.models.loading.needed_tensors import check_numbers, needed_keys
from vlmtui.models.loading.processor import Processing, load_processing

_TALKATIVE = ("modeling_utils", "distributed.tensor_parallel")


@dataclass(frozen=True)
class LoadedModel:
    """A model on its device, with its preprocessing.

    `config` is the config of the whole checkpoint, and `llm_layers` the number of decoder layers in it. `whole`: all
    decoder layers were loaded, or both towers of a dual encoder.
    """

    name: str
    revision: str | None
    note: str
    config: Any
    model: Any
    processing: Processing
    llm_layers: int
    device: torch.device
    whole: bool


def load_model(
    checkpoint: Checkpoint,
    progress: Progress,
    *,
    processor: Path | None = None,
    device: str = "auto",
    dtype: str = "auto",
    note: str = "",
    decoder_layers: int | None = 0,
) -> LoadedModel:
    """Load a checkpoint with its first `decoder_layers` decoder layers.

    0 loads none, for most lenses need none, and None loads all. Of a dual encoder, 0 loads the vision tower alone and
    None both towers.
    """
    on = choose_device(device)
    config = _config(checkpoint)
    architecture = _architecture(config, checkpoint.name)
    with _explained(checkpoint):
        whole_depth = 0 if is_encoder(config.model_type) else int(config.get_text_config().num_hidden_layers)
        part = _part(config, decoder_layers)
        empty = _empty(architecture, part)
    held_as = _dtype(checkpoint, dtype, on, empty)
    progress("reading the processor", 0, 0)
    processing = load_processing(
        processor or checkpoint.folder, config, checkpoint.name if processor is None else str(processor)
    )
    _check_rows(processing.tokenizer, empty, checkpoint.name)
    progress("reading weights", 0, 0)
    quantised = quantisation(checkpoint.config) is not None
    model = _weights(architecture, checkpoint, part, held_as, {"device_map": {"": str(on)}} if quantised else {})
    if on.type != "cpu" and not quantised:  # quantised weights cannot be moved: they were loaded onto the device
        progress(f"moving weights to {on}", 0, 0)
        model = model.to(on)
    return LoadedModel(
        checkpoint.name, checkpoint.revision, note, config, model, processing, whole_depth, on, decoder_layers is None
    )


def empty_model(checkpoint: Checkpoint, decoder_layers: int | None = 0) -> Any:
    """The model on torch's meta device: the names and shapes of its parameters, without values.

    Only config.json is needed. Raises `ModelError` for a model that vlmtui cannot read, before weights are fetched.
    """
    config = _config(checkpoint)
    architecture = _architecture(config, checkpoint.name)
    with _explained(checkpoint):
        return _empty(architecture, _part(config, decoder_layers))


def parameter_count(model: Any) -> int:
    """The number of a model's parameters."""
    return sum(p.numel() for p in model.parameters())


def _config(checkpoint: Checkpoint) -> Any:
    model_type = checkpoint.config["model_type"]
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
    with _explained(checkpoint, (MemoryError,)):
        return AutoConfig.from_pretrained(checkpoint.folder, local_files_only=True, trust_remote_code=False)


@contextmanager
def _explained(
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
            f"({type(error).__name__}: {one_line(error, 200)}): copy or download it again"
        ) from error


def _part(config: Any, layers: int | None) -> Any:
    """The config of the part that is loaded with the first `layers` decoder layers; None for all."""
    if layers is None:
        return config
    if is_encoder(config.model_type):
        # an encoder has no decoder: num_hidden_layers is the tower's own; its text tower is needed only for texts
        return config.vision_config if layers == 0 and _can_be_split(config) else config
    text = config.get_text_config()
    text.num_hidden_layers = layers
    if getattr(text, "layer_types", None) is not None:
        text.layer_types = text.layer_types[:layers]
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
    return two and not _classifies(config) and getattr(config, "quantization_config", None) is None


def _classifies(config: Any) -> bool:
    return any("ForImageClassification" in kind for kind in getattr(config, "architectures", None) or ())


def _architecture(config: Any, name: str) -> Any:
    if type(config) in MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING:
        return AutoModelForImageTextToText
    if is_encoder(config.model_type):
        return AutoModelForImageClassification if _classifies(config) else AutoModel
    raise ModelError(
        f"{name} is a {config.model_type} model, neither a vision-language model nor a vision tower that vlmtui "
        "supports: choose a vision-language model"
    )


def _empty(architecture: Any, config: Any) -> Any:
    with _hushed(), torch.device("meta"):
        return architecture.from_config(config)


def _dtype(checkpoint: Checkpoint, wanted: str, on: torch.device, empty: Any) -> torch.dtype:
    """The dtype to load the model in. Raises `ModelError` where its files cannot be read or it does not fit."""
    files = weight_files(checkpoint.folder, checkpoint.name)
    tensors = [tensor for file in files for tensor in check_file(file, checkpoint.name)]
    if quantisation(checkpoint.config) is None:
        check_numbers(empty, tensors, checkpoint.name)
        return choose_dtype(wanted, on, parameter_count(empty))
    # weights that are not quantised keep their stored dtype, and the quantised ones compute in it: no other works
    stored = stored_dtype(checkpoint.config)
    if wanted not in ("auto", stored):
        raise ModelError(
            f"{checkpoint.name} is quantised with {stored} computation and cannot be loaded as "
            f"{wanted}: leave out --dtype"
        )
    if on.type == "cpu" and stored == "float16":
        raise ModelError(
            f"{checkpoint.name} is quantised with float16 computation, which needs a GPU: choose --device cuda"
        )
    needed = needed_keys(empty, [tensor.key for tensor in tensors], quantised=True)
    size = sum(tensor.size for tensor in tensors if tensor.key in needed)
    return choose_dtype(stored, on, size // DTYPES[stored].itemsize)


def _check_rows(tokenizer: Any, empty: Any, name: str) -> None:
    """Refuse a tokenizer with more word-pieces than the embedding matrix has rows: it belongs to another model.

    Fewer word-pieces than rows are common.
    """
    if tokenizer is None:
        return  # an encoder
    rows = len(empty.get_input_embeddings().weight)
    # `vocab_size` excludes added tokens, which may lie beyond the matrix if they were never trained
    if tokenizer.vocab_size > rows:
        raise ModelError(
            f"the tokenizer of {name} has {tokenizer.vocab_size:,} word-pieces and its embedding matrix only "
            f"{rows:,} rows: they do not belong together; name the model's own with --processor"
        )


def _weights(
    architecture: Any, checkpoint: Checkpoint, config: Any, dtype: torch.dtype, options: dict[str, Any]
) -> Any:
    try:
        with _hushed():
            model, report = architecture.from_pretrained(
                checkpoint.folder,
                config=config,
                dtype=dtype,
                output_loading_info=True,
                local_files_only=True,
                trust_remote_code=False,
                use_safetensors=True,
                **options,
            )
    except (OSError, ValueError, RuntimeError, KeyError) as error:
        if isinstance(error, torch.OutOfMemoryError) or "not enough memory" in str(error):
            raise
        raise ModelError(
            f"the weights of {checkpoint.name} cannot be loaded ({one_line(error, 200)}): copy or download it again"
        ) from error
    if report["missing_keys"]:
        first, *others = sorted(report["missing_keys"])
        more = f" and {len(others)} more" if others else ""
        raise ModelError(
            f"{checkpoint.name} lacks weights that its config requires ({first}{more}): copy or download it again"
        )
    if report.get("mismatched_keys"):
        raise ModelError(f"the weights of {checkpoint.name} have other shapes than its config says: download it again")
    return model.eval().requires_grad_(False)


@contextmanager
def _hushed() -> Iterator[None]:
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
