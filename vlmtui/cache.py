"""Model cache of vlmtui: the parts of hub models that were needed. No torch.

`<cache>/models/<org>--<name>/<commit>/` holds a model's small files and its parts `part-*.safetensors`; the index is
written last, and without one the download is unfinished. `refs/<revision>` beside it names the commit.
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
class CachedModel:
    """One commit of a model in the cache. `size` is in bytes on disk; `decoder_layers` is None where all are cached."""

    name: str
    commit: str
    folder: Path
    size: int
    finished: bool
    decoder_layers: int | None


def folder() -> Path:
    """The folder of the cache: `VLMTUI_CACHE`; where the hub's own cache was moved, a folder there; or the system's."""
    if named := os.environ.get(ENVIRONMENT):
        return Path(expand_path(named))
    return _beside_hub() or platformdirs.user_cache_path("vlmtui")


def folders() -> tuple[Path, ...]:
    """Where models may be cached: `folder`, and the system's folder, which was used whatever `HF_HOME` said."""
    if os.environ.get(ENVIRONMENT):
        return (folder(),)
    return tuple(dict.fromkeys((folder(), platformdirs.user_cache_path("vlmtui"))))


def _beside_hub() -> Path | None:
    """`huggingface_hub.cached_assets_path("vlmtui")`, which takes half a second to import, where it was moved."""
    assets = os.environ.get("HF_ASSETS_CACHE") or os.environ.get("HUGGINGFACE_ASSETS_CACHE")
    if not assets:
        home = os.environ.get("HF_HOME")
        if not home:
            return None
        assets = os.path.join(home, "assets")
    return Path(os.path.expandvars(os.path.expanduser(assets))) / "vlmtui" / "default"


def model_folder(name: str) -> Path:
    """The folder of a hub model `org/name`, with all its commits: where it is cached, or will be."""
    places = [place / "models" / name.replace("/", "--") for place in folders()]
    return next((place for place in places if place.is_dir()), places[0])


def commit_folder(name: str, commit: str) -> Path:
    """The folder of one commit of a hub model."""
    return model_folder(name) / commit


def record_commit(name: str, revision: str, commit: str) -> None:
    """Record the commit of a branch or tag, so that the next start needs no network."""
    path = _ref_path(name, revision)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, commit.encode())


def recorded_commit(name: str, revision: str) -> str | None:
    """The recorded commit of a revision; None where there is none."""
    if len(revision) == _COMMIT_DIGITS and commit_folder(name, revision).is_dir():
        return revision
    try:
        return _ref_path(name, revision).read_text(encoding="utf-8").strip() or None
    except OSError:
        return None


def _ref_path(name: str, revision: str) -> Path:
    # a branch may have slashes, and must not name another folder
    return model_folder(name) / "refs" / revision.replace("/", "--").replace("..", "--")


def cached_layers(place: Path) -> tuple[bool, int | None]:
    """Whether the folder of a commit is complete, and how many decoder layers it has (None: all)."""
    try:
        index = json.loads((place / INDEX).read_text(encoding="utf-8"))
        layers: Any = index["metadata"][LAYERS]
        there = all((place / file).is_file() for file in set(index["weight_map"].values()))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False, 0
    return there, layers if isinstance(layers, int) else None


def cached_models() -> list[CachedModel]:
    """All commits in the cache, by model name."""
    found = []
    for model in sorted((each for place in folders() for each in (place / "models").glob("*--*")), key=_name_of):
        if model != model_folder(model.name.replace("--", "/", 1)):
            continue  # another place has it too, and that one is used
        for place in sorted(model.iterdir()):
            if not place.is_dir() or len(place.name) != _COMMIT_DIGITS:
                continue
            finished, layers = cached_layers(place)
            found.append(
                CachedModel(model.name.replace("--", "/", 1), place.name, place, disk_usage(place), finished, layers)
            )
    return found


def _name_of(model: Path) -> str:
    return model.name


def remove_model(name: str) -> int:
    """Remove all commits of a model from the cache, wherever they are; the bytes that were freed."""
    size = 0
    while (place := model_folder(name)).is_dir():
        size += disk_usage(place)
        shutil.rmtree(place)
    return size


def disk_usage(place: Path) -> int:
    """Bytes on disk of the files under a folder; of a sparse, unfinished file what was written."""
    return sum(file.stat().st_blocks * 512 for file in place.rglob("*") if file.is_file() and not file.is_symlink())
