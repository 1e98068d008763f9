"""Why no tokenizer or image processor can be made from a checkpoint's files: which file or class, and what helps."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

from vlmtui.errors import ModelError, one_line, permission_denied
from vlmtui.json_files import damaged_json

_MISTRAL = "tekken.json"
_TOKENIZERS = frozenset(
    {
        *("tokenizer.json", "tokenizer.model", "vocab.json", "vocab.txt", "spiece.model", "spm.model"),
        *("sentencepiece.bpe.model", "sentencepiece.model", "qwen.tiktoken", "bpe.model", "merges.txt"),
    }
)
"""Files that a tokenizer is built from."""


def image_processor_fault(folder: Path, name: str, error: Exception, declared: str | None) -> ModelError:
    """The error for an image processor, whose class the files of it call `declared`."""
    another = "name a model or folder with another one with --processor"
    if "trust_remote_code" in str(error):
        what = f" ({declared})" if declared is not None else ""
        return ModelError(
            f"the image processor of {name}{what} is code of its own from the hub, which vlmtui does not run: {another}"
        )
    if declared is not None and "Unrecognized" in str(error):
        return ModelError(
            f"{name} names {declared} as its image processor, which transformers does not know: {another}"
        )
    return cannot_build("image processor", folder, name, error)


def cannot_build(part: str, folder: Path, name: str, error: Exception) -> ModelError:
    """The error for the `part` of a checkpoint that transformers does not make from its files."""
    text = " ".join(str(error).split())
    if "torchvision" in text.lower():
        return ModelError(
            f"the {part} of {name} exists only for torchvision: install it with pip install 'vlmtui[torchvision]'"
        )
    damaged = damaged_json(folder)
    if denied := permission_denied(damaged[1] if damaged else error):
        return ModelError(denied)
    if damaged:
        return ModelError(
            f"the {part} of {name} cannot be built: its {damaged[0]} is damaged ({one_line(damaged[1])}): copy or "
            "download it again, or name another with --processor"
        )
    there = {file.name for file in folder.iterdir()}
    if part == "tokenizer" and _MISTRAL in there and not _TOKENIZERS & there:
        return ModelError(
            f"{name} has only Mistral's own tokenizer ({_MISTRAL}), which transformers does not read for this model: "
            "name its conversion with --processor"
        )
    if isinstance(error, OSError) or "Unrecognized" in text or (part == "tokenizer" and not _TOKENIZERS & there):
        return no_files(part, name)
    if "untagged enum" in text or "unknown variant" in text:
        return ModelError(
            f"the tokenizer.json of {name} has something that the installed package tokenizers "
            f"({version('tokenizers')}) does not know ({one_line(error)}): install a newer transformers, or name "
            "another with --processor"
        )
    return ModelError(
        f"the {part} of {name} cannot be built ({one_line(error)}): copy or download it again, or name another with "
        "--processor"
    )


def no_files(part: str, name: str) -> ModelError:
    """The error for a checkpoint without the files of that part."""
    return ModelError(f"{name} has no usable {part} files: name a model or folder that has them with --processor")
