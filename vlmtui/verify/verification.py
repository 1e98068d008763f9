"""Self-verification of a checkpoint, as `vlmtui verify` runs it in the session.

Two models are loaded one after the other, never together: the partial one that vlmtui reads with, without its decoder
layers, and the full one. Of the first, what is to be compared is recorded: tokens, words, and digests of its weights.
"""

from __future__ import annotations

import gc
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from vlmtui.errors import OutOfMemoryError
from vlmtui.models.loading.checkpoint import Checkpoint, Progress
from vlmtui.models.loading.device import choose_device, choose_dtype
from vlmtui.models.loading.loader import LoadedModel, empty_model, load_model, parameter_count
from vlmtui.models.loading.needed_tensors import NoLanguageModelError
from vlmtui.reading import ModelInfo
from vlmtui.session.protocol import Check
from vlmtui.verify.check_table import OF_HEADS, OF_TEXTS, WEIGHTS, CheckTable
from vlmtui.verify.full_model_checks import NEED_WHOLE, FullModelChecks
from vlmtui.verify.partial_model_checks import PartialModelChecks, PartialModelRecord
from vlmtui.verify.tower_checks import TowerChecks


@dataclass(frozen=True)
class VerifyOptions:
    """How the checkpoint is to be loaded."""

    processor: Path | None = None
    device: str = "auto"
    dtype: str = "auto"
    note: str = ""


def verify_checkpoint(
    checkpoint: Checkpoint, layers_missing: str, options: VerifyOptions, progress: Progress
) -> tuple[ModelInfo, tuple[Check, ...]]:
    """Carry out every check; the model as vlmtui reads with it, and the result of each check.

    `layers_missing` says why the full model cannot be loaded, or is "". Raises `ModelError` where nothing can be
    checked, because the weights or the processor cannot be loaded.
    """
    table = CheckTable()
    why = layers_missing
    if not why:
        try:
            # both models in a dtype that the larger one fits in, or nothing could be equal bit for bit
            needed = parameter_count(empty_model(checkpoint, None))
            chosen = choose_dtype(options.dtype, choose_device(options.device), needed)
            options = replace(options, dtype=str(chosen).removeprefix("torch."))
        except OutOfMemoryError as error:
            why = _no_memory(error)
    record = _check_partial_model(checkpoint, options, table, progress)
    _free()
    # of a tower alone, the part is the whole unless it has a text tower
    need_whole: tuple[str, ...] = (*OF_HEADS, *OF_TEXTS, WEIGHTS) if record.tower_alone else NEED_WHOLE
    if record.tower_alone:
        table.not_applicable(record.without)
        need_whole = tuple(name for name in need_whole if name not in record.without)
    if why or not need_whole:
        table.unchecked(need_whole, why)
    else:
        progress("loading the full model", 0, 0)
        checks = TowerChecks if record.tower_alone else FullModelChecks
        try:
            checks(_load(checkpoint, options, None, progress), record, table, progress).check()
        except OutOfMemoryError as error:
            table.unchecked(need_whole, _no_memory(error))
        except NoLanguageModelError as error:
            table.unchecked(need_whole, str(error))
        _free()
    return record.info, table.complete()


def _check_partial_model(
    checkpoint: Checkpoint, options: VerifyOptions, table: CheckTable, progress: Progress
) -> PartialModelRecord:
    """The checks of the partial model; a function of its own, so that the model is released as it returns."""
    return PartialModelChecks(_load(checkpoint, options, 0, progress), table, progress).check()


def _load(checkpoint: Checkpoint, options: VerifyOptions, layers: int | None, progress: Progress) -> LoadedModel:
    return load_model(
        checkpoint,
        progress,
        processor=options.processor,
        device=options.device,
        dtype=options.dtype,
        note=options.note,
        decoder_layers=layers,
    )


def _no_memory(error: OutOfMemoryError) -> str:
    return f"there is not enough memory for the full model: {error}"


def _free() -> None:
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
