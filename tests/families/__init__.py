"""Tiny random checkpoints of every family, in the format that their real ones have.

`build("qwen2_vl", folder)` takes about a second; `FAMILIES` tells what to expect of each.
"""

from __future__ import annotations

from pathlib import Path

from tests.families import anyres, google, qwen, resamplers, tiles, towers
from tests.families.base import Family

FAMILIES: dict[str, Family] = {
    family.name: family for module in (anyres, google, tiles, qwen, resamplers, towers) for family in module.FAMILIES
}


def build(name: str, folder: Path) -> Path:
    """Save the tiny checkpoint of a family into `folder`, which is made; returns it."""
    folder.mkdir(parents=True, exist_ok=True)
    FAMILIES[name].builder(folder)
    return folder
