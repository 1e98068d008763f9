"""Accuracy of words at patches on scenes that were never trained on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import LlavaForConditionalGeneration

from demo_training.colours import BASE, FINE
from demo_training.drawings.scenes import Scene, make_scene
from demo_training.language import Facts, image_facts
from demo_training.targets import Signals, patch_signals
from demo_training.tokenizer import SPECIALS, word_id
from demo_training.training.losses import image_tokens, pixel_values
from demo_training.training.models import PIXELS
from demo_training.vocabulary import CLASS_OF, CLASSES, NAMES

Metric = Literal["l2", "cosine"]
LEAST_SHARE: Final = 0.6  # share of a patch that one class must fill for the patch to count


@dataclass(frozen=True)
class PatchTruth:
    """Correct class `kind` `[n]`, colours `colour` and `fine` `[n]`, and `where` `[n]` the index of each patch."""

    kind: NDArray[np.intp]
    colour: NDArray[np.intp]
    fine: NDArray[np.intp]
    where: NDArray[np.intp]


def patch_truth(signal: Signals) -> PatchTruth:
    """Find what is correct in one image; patches that no class mostly fills are left out."""
    labels, named = signal.labels[0].numpy(), signal.colours[0].numpy()
    shares = np.zeros((len(labels), len(CLASSES)))
    for label, index in enumerate(CLASS_OF):
        shares[:, index] += labels[:, label]
    where = np.flatnonzero(shares.max(1) >= LEAST_SHARE)
    colours = named[where]
    return PatchTruth(
        shares[where].argmax(1), colours[:, : len(BASE)].argmax(1),
        colours[:, len(BASE) : len(BASE) + len(FINE)].argmax(1), where,
    )  # fmt: skip


def nearest(tokens: torch.Tensor, words: torch.Tensor, metric: Metric, k: int) -> torch.Tensor:
    """Find the ids `[n, k]` of the nearest pieces that are not special, best first; ties go to the lower id."""
    tokens, words = tokens.double(), words.double()
    dots = tokens @ words.T
    norms = words.square().sum(-1)
    scores = 2 * dots - norms if metric == "l2" else dots / norms.sqrt().clamp_min(1e-12)
    scores[:, : len(SPECIALS)] = -torch.inf
    return scores.sort(dim=-1, descending=True, stable=True).indices[:, :k]


def scenes_from(first: int, count: int) -> list[Scene]:
    """Draw the scenes of `count` seeds from the first on."""
    return [make_scene(first + i, PIXELS) for i in range(count)]


def as_batch(scene: Scene) -> tuple[torch.Tensor, torch.Tensor]:
    """Pixels uint8 `[1, side, side, 3]` and labels `[1, side, side]` of a scene."""
    return torch.from_numpy(np.array(scene.image))[None], torch.from_numpy(scene.labels.copy())[None]


def facts_of(scene: Scene) -> Facts:
    """Find the facts of a scene."""
    return image_facts(*as_batch(scene), [scene.glyphs])[0]


def pixels_of(scene: Scene) -> torch.Tensor:
    """Normalise a scene of 224 × 224 pixels as the processor does: `[1, 3, 224, 224]`."""
    return pixel_values(as_batch(scene)[0])


@torch.no_grad()
def patch_accuracy(model: LlavaForConditionalGeneration, scenes: list[Scene], metric: Metric = "l2") -> dict[str, Any]:
    """Shares of patches whose object or colour is the first, or among the first five, words."""
    device = model.device
    words = model.get_input_embeddings().weight
    object_ids = torch.tensor([word_id(n) for n in NAMES])
    base_ids, fine_ids = (torch.tensor([word_id(n) for n in names]) for names in (BASE, FINE))
    kinds, hits = [], []
    for scene in scenes:
        right = patch_truth(patch_signals(*as_batch(scene)))
        tokens = image_tokens(model, pixels_of(scene).to(device, words.dtype))[0]
        found = nearest(tokens[torch.from_numpy(right.where).to(device)], words, metric, 5).cpu()
        objects = found == object_ids[right.kind][:, None]
        colours = (found == base_ids[right.colour][:, None]) | (found == fine_ids[right.fine][:, None])
        hits.append(
            torch.stack(
                [objects[:, 0], objects.any(1), colours[:, 0], colours.any(1), objects[:, 0] | colours[:, 0]], 1
            ).numpy()
        )
        kinds.append(right.kind)
    kind, hit = np.concatenate(kinds), np.concatenate(hits)
    names = ("object@1", "object@5", "colour@1", "colour@5", "object-or-colour@1")
    out: dict[str, Any] = {"scenes": len(scenes), "patches": len(kind)}
    out |= {name: round(float(hit[:, i].mean()), 4) for i, name in enumerate(names)}
    per = {}
    for i, name in enumerate(NAMES):
        if (own := hit[kind == i]).size:
            shares = {n: round(float(own[:, j].mean()), 4) for j, n in enumerate(names[:4])}
            per[name] = {"patches": len(own), **shares}
    out["macro object@1"] = round(float(np.mean([p["object@1"] for p in per.values()])), 4)
    out["macro object@5"] = round(float(np.mean([p["object@5"] for p in per.values()])), 4)
    out["classes"] = per
    return out
