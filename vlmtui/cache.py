"""vlmtui's own cache: the parts of hub models that were looked at. No torch.

`<cache>/models/<org>--<name>/<commit>/` holds a model's small files and its parts `part-*.safetensors`; an index makes
it whole, and without one it is a download that was begun. `refs/<revision>` beside it names the commit.
"""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import platformdirs

from vlmtui.files import expand_path, write_whole

ENVIRONMENT = "VLMTUI_CACHE"
INDEX = "model.safetensors.index.json"
LAYERS = "decoder_layers"
_COMMIT_DIGITS = 40


@dataclass(frozen=True)
class Held:
    """One commit of a model in the cache. `size` is bytes on disk; `decoder_layers` None where all are there."""

    name: str
    commit: str
    folder: Path
    size: int
    finished: bool
    decoder_layers: int | None


def folder() -> Path:
    """The cache's folder: `VLMTUI_CACHE`, or the system's place for caches."""
    named = os.environ.get(ENVIRONMENT)
    return Path(expand_path(named)) if named else platformdirs.user_cache_path("vlmtui")


def model_folder(name: str) -> Path:
    """Where a hub model `org/name` lies, all its commits."""
    return folder() / "models" / name.replace("/", "--")


def commit_folder(name: str, commit: str) -> Path:
    """Where one commit of a hub model lies."""
    return model_folder(name) / commit


def remember(name: str, revision: str, commit: str) -> None:
    """Keep which commit a branch or tag stood for, so that the next start needs no network."""
    path = _ref(name, revision)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, commit.encode())


def commit_of(name: str, revision: str) -> str | None:
    """The commit that a revision stood for when it was fetched; None where nothing is known of it."""
    if len(revision) == _COMMIT_DIGITS and commit_folder(name, revision).is_dir():
        return revision
    try:
        return _ref(name, revision).read_text(encoding="utf-8").strip() or None
    except OSError:
        return None


def _ref(name: str, revision: str) -> Path:
    # a branch may have slashes, and must not lead elsewhere
    return model_folder(name) / "refs" / revision.replace("/", "--").replace("..", "--")


def layers_in(place: Path) -> tuple[bool, int | None]:
    """Whether the folder of a commit is whole, and how many decoder layers it has (None: all)."""
    try:
        index = json.loads((place / INDEX).read_text(encoding="utf-8"))
        layers: Any = index["metadata"][LAYERS]
        there = all((place / file).is_file() for file in set(index["weight_map"].values()))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False, 0
    return there, layers if isinstance(layers, int) else None


def held() -> list[Held]:
    """Everything in the cache, by name."""
    found = []
    for model in sorted((folder() / "models").glob("*--*")):
        for place in sorted(model.iterdir()):
            if not place.is_dir() or len(place.name) != _COMMIT_DIGITS:
                continue
            finished, layers = layers_in(place)
            found.append(
                Held(model.name.replace("--", "/", 1), place.name, place, size_on_disk(place), finished, layers)
            )
    return found


def clear(name: str) -> int:
    """Remove a model from the cache, every commit of it; returns the bytes that were freed."""
    place = model_folder(name)
    if not place.is_dir():
        return 0
    size = size_on_disk(place)
    shutil.rmtree(place)
    return size


def size_on_disk(place: Path) -> int:
    """Bytes that the files under a folder take; a file begun takes what was written of it."""
    return sum(file.stat().st_blocks * 512 for file in place.rglob("*") if file.is_file() and not file.is_symlink())
