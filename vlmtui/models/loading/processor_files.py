"""Files of an image processor and a tokenizer: what they declare, and what is wrong with them."""

from __future__ import annotations

from pathlib import Path

from vlmtui.errors import ModelError, one_line
from vlmtui.json_files import check_preprocessing, damaged_json, parse_json, read_bounded

# by file the keys below which it has the settings of the image processor
_PROCESSOR_FILES = {"preprocessor_config.json": (), "processor_config.json": ("image_processor",)}


def declared_class(folder: Path) -> str | None:
    """The class of the image processor as the processor's files name it."""
    for file, keys in _PROCESSOR_FILES.items():
        try:
            found = parse_json(read_bounded(folder / file))
            for key in keys:
                found = found[key]
            return str(found["image_processor_type"])
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return None


def check_settings(folder: Path, name: str) -> None:
    """Raise `ModelError` for numbers with which no image can be resized or normalised."""
    for file in _PROCESSOR_FILES:
        try:
            check_preprocessing(parse_json(read_bounded(folder / file)))
        except FileNotFoundError:
            continue
        except (OSError, ValueError) as error:
            raise _damaged("image processor", name, file, error) from error


def cannot_build(part: str, folder: Path, name: str, error: Exception) -> ModelError:
    """Why a part of the processor cannot be built from the files in `folder`."""
    text = " ".join(str(error).split())
    if "torchvision" in text.lower():
        return ModelError(
            f"the {part} of {name} exists only for torchvision: install it with pip install 'vlmtui[torchvision]'"
        )
    if damaged := damaged_json(folder):
        return _damaged(part, name, *damaged)
    if isinstance(error, OSError) or "Unrecognized" in text:
        return no_files(part, name)
    return ModelError(
        f"the {part} of {name} cannot be built ({one_line(error)}): copy or download it again, or name another with "
        "--processor"
    )


def _damaged(part: str, name: str, file: str, error: Exception) -> ModelError:
    return ModelError(
        f"the {part} of {name} cannot be built: its {file} is damaged ({one_line(error)}): copy or download it "
        "again, or name another with --processor"
    )


def no_files(part: str, name: str) -> ModelError:
    """That there are no files of a part of the processor."""
    return ModelError(f"{name} has no usable {part} files: name a model or folder that has them with --processor")
