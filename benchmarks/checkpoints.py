"""Tiny checkpoints of every family that the tests can build, and of some ways to have one, by name."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

DEMOS = ("demo", "demo-captioned", "demo-siglip", "demo-vit")


def builders() -> dict[str, Callable[[Path], object]]:
    """What writes each into a folder that is there."""
    import torch
    from transformers.utils import logging

    from tests.families import FAMILIES, towers
    from tests.tiny import build_llava

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    found: dict[str, Callable[[Path], object]] = {name: family.builder for name, family in FAMILIES.items()}
    for name in ("clip", "siglip", "siglip2", "dinov2"):  # a tiny vit has its head
        found[f"{name}-head"] = lambda folder, name=name: towers.classifying(name, folder)  # type: ignore[misc]
    found["siglip-labels"] = lambda folder: towers.classifying(
        "siglip", folder, problem_type="multi_label_classification"
    )
    found["llava-bfloat16"] = lambda folder: build_llava(folder, "siglip", dtype=torch.bfloat16)
    found["llava-layers"] = lambda folder: build_llava(folder, feature_layer=[1, 3], llm_layers=4)
    found["llava-gemma2"] = lambda folder: build_llava(folder, "siglip", text_class="Gemma2Config")
    return found


def build(home: Path, names: Iterable[str]) -> dict[str, str]:
    """Write those of these models that are not there yet; what to pass as --model for each."""
    made = builders()
    found = {}
    for name in names:
        folder = home / name
        if name not in DEMOS and not (folder / "config.json").exists():
            folder.mkdir(parents=True, exist_ok=True)
            made[name](folder)
        found[name] = name if name in DEMOS else str(folder)
    return found
