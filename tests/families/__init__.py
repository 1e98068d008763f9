"""Tiny random checkpoints of every family, in the format that their real ones have.

`build("qwen2_vl", folder)` takes about a second; `FAMILIES` tells what to expect of each: all of `EVERY`
but those of `LACKING`, which says what package they need that is not installed. `DISTINCT` are those that are
put together in a way of their own, for tests that take long; all of them with `VLMTUI_FAMILIES=all`.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from tests.families import (
    anyres,
    google,
    grids,
    merging,
    qwen,
    resamplers,
    squares,
    tiles,
    torchvision_only,
    towers,
    unusual,
    various,
)
from tests.families.base import Family

_MODULES = (
    anyres,
    google,
    tiles,
    torchvision_only,
    qwen,
    merging,
    grids,
    squares,
    resamplers,
    unusual,
    various,
    towers,
)
EVERY: dict[str, Family] = {family.name: family for module in _MODULES for family in module.FAMILIES}

LACKING: dict[str, str] = {
    name: f"its image processor or its tower needs {', '.join(lacking)}"
    for name, family in EVERY.items()
    if (lacking := [package for package in family.needs if importlib.util.find_spec(package) is None])
}

FAMILIES: dict[str, Family] = {name: family for name, family in EVERY.items() if name not in LACKING}

DISTINCT = {
    name: family for name, family in FAMILIES.items() if not family.like or os.environ.get("VLMTUI_FAMILIES") == "all"
}

# what an attention's results go through on their way back to the residual stream, as the towers call it
_PUTS_OUT = re.compile(
    r"((self_attn|attention)\.out_proj|self_attn\.projection|attn\.proj|o_proj(\.linear)?|projection_layer|attention\.output\.dense|conv\.out_proj|vision_encoder\S*attention\.wo|image_vit\S*attention\.wo|high_res_vision_proj)\.(weight|bias)$"
)
_OTHERS = re.compile(r"language_model|text_model|qformer|perceiver|connector|^model\.layers")


def build(name: str, folder: Path) -> Path:
    """Save the tiny checkpoint of a family into `folder`, which is made; returns it."""
    folder.mkdir(parents=True, exist_ok=True)
    FAMILIES[name].builder(folder)
    return folder


def isolate(folder: Path, target: Path) -> Path:
    """Copy a checkpoint to `target` with its tower's attention put out: every patch is then on its own; returns it."""
    shutil.copytree(folder, target)
    weights = load_file(target / "model.safetensors")
    put_out = [key for key in weights if _PUTS_OUT.search(key) and not _OTHERS.search(key)]
    # Fuyu has no tower
    assert put_out or any("vision_embed_tokens" in key for key in weights), f"no attention was found in {folder}"
    save_file(
        weights | {key: torch.zeros_like(weights[key]) for key in put_out},
        target / "model.safetensors",
        metadata={"format": "pt"},
    )
    return target
