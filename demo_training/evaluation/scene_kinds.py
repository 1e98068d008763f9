"""Accuracy of a classifier of kinds of scene."""

from __future__ import annotations

from typing import Any

import torch
from transformers import ViTForImageClassification

from demo_training.drawings.scenes import KINDS, Scene
from demo_training.evaluation.patch_accuracy import pixels_of


@torch.no_grad()
def kind_accuracy(model: ViTForImageClassification, scenes: list[Scene]) -> dict[str, Any]:
    """Share of scenes whose kind is the top-1 class, over all scenes and by kind."""
    names, right = list(KINDS), dict[str, list[bool]]()
    for scene in scenes:
        logits = model(pixel_values=pixels_of(scene).to(model.device)).logits
        right.setdefault(scene.kind, []).append(names[int(logits.argmax())] == scene.kind)
    correct = [one for each in right.values() for one in each]
    return {
        "scenes": len(scenes),
        "right": round(sum(correct) / len(correct), 4),
        "kinds": {
            kind: {"scenes": len(right[kind]), "right": round(sum(right[kind]) / len(right[kind]), 4)}
            for kind in names
            if kind in right
        },
    }
