"""Tiny checkpoints by name: every family that the tests can build, and variants of some."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

DEMOS = ("demo", "demo-captioned", "demo-siglip", "demo-vit")


def builders() -> dict[str, Callable[[Path], object]]:
    """Functions that write each checkpoint into an existing folder."""
    import torch
    from transformers.utils import logging

    from tests.families import FAMILIES, towers
    from tests.tiny_checkpoints import build_llava

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    found: dict[str, Callable[[Path], object]] = {name: family.builder for name, family in FAMILIES.items()}
    for name in ("clip", "siglip", "siglip2", "dinov2"):  # the tiny ViT has its head anyway
        found[f"{name}-head"] = lambda folder, name=name: towers.classifying(name, folder)  # type: ignore[misc]
    found["siglip-labels"] = lambda folder: towers.classifying(
        "siglip", folder, problem_type="multi_label_classification"
    )
    found["llava-bfloat16"] = lambda folder: build_llava(folder, "siglip", dtype=torch.bfloat16)
    found["llava-layers"] = lambda folder: build_llava(folder, feature_layer=[1, 3], llm_layers=4)
    found["llava-gemma2"] = lambda folder: build_llava(folder, "siglip", text_class="Gemma2Config")
    return found


def build(home: Path, names: Iterable[str]) -> dict[str, str]:
    """Write those of the named checkpoints that do not exist yet; returns what to pass as --model for each."""
    writers = builders()
    found = {}
    for name in names:
        folder = home / name
        if name not in DEMOS and not (folder / "config.json").exists():
            folder.mkdir(parents=True, exist_ok=True)
            writers[name](folder)
        found[name] = name if name in DEMOS else str(folder)
    return found
