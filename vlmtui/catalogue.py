"""Model catalogue: aliases and what a model name refers to, and the models on this disk. No torch."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from vlmtui import cache, demo
from vlmtui.errors import ModelError, nearest_name
from vlmtui.files import expand_path
from vlmtui.json_files import parse_json, read_bounded

DEMO = "demo"
DEMO_NOTE = "demo model, trained on drawings; words for its patches were part of the training"
# the models shipped with vlmtui: each folder of `demo.WEIGHTS`, and the note shown with all its numbers
DEMO_NOTES = {
    DEMO: DEMO_NOTE,
    "demo-captioned": "demo model, trained on drawings; on captions alone, as real models are",
    "demo-siglip": "demo model, trained on drawings and their captions",
    "demo-vit": "demo model, trained on drawings to classify scenes",
}
CHOOSE_A_MODEL = "choose a model with --model NAME (a hub name or a folder) or VLMTUI_MODEL"
ENVIRONMENT = "VLMTUI_MODEL"

# written by `python -m tests.models.model_aliases`: counted on models that transformers builds from their configs
KNOWN = Path(__file__).parent / "model_aliases.json"
_HUB_ADDRESS = re.compile(r"(?:https?://)?(?:www\.)?(?:huggingface\.co|hf\.co)/(?!datasets/|spaces/)([\w.-]+/[\w.-]+)")
_STORED_BYTES = {"float32": 4, "bfloat16": 2, "float16": 2}


@dataclass(frozen=True)
class KnownModel:
    """A model with a short name. `vision` (tower, projector), `words` (embedding matrix) and `layers` (the decoder's
    with its output head, or a text tower) count parameters, each of `stored` bytes on the hub; `gated`: its licence
    must be accepted there first."""

    alias: str
    hub: str
    family: str
    licence: str
    gated: bool
    stored: int
    vision: int
    words: int
    layers: int

    @property
    def seen(self) -> int:
        """The parameters loaded for exploring: all but the decoder's layers and output head, or a text tower."""
        return self.vision + self.words

    @property
    def download(self) -> int:
        """Bytes of weights to download for exploring."""
        return self.seen * self.stored

    @property
    def whole(self) -> int:
        """Bytes of all its weights."""
        return (self.seen + self.layers) * self.stored


@lru_cache
def known_models() -> dict[str, KnownModel]:
    """The models with short names, by short name."""
    rows = json.loads(KNOWN.read_text(encoding="utf-8"))
    return {row["alias"]: KnownModel(**{**row, "stored": _STORED_BYTES[row["stored"]]}) for row in rows}


@dataclass(frozen=True)
class ModelSource:
    """What a model name refers to: a folder on this disk, or a name on the hub (`folder` is None)."""

    name: str
    folder: Path | None
    hub_name: str | None
    note: str = ""


@dataclass(frozen=True)
class LocalModel:
    """A model on this disk: its name for --model, its `model_type`, and its folder.

    `owner` is `demo` for a model shipped with vlmtui, `hub` for the hub's cache, and `vlmtui` for vlmtui's own cache,
    where `decoder_layers` is the number of decoder layers present (None: all).
    """

    name: str
    family: str
    folder: Path
    owner: str = "hub"
    decoder_layers: int | None = None


def note_with_advice(note: str) -> str:
    """A model's note, with advice where it is that of a demo model."""
    return f"{note}: {CHOOSE_A_MODEL}" if note in DEMO_NOTES.values() else note


class EnvironmentModel(str):
    """A model's name that `VLMTUI_MODEL` gave, and nobody typed: what cannot be loaded is said to come from there."""


def default_model() -> str:
    """The model used without --model: an `EnvironmentModel`, or the demo model."""
    named = os.environ.get(ENVIRONMENT)
    return EnvironmentModel(named) if named else DEMO


def resolve_model(name: str, base: Path | None = None, option: str = "--model") -> ModelSource:
    """Resolve a model name. `ModelError` for a name that can be neither a folder nor a hub name.

    Aliases take precedence over paths (`./demo` is the folder of that name), and existing folders over hub names. A
    relative path starts from `base`, or from the working folder. `option` is where the name was typed.
    """
    if not name.strip() and option != "--model":
        raise ModelError(f"{option} is empty: give a hub name, a folder or an alias (vlmtui models lists them)")
    try:
        return _resolved(name, base)
    except ModelError as error:
        if named := named_by(name):
            raise ModelError(f"{error}{named}") from None
        raise


def named_by(model: str) -> str:
    """The end of a sentence about a model that cannot be loaded: that the environment names it, or ""."""
    return f" ({ENVIRONMENT} names it)" if isinstance(model, EnvironmentModel) else ""


def _resolved(name: str, base: Path | None) -> ModelSource:
    if not name.strip():
        raise ModelError(f"--model is empty: {CHOOSE_A_MODEL}")
    if name in DEMO_NOTES:
        return ModelSource(name, demo.WEIGHTS / name, None, DEMO_NOTES[name])
    if name in known_models():
        return ModelSource(name, None, known_models()[name].hub)
    path = (base or Path()) / Path(expand_path(name))
    if path.is_dir():
        ours = path.resolve().parent == demo.WEIGHTS.resolve()
        return ModelSource(name, path, None, DEMO_NOTES.get(path.resolve().name, "") if ours else "")
    if path.is_file():
        raise ModelError(f"{name} is a file: give the folder that holds config.json and the .safetensors files")
    if found := _HUB_ADDRESS.match(name):
        raise ModelError(f"{name} is an address: give the model's name on the hub, {found[1]}")
    looks_like_path = name.startswith((".", "/", "~")) or name.count("/") != 1 or os.sep * 2 in name
    if looks_like_path:
        if "/" not in name and (near := nearest_name(name, [*DEMO_NOTES, *known_models()])):
            raise ModelError(f"there is no model {name}: did you mean {near}?")
        raise ModelError(f"there is no model folder {name}: check the path, or give a hub name such as org/model")
    return ModelSource(name, None, name)


def family_of(source: ModelSource) -> str | None:
    """The `model_type` of a model where it is known without asking the hub, else None."""
    if source.folder is not None:
        return _family(source.folder)
    return next((one.family for one in known_models().values() if one.hub == source.hub_name), None)


def models_on_disk() -> list[LocalModel]:
    """The models on this disk: demo models, those in vlmtui's cache, and snapshots in the hub's cache."""
    from huggingface_hub.constants import HF_HUB_CACHE  # takes half a second to import

    found = []
    for name in DEMO_NOTES:
        if family := _family(demo.WEIGHTS / name):
            found.append(LocalModel(name, family, demo.WEIGHTS / name, "demo"))
    for held in cache.cached_models():
        if held.finished and (family := _family(held.folder)):
            found.append(LocalModel(held.name, family, held.folder, "vlmtui", held.decoder_layers))
    for repo in sorted(Path(HF_HUB_CACHE).glob("models--*--*")):
        snapshots = sorted((repo / "snapshots").glob("*/config.json"), key=lambda p: p.stat().st_mtime)
        for config in reversed(snapshots):
            if (family := _family(config.parent)) and any(config.parent.glob("*.safetensors")):
                name = repo.name.removeprefix("models--").replace("--", "/", 1)
                found.append(LocalModel(name, family, config.parent))
                break
    return found


def _family(folder: Path) -> str | None:
    """The `model_type` in a folder's config.json, or None."""
    try:
        config = parse_json(read_bounded(folder / "config.json"))
        return str(config["model_type"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
