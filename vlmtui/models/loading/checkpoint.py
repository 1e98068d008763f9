"""Checkpoint folders: whether a folder holds a complete checkpoint in a format that can be read."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from vlmtui.catalogue import CHOOSE_A_MODEL, DEMO_NOTES
from vlmtui.errors import ModelError, one_line, permission_denied
from vlmtui.files import broken_link
from vlmtui.json_files import check_shapes, parse_json, read_bounded, shown, unreadable_files
from vlmtui.models.families.registry import family_class
from vlmtui.models.loading import safetensors_header
from vlmtui.models.loading.config_values import check_config_values
from vlmtui.models.loading.other_formats import (
    PIPELINE,
    refuse_original_llava,
    refuse_other_formats,
    refuse_timm,
)
from vlmtui.models.loading.weight_files import ADAPTER_CONFIG, INDEX, SINGLE, find_weight_files, missing_part

Progress = Callable[[str, int, int], None]

CONFIG = "config.json"
GENERATION_CONFIG = "generation_config.json"
MODELOPT_CONFIG = "hf_quant_config.json"
"""NVIDIA's ModelOpt says here, and in old versions here alone, that it has quantised the weights."""
_CONFIGS = (CONFIG, ADAPTER_CONFIG)
_SHOWN = 3
"""Folders of models that a sentence names."""
# dtype names of the safetensors format; FLOATS are those that models are trained or saved in
FLOATS = frozenset({"F64", "F32", "F16", "BF16"})
_DTYPES = FLOATS | {"BOOL", "U8", "I8", "I16", "U16", "I32", "U32", "I64", "U64", "C64"}


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint on disk, complete or as much as is needed.

    `revision` is the commit of a hub model, None for a folder. `adapter` is the folder of an adapter that is merged
    into it, None without one.
    """

    name: str
    folder: Path
    revision: str | None
    config: dict[str, Any]
    adapter: Path | None = None


def check_folder(folder: Path, name: str) -> dict[str, Any]:
    """Check that a folder holds a complete safetensors checkpoint, and return its config. `ModelError` otherwise."""
    if not folder.is_dir():
        if name in DEMO_NOTES:
            raise ModelError(f"the weights of {name} are not at {folder}: reinstall vlmtui, or {CHOOSE_A_MODEL}")
        raise ModelError(f"there is no model folder {folder}: check the path")
    config = read_config(folder, name)
    _check_weights(folder, name)
    return config


def read_config(folder: Path, name: str) -> dict[str, Any]:
    """Read a folder's config.json. `ModelError` where it is invalid, or its format cannot be read here."""
    try:
        config = parse_json(read_bounded(folder / CONFIG))
        check_shapes(config)
    except FileNotFoundError as error:
        if link := broken_link(folder / CONFIG):
            raise _damaged(CONFIG, name, ValueError(link)) from error
        _refuse_folder_of_models(folder, name)
        refuse_other_formats({file.name for file in folder.iterdir()}, name, str(folder))
        raise ModelError(f"{name} has no {CONFIG}: give the folder of a Hugging Face checkpoint") from None
    except (OSError, ValueError) as error:
        raise _damaged(CONFIG, name, error) from error
    for file, why in unreadable_files(folder):
        raise _damaged(file, name, why) from why
    refuse_original_llava(config, name)
    refuse_timm(config, name)
    if isinstance(config, dict) and "_diffusers_version" in config:
        raise ModelError(
            f"{name} is a part of a diffusion pipeline ({one_line(config.get('_class_name'))}), which makes images and "
            "reads none: choose a vision-language model or a vision tower"
        )
    if not isinstance(config, dict) or not isinstance(config.get("model_type"), str):
        raise ModelError(f"the {CONFIG} of {name} has no model_type: give the folder of a Hugging Face checkpoint")
    check_config_values(config, name)
    if (folder / MODELOPT_CONFIG).is_file() and not config.get("quantization_config"):
        config["quantization_config"] = {"quant_method": "modelopt"}
    return config


def _refuse_folder_of_models(folder: Path, name: str) -> None:
    """Raise `ModelError` for a folder whose models are in folders below it, as in a hub's cache or in a pipeline."""
    is_pipeline = (folder / PIPELINE).is_file()
    inside = []
    # the last is that of the hub's whole cache
    depths = ("*", "*/*", "models--*/snapshots/*")
    for config in sorted(file for depth in depths for one in _CONFIGS for file in folder.glob(f"{depth}/{one}")):
        place = Path(name) / config.parent.relative_to(folder)
        with contextlib.suppress(OSError, ValueError, LookupError, TypeError, AttributeError):
            # most parts of a pipeline are no models that see
            read = not is_pipeline or family_class(parse_json(read_bounded(config))["model_type"]).known
            if read and place not in inside:
                inside.append(place)
    if inside:
        what = f"is a diffusion pipeline ({PIPELINE})" if is_pipeline else f"has no {CONFIG}"
        more = f" ({len(inside) - _SHOWN} more)" if len(inside) > _SHOWN else ""
        raise ModelError(
            f"{name} {what}: give the folder of a model in it, {' or '.join(map(str, inside[:_SHOWN]))}{more}"
        )


def _damaged(file: str, name: str, error: Exception) -> ModelError:
    if denied := permission_denied(error):
        return ModelError(denied)
    return ModelError(f"the {file} of {name} is damaged ({one_line(error)}): copy or download it again")


def stored_dtype(config: dict[str, Any]) -> str:
    """The dtype that a model was saved in, as its config names it; bfloat16 where it names none."""
    text = config.get("text_config")
    for part in (config, text if isinstance(text, dict) else {}):
        for key in ("dtype", "torch_dtype"):
            if (found := str(part.get(key)).removeprefix("torch.")) in ("float32", "bfloat16", "float16"):
                return found
    return "bfloat16"


def _check_weights(folder: Path, name: str) -> None:
    for file in weight_files(folder, name):
        check_file(file, name)


def weight_files(folder: Path, name: str) -> list[Path]:
    """The safetensors files of a checkpoint. `ModelError` where any is missing."""
    files = {file.name for file in folder.iterdir()}
    found = find_weight_files(files)
    if found is None:
        refuse_without_weights(files, name, str(folder))
    if found.index is None:
        return [folder / file for file in found.files]
    try:
        text = read_bounded(folder / found.index)
    except (OSError, ValueError) as error:
        raise _damaged(found.index, name, error) from error
    wanted = sorted(set(parse_index(text, name, found.index).values()))
    missing = [file for file in wanted if not (folder / file).is_file()]
    if missing:
        raise ModelError(
            f"{name} is incomplete: {missing[0]} is missing"
            + (f" and {len(missing) - 1} more of its {len(wanted)} weight files" if len(missing) > 1 else "")
            + ": copy or download it again"
        )
    return [folder / file for file in wanted]


def refuse_without_weights(files: Collection[str], name: str, where: str) -> NoReturn:
    """Raise `ModelError` for a checkpoint among whose files `find_weight_files` finds no weights.

    `where` is its folder or hub name.
    """
    others = sorted(file for file in files if file.endswith(".safetensors"))
    if not others or all(file.startswith("consolidated") for file in others):
        refuse_other_formats(files, name, where)
    if part := missing_part(others):
        raise ModelError(f"{name} is incomplete: {part} is missing: copy or download it again")
    if others:
        several = " and ".join(others[:2])
        raise ModelError(
            f"{name} has {several}, but neither {SINGLE} nor a {INDEX} that lists its parts: call the file with its "
            f"weights {SINGLE}, or copy or download it again"
        )
    if inside := sorted(Path(where).glob("*/*.safetensors")):
        place = inside[0].parent
        raise ModelError(f"{name} has its weights in {place.name}: move them to its {CONFIG}, into {where}")
    raise ModelError(f"{name} has no .safetensors files: its weights are missing; copy or download it again")


def parse_index(text: str | bytes, name: str, file: str = INDEX) -> dict[str, str]:
    """Parse the index of a checkpoint in several files, which is called `file`: tensor key to file name."""
    try:
        index = parse_json(text)
        found = index.get("weight_map") if isinstance(index, dict) else None
        if not isinstance(found, dict) or not found or not all(isinstance(part, str) for part in found.values()):
            raise ValueError("its weight_map names no files")
        if odd := [part for part in found.values() if not _plain(part)]:
            raise ValueError(f"its weight_map names {shown(odd[0], 80)}, which is no .safetensors file beside it")
        return {str(key): str(part) for key, part in found.items()}
    except ValueError as error:
        raise ModelError(f"the {file} of {name} cannot be read ({one_line(error)}): download it again") from error


def _plain(file: str) -> bool:
    """Whether `file` is a safetensors file in the index's own folder: an index must not point outside it."""
    return file.endswith(".safetensors") and "/" not in file and "\\" not in file


def check_file(file: Path, name: str) -> list[safetensors_header.Tensor]:
    """The tensors of a safetensors file. `ModelError` where it cannot be read or its size contradicts its header."""
    try:
        tensors = safetensors_header.read(file)
    except (OSError, ValueError) as error:
        if _is_pointer(file):
            raise ModelError(
                f"{file.name} of {name} is a git-lfs pointer, not the weights: run git lfs pull where it was cloned"
            ) from error
        raise ModelError(
            permission_denied(error)
            or f"{file.name} of {name} is damaged or incomplete ({one_line(error)}): copy or download it again"
        ) from error
    return tensors


def other_dtype(tensor: safetensors_header.Tensor, name: str) -> str:
    """The sentence for a weight that is not floating-point in a checkpoint that declares no quantisation."""
    known = tensor.dtype in _DTYPES or tensor.dtype.startswith(("F8", "F4"))
    what = tensor.dtype if known else f"{tensor.dtype}, which is an unknown dtype"
    return (
        f"{name} has {tensor.key} as {what}, and its {CONFIG} does not say how to read it: choose the bfloat16, "
        "float16 or float32 model it was made from"
    )


def _is_pointer(file: Path) -> bool:
    if not file.is_file():
        return False
    try:
        with file.open("rb") as opened:
            return opened.read(24).startswith(b"version https://git-lfs")
    except OSError:
        return False
