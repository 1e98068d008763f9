"""Model names: what a name stands for, and which models are on this disk. No torch."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

from vlmtui import demo
from vlmtui.errors import ModelError

DEMO = "demo"
DEMO_NOTE = "demo model, trained on drawings"
CHOOSE_A_MODEL = "choose a real one with --model NAME (a hub name or a folder) or VLMTUI_MODEL"
ENVIRONMENT = "VLMTUI_MODEL"

ALIASES = {
    "llava-1.5-7b": "llava-hf/llava-1.5-7b-hf",
    "llava-1.5-13b": "llava-hf/llava-1.5-13b-hf",
}


@dataclass(frozen=True)
class Source:
    """What a model name stands for: a folder on this disk, or a name on the hub (`folder` is None)."""

    name: str
    folder: Path | None
    hub_name: str | None
    note: str = ""


@dataclass(frozen=True)
class OnDisk:
    """A model found on this disk: what to pass as --model, its `model_type`, and where it lies."""

    name: str
    family: str
    folder: Path


def default_model() -> str:
    """The model without --model: `VLMTUI_MODEL`, or the demo model."""
    return os.environ.get(ENVIRONMENT) or DEMO


def resolve(name: str, base: Path | None = None) -> Source:
    """What `name` stands for. `ModelError` for what can be nothing.

    Aliases win over paths (`./demo` is the folder of that name), and a folder that exists over a hub name. A relative
    path starts from `base`, or from the working folder.
    """
    if not name.strip():
        raise ModelError(f"--model is empty: {CHOOSE_A_MODEL}")
    if name == DEMO:
        return Source(DEMO, demo.CHECKPOINT, None, DEMO_NOTE)
    if name in ALIASES:
        return Source(name, None, ALIASES[name])
    path = (base or Path()) / Path(name).expanduser()
    if path.is_dir():
        same = path.resolve() == demo.CHECKPOINT.resolve()
        return Source(name, path, None, DEMO_NOTE if same else "")
    if path.is_file():
        raise ModelError(f"{name} is a file: give the folder that holds config.json and the .safetensors files")
    looks_like_path = name.startswith((".", "/", "~")) or name.count("/") != 1 or os.sep * 2 in name
    if looks_like_path:
        raise ModelError(f"there is no model folder {name}: check the path, or give a hub name such as org/model")
    return Source(name, None, name)


def on_disk() -> list[OnDisk]:
    """The models on this disk: the demo model and the complete snapshots in the hub's cache, by name."""
    from huggingface_hub.constants import HF_HUB_CACHE  # half a second, and only wanted when somebody looks

    found = []
    if family := _family(demo.CHECKPOINT):
        found.append(OnDisk(DEMO, family, demo.CHECKPOINT))
    for repo in sorted(Path(HF_HUB_CACHE).glob("models--*--*")):
        snapshots = sorted((repo / "snapshots").glob("*/config.json"), key=lambda p: p.stat().st_mtime)
        for config in reversed(snapshots):
            if (family := _family(config.parent)) and any(config.parent.glob("*.safetensors")):
                name = repo.name.removeprefix("models--").replace("--", "/", 1)
                found.append(OnDisk(name, family, config.parent))
                break
    return found


def _family(folder: Path) -> str | None:
    """The `model_type` in a folder's config.json, or None where there is no such thing."""
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        return str(config["model_type"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
