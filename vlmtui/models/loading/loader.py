"""Model loader: from a checkpoint on disk to a model on a device, usually without decoder layers or text tower."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from transformers import GenerationConfig

from vlmtui.errors import ModelError, lacks_memory, one_line
from vlmtui.models.families.registry import family_class
from vlmtui.models.loading.adapter_merging import BaseModel, merge_adapter
from vlmtui.models.loading.adapters import CONFIG as ADAPTER_CONFIG
from vlmtui.models.loading.adapters import read_adapter, unused_processor
from vlmtui.models.loading.checkpoint import (
    CONFIG,
    GENERATION_CONFIG,
    Checkpoint,
    Progress,
    check_file,
    stored_dtype,
    weight_files,
)
from vlmtui.models.loading.device import DTYPES, choose_device, choose_dtype
from vlmtui.models.loading.needed_tensors import blocks_beyond, needed_keys, without_wrappers
from vlmtui.models.loading.processor import Processing, load_processing
from vlmtui.models.loading.quantised_weights import check_names, check_values, quantisation, runs_quantised
from vlmtui.models.loading.safetensors_header import Tensor
from vlmtui.models.loading.skeleton import Skeleton, hushed, skeleton

_IMAGE_TOKEN = "image_token_id"


@dataclass(frozen=True)
class LoadedModel:
    """A model on its device, with its preprocessing.

    `config` is the config of the whole checkpoint, and `llm_layers` the number of decoder layers in it. `whole`: all
    decoder layers and the output head were loaded, or both towers of a dual encoder. `tied`: the output head is the
    embedding matrix. `image_token_key`: where config.json has the id of the image token; `names_image_token`: it has
    it, where else `config` has transformers' default. `generation_fault`: why its files do not say how it generates,
    which only an answer needs.
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
    tied: bool
    image_token_key: str
    names_image_token: bool
    generation_fault: ModelError | None


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

    0 loads what exploring needs: neither decoder layers nor what comes after them; None loads all. Of a dual encoder, 0
    loads the vision tower alone and None both towers.
    """
    on = choose_device(device)
    shape = skeleton(checkpoint, decoder_layers)
    files = weight_files(checkpoint.folder, checkpoint.name)
    tensors = {file: check_file(file, checkpoint.name) for file in files}
    there = [tensor for group in tensors.values() for tensor in group]
    shape = shape.fitting([tensor.key for tensor in there])
    held_as = _dtype(checkpoint, dtype, on, shape, there)
    progress("reading the processor", 0, 0)
    processing = load_processing(
        processor or checkpoint.folder,
        shape.config,
        checkpoint.name if processor is None else str(processor),
        own=processor is None,
    )
    _check_rows(processing.tokenizer, shape.empty, checkpoint.name)
    progress("reading weights", 0, 0)
    notes = [note, _blocks_left_out(shape, checkpoint.name, [tensor.key for tensor in there])]
    quantised, generation_fault = runs_quantised(checkpoint.config), None
    model = _weights(shape, checkpoint, tensors, held_as, {"device_map": {"": str(on)}} if quantised else {})
    if decoder_layers != 0 and model.can_generate():
        try:
            model.generation_config = _generation_config(checkpoint)
        except ModelError as error:
            generation_fault = error
    if checkpoint.adapter is not None:
        progress("merging the adapter", 0, 0)
        adapter = read_adapter(checkpoint.adapter, checkpoint.name)
        if quantisation(checkpoint.config) is not None:
            raise ModelError(
                f"{checkpoint.name} is an adapter (LoRA) of {adapter.base}, which is quantised: name the model that "
                f"was quantised as its base in {ADAPTER_CONFIG}"
            )
        base = BaseModel(model, empty_model(checkpoint, None), [tensor.key for tensor in there])
        model = merge_adapter(base, adapter, checkpoint.name)
        unused = ""
        if processor is None:
            unused = unused_processor(checkpoint.adapter, checkpoint.folder, checkpoint.name)
        notes = [f"{adapter.base} with the adapter {checkpoint.name}{unused}", *notes]
    if on.type != "cpu" and not quantised:  # quantised weights cannot be moved: they were loaded onto the device
        progress(f"moving weights to {on}", 0, 0)
        model = model.to(on)
    return LoadedModel(
        name=checkpoint.name,
        revision=checkpoint.revision,
        note="; ".join(filter(None, notes)),
        config=shape.config,
        model=model,
        processing=processing,
        llm_layers=shape.llm_layers,
        device=on,
        whole=decoder_layers is None,
        tied=shape.tied and _shared(model),
        image_token_key=(key := type(shape.config).attribute_map.get(_IMAGE_TOKEN, _IMAGE_TOKEN)),
        names_image_token=not {key, _IMAGE_TOKEN}.isdisjoint(checkpoint.config) or not hasattr(type(shape.config), key),
        generation_fault=generation_fault,
    )


def _blocks_left_out(shape: Skeleton, name: str, keys: Collection[str]) -> str:
    """The note on blocks of the tower that are stored and not in the config, which transformers leaves out; or ""."""
    family = family_class(shape.config.model_type)(shape.empty, shape.config, name)
    beyond = blocks_beyond(shape.empty, family.blocks, keys)
    blocks = f"{beyond} block" if beyond == 1 else f"{beyond} blocks"
    return f"its {CONFIG} leaves out {blocks} of the vision tower that its weights have" if beyond else ""


def _shared(model: Any) -> bool:
    """Whether the output head, where it is loaded, is the embedding matrix: two that were trained apart are not."""
    head = getattr(model.get_output_embeddings(), "weight", None)
    # what is left out has an empty tensor, which is no parameter
    return not isinstance(head, torch.nn.Parameter) or head is model.get_input_embeddings().weight


def empty_model(checkpoint: Checkpoint, decoder_layers: int | None = 0) -> Any:
    """The model on torch's meta device, as `load_model` loads it: its parameters' names and shapes, without values.

    Only config.json is needed. Raises `ModelError` for a model that vlmtui cannot read, before weights are fetched.
    """
    return skeleton(checkpoint, decoder_layers).empty


def parameter_count(model: Any) -> int:
    """The number of a model's parameters."""
    return sum(p.numel() for p in model.parameters())


def _dtype(
    checkpoint: Checkpoint, wanted: str, on: torch.device, shape: Skeleton, tensors: Collection[Tensor]
) -> torch.dtype:
    """The dtype to load the model in. Raises `ModelError` where its tensors do not fit its config, or the memory."""
    quantised, keys = runs_quantised(checkpoint.config), [tensor.key for tensor in tensors]
    check_names(shape.empty, keys, checkpoint.config, checkpoint.name)
    check_values(shape.empty, tensors, checkpoint.config, checkpoint.name)
    if not quantised:
        return choose_dtype(wanted, on, parameter_count(shape.empty))
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
    needed = needed_keys(shape.empty, keys, quantised=True)
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
    shape: Skeleton,
    checkpoint: Checkpoint,
    tensors: dict[Path, list[Tensor]],
    dtype: torch.dtype,
    options: dict[str, Any],
) -> Any:
    """The model with its weights, of which only those that it needs are read."""
    keys = [tensor.key for group in tensors.values() for tensor in group]
    needed = needed_keys(shape.empty, keys, quantised=bool(options))
    names = without_wrappers(shape.empty, keys)
    try:
        with hushed(), ExitStack() as stack:
            read: dict[str, Any] = {}
            for file, group in tensors.items():
                if wanted := [tensor.key for tensor in group if tensor.key in needed]:
                    opened = stack.enter_context(safe_open(file, framework="pt"))
                    read |= {names[key]: opened.get_slice(key) for key in wanted}
            model, report = shape.model_class.from_pretrained(
                None,
                config=shape.part,
                state_dict=read,
                dtype=dtype,
                output_loading_info=True,
                local_files_only=True,
                trust_remote_code=False,
                use_kernels=False,  # from 5.25 on the default is compiled code that is fetched from the hub
                **options,
            )
    except (OSError, ValueError, RuntimeError, KeyError) as error:
        if lacks_memory(error):
            raise
        raise ModelError(
            f"the weights of {checkpoint.name} cannot be loaded ({one_line(error, 200)}): copy or download it again"
        ) from error
    if wrong := sorted(map(str, [*report["missing_keys"], *(report.get("mismatched_keys") or ())])):
        raise ModelError(
            f"the weights of {checkpoint.name} are not those that its config requires ({wrong[0]}): copy or download "
            "it again"
        )
    family_class(model.config.model_type).complete(model)
    return model.eval().requires_grad_(False)


def _generation_config(checkpoint: Checkpoint) -> Any:
    """How the model generates, from its own file, or from config.json as old checkpoints have it."""
    own = (checkpoint.folder / GENERATION_CONFIG).is_file()
    file = GENERATION_CONFIG if own else CONFIG
    try:
        return GenerationConfig.from_pretrained(
            checkpoint.folder, file, local_files_only=True, trust_remote_code=False, _from_model_config=not own
        )
    except Exception as error:
        raise ModelError(
            f"the {file} of {checkpoint.name} does not say how it generates ({type(error).__name__}: "
            f"{one_line(error)}): copy or download it again"
        ) from error
