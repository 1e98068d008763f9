"""From a model name to a folder on this disk that holds a whole checkpoint."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vlmtui.catalogue import CHOOSE_A_MODEL, DEMO, Source
from vlmtui.errors import ModelError

Progress = Callable[[str, int, int], None]

CONFIG = "config.json"
INDEX = "model.safetensors.index.json"
_WANTED = ["*.safetensors", "*.json", "*.jinja", "*.model", "*.txt", "*.tiktoken"]
# folders inside a repository hold the same weights in other formats, and so do Mistral's consolidated files
_UNWANTED = ["*/*", "consolidated*.safetensors"]
_PROCESSOR_ONLY = ["*.json", "*.jinja", "*.model", "*.txt", "*.tiktoken"]


@dataclass(frozen=True)
class Checkpoint:
    """A whole checkpoint on disk. `revision` is the commit of a hub model, None for a folder of the person's own."""

    name: str
    folder: Path
    revision: str | None
    config: dict[str, Any]


def find(source: Source, revision: str | None, progress: Progress) -> Checkpoint:
    """The checkpoint that `source` stands for: a folder, the hub's cache, or downloaded now.

    Raises `ModelError` with one sentence that says what is wrong with it and what to do.
    """
    if source.folder is not None:
        if revision is not None:
            raise ModelError(f"{source.name} is a folder and has no revisions: leave out --revision")
        config = check_folder(source.folder, source.name)
        return Checkpoint(source.name, source.folder, None, config)
    assert source.hub_name is not None
    folder = _cached(source.hub_name, revision, _WANTED)
    if folder is not None:
        try:
            return Checkpoint(source.name, folder, folder.name, check_folder(folder, source.name))
        except ModelError:
            pass  # begun and not finished: fetch what is missing
    progress(f"downloading {source.hub_name}", 0, 0)
    folder = _download(source.hub_name, revision, _WANTED, progress)
    return Checkpoint(source.name, folder, folder.name, check_folder(folder, source.name))


def find_processor(source: Source, progress: Progress) -> Path:
    """The folder with the processor files of `source`, without its weights."""
    if source.folder is not None:
        return source.folder
    assert source.hub_name is not None
    cached = _cached(source.hub_name, None, _PROCESSOR_ONLY)
    if cached is not None and (cached / CONFIG).exists():
        return cached
    progress(f"downloading the processor of {source.hub_name}", 0, 0)
    return _download(source.hub_name, None, _PROCESSOR_ONLY, progress)


def check_folder(folder: Path, name: str) -> dict[str, Any]:
    """The folder's config, when it holds a whole safetensors checkpoint of a model that transformers has."""
    if not folder.is_dir():
        if name == DEMO:
            raise ModelError(f"the demo model's weights are not at {folder}: install vlmtui again, or {CHOOSE_A_MODEL}")
        raise ModelError(f"there is no model folder {folder}: check the path")
    config = _config(folder, name)
    _check_weights(folder, name)
    return config


def _config(folder: Path, name: str) -> dict[str, Any]:
    try:
        config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    except FileNotFoundError:
        if (folder / "adapter_config.json").exists():
            raise ModelError(
                f"{name} is an adapter (LoRA), not a whole model: merge it into its base model with peft's "
                "merge_and_unload() and save_pretrained(), then give that folder"
            ) from None
        if any(folder.glob("*.gguf")):
            raise ModelError(f"{name} holds GGUF files: give the safetensors model that they were made from") from None
        raise ModelError(f"{name} has no {CONFIG}: give the folder of a Hugging Face checkpoint") from None
    except (OSError, ValueError) as error:
        raise ModelError(
            f"the {CONFIG} of {name} cannot be read ({_brief(error)}): copy or download it again"
        ) from None
    if not isinstance(config, dict) or not isinstance(config.get("model_type"), str):
        raise ModelError(f"the {CONFIG} of {name} names no model_type: give the folder of a Hugging Face checkpoint")
    return config


def _check_weights(folder: Path, name: str) -> None:
    index = folder / INDEX
    if index.exists():
        try:
            wanted = sorted(
                {str(file) for file in json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()}
            )
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise ModelError(f"the {INDEX} of {name} cannot be read ({_brief(error)}): fetch it again") from None
        missing = [file for file in wanted if not (folder / file).is_file()]
        if missing:
            raise ModelError(
                f"{name} is not complete: {missing[0]} is missing"
                + (f" and {len(missing) - 1} more of its {len(wanted)} weight files" if len(missing) > 1 else "")
                + ": copy or download it again"
            )
        files = [folder / file for file in wanted]
    else:
        files = sorted(folder.glob("*.safetensors"))
    if not files:
        _refuse_other_formats(folder, name)
    for file in files:
        _check_file(file, name)


def _refuse_other_formats(folder: Path, name: str) -> None:
    if any(folder.glob("*.bin")) or any(folder.glob("*.pt")) or any(folder.glob("*.pth")):
        convert = (
            'python -c "from transformers import AutoModelForImageTextToText as M; '
            f"M.from_pretrained('{folder}').save_pretrained('{folder}')\""
        )
        raise ModelError(f"{name} has its weights in .bin files only, which can hold code: convert them with {convert}")
    if any(folder.glob("*.gguf")):
        raise ModelError(f"{name} holds GGUF files: give the safetensors model that they were made from")
    if (folder / "adapter_config.json").exists():
        raise ModelError(
            f"{name} is an adapter (LoRA), not a whole model: merge it into its base model with peft's "
            "merge_and_unload() and save_pretrained(), then give that folder"
        )
    raise ModelError(f"{name} has no .safetensors files: its weights are missing, copy or download it again")


def _check_file(file: Path, name: str) -> None:
    """A safetensors file is eight bytes of length, a JSON header, and exactly the bytes that the header tells of."""
    try:
        size = file.stat().st_size
        with file.open("rb") as opened:
            (length,) = struct.unpack("<Q", opened.read(8))
            if length > size:
                raise ValueError("its header is cut short")
            header = json.loads(opened.read(length))
        end = max((entry["data_offsets"][1] for key, entry in header.items() if key != "__metadata__"), default=0)
        if size != 8 + length + end:
            raise ValueError(f"{size:,} bytes where {8 + length + end:,} belong")
    except (OSError, ValueError, struct.error, KeyError, TypeError, AttributeError, IndexError) as error:
        pointer = " (a git-lfs pointer: run git lfs pull)" if _is_pointer(file) else ""
        raise ModelError(
            f"{file.name} of {name} is damaged or half-written{pointer} ({_brief(error)}): copy or download it again"
        ) from None


def _is_pointer(file: Path) -> bool:
    try:
        with file.open("rb") as opened:
            return opened.read(24).startswith(b"version https://git-lfs")
    except OSError:
        return False


def _cached(name: str, revision: str | None, patterns: list[str]) -> Path | None:
    """The snapshot in the hub's cache, or None."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    try:
        return Path(
            snapshot_download(
                name, revision=revision, local_files_only=True, allow_patterns=patterns, ignore_patterns=_UNWANTED
            )
        )
    except (LocalEntryNotFoundError, FileNotFoundError):
        return None
    except HFValidationError:
        raise ModelError(f"{name} can be no model on the hub: give a name such as org/model, or a folder") from None


def _download(name: str, revision: str | None, patterns: list[str], progress: Progress) -> Path:
    from huggingface_hub import constants, snapshot_download
    from huggingface_hub.errors import (
        GatedRepoError,
        HfHubHTTPError,
        LocalEntryNotFoundError,
        OfflineModeIsEnabled,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    at = f" at revision {revision}" if revision else ""
    page = f"{constants.ENDPOINT}/{name}"
    try:
        return Path(
            snapshot_download(
                name,
                revision=revision,
                allow_patterns=patterns,
                ignore_patterns=_UNWANTED,
                tqdm_class=_reporting(f"downloading {name}", progress),
            )
        )
    except GatedRepoError:
        raise ModelError(
            f"{name} is gated: accept its licence at {page}, then log in with `hf auth login` or set HF_TOKEN"
        ) from None
    except RevisionNotFoundError:
        raise ModelError(f"{name} has no revision {revision}: look at {page}/commits/main") from None
    except RepositoryNotFoundError:
        raise ModelError(
            f"there is no model {name} on {constants.ENDPOINT} (or it is private): check the name, or log in with "
            "`hf auth login`"
        ) from None
    except OfflineModeIsEnabled:
        raise _not_here(name, at, "HF_HUB_OFFLINE is set: unset it to download it") from None
    except HfHubHTTPError as error:
        raise ModelError(f"{name}{at} could not be downloaded ({_brief(error)}): try again later") from None
    except LocalEntryNotFoundError as error:
        if constants.HF_HUB_OFFLINE:
            raise _not_here(name, at, "HF_HUB_OFFLINE is set: unset it to download it") from None
        cause = _brief(error.__cause__ or error)
        raise _not_here(name, at, f"{constants.ENDPOINT} cannot be reached ({cause}): check the connection") from None
    except OSError as error:
        raise ModelError(f"{name}{at} could not be downloaded ({_brief(error)}): check disk and connection") from None


def _not_here(name: str, at: str, why: str) -> ModelError:
    return ModelError(f"{name}{at} is not on this disk, and {why}, or give a folder")


def _reporting(doing: str, progress: Progress) -> Any:
    """A silent progress bar class for the hub's client, which tells `progress` instead of the terminal."""
    from tqdm.auto import tqdm  # type: ignore[import-untyped]

    bar: Any = tqdm

    counting: list[object] = []

    class Reporting(bar):  # type: ignore[misc]
        def __init__(self, *args: Any, **options: Any) -> None:
            options["disable"] = True
            super().__init__(*args, **options)
            self.seen = int(options.get("initial") or 0)
            # the client has a bar for files and two for bytes, over the network and on disk: one is enough
            if options.get("unit") == "B" and not counting:
                counting.append(self)

        def update(self, n: float | None = 1) -> None:
            self.seen += int(n or 0)
            if counting and counting[0] is self:
                progress(doing, self.seen, int(self.total or 0))

    return Reporting


def _brief(error: object) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= 160 else text[:157] + "..."
