"""Retrieval by a two-tower model: the right caption of an image, and the right image of a caption."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional
from transformers import SiglipModel

from demo_training import language
from demo_training.drawings.scenes import Scene
from demo_training.evaluation.patch_accuracy import facts_of, pixels_of
from demo_training.tokenizer import text_ids

AMONG: Final = 100


def captions(scenes: list[Scene]) -> list[str]:
    """Full captions, in lower case as in training."""
    return [language.caption(facts_of(s)).lower() for s in scenes]


@torch.no_grad()
def unit_vectors(model: SiglipModel, scenes: list[Scene], texts: list[str]) -> tuple[torch.Tensor, torch.Tensor]:
    """Unit vectors `[n, width]` of images and of texts, by the model's own methods."""
    device = model.device
    pictures = [model.get_image_features(pixel_values=pixels_of(s).to(device)).pooler_output for s in scenes]
    ids = torch.tensor([text_ids(text) for text in texts], device=device)
    said = model.get_text_features(input_ids=ids).pooler_output
    return functional.normalize(torch.cat(pictures).float(), dim=-1), functional.normalize(said.float(), dim=-1)


def retrieval(model: SiglipModel, scenes: list[Scene]) -> dict[str, Any]:
    """Share of images whose own caption is the best of 100 distinct ones, and of captions likewise.

    Scenes with the caption of an earlier one are left out; of the rest each full hundred, in order, is a trial.
    """
    first: dict[str, Scene] = {}
    for scene, text in zip(scenes, captions(scenes), strict=True):
        first.setdefault(text, scene)
    among = min(AMONG, len(first))
    trials = max(1, len(first) // AMONG)
    texts, pictures = list(first)[: trials * among], list(first.values())[: trials * among]
    seen, said = unit_vectors(model, pictures, texts)
    hits: list[NDArray[np.bool_]] = []
    for start in range(0, trials * among, among):
        cosines = (seen[start : start + among] @ said[start : start + among].T).cpu().numpy()
        own = np.arange(among)
        hits.append(np.stack([cosines.argmax(1) == own, cosines.argmax(0) == own]))
    shares = np.concatenate(hits, 1).mean(1)
    return {
        "among": among, "trials": trials,
        "caption@1": round(float(shares[0]), 4), "picture@1": round(float(shares[1]), 4),
    }  # fmt: skip
