"""Each model with what it learns by and how it is watched while it learns."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import LlavaForConditionalGeneration, SiglipModel, ViTForImageClassification

from demo_training.drawings.scenes import Scene
from demo_training.evaluation.patch_accuracy import patch_accuracy
from demo_training.evaluation.retrieval import retrieval
from demo_training.evaluation.scene_kinds import kinds_told
from demo_training.training.batches import Batch, prefix_ids
from demo_training.training.losses import (
    PatchLoss,
    image_tokens,
    language_loss,
    pair_loss,
    picture_vectors,
    pixel_values,
)
from demo_training.training.recipes import Stage


class Task(nn.Module):
    """`model` is what ships; other parameters serve the losses alone."""

    model: Any

    def losses(self, stage: Stage, batch: Batch) -> dict[str, Tensor]:
        """By the names of a stage's weights."""
        raise NotImplementedError

    def watch(self, scenes: list[Scene]) -> dict[str, Any]:
        """Figures on held-out scenes, to follow a run by."""
        raise NotImplementedError


class Pairing(Task):
    """Two towers."""

    def __init__(self, model: SiglipModel) -> None:
        super().__init__()
        self.model = model

    def losses(self, stage: Stage, batch: Batch) -> dict[str, Tensor]:
        kept = batch.kept if batch.kept.numel() else None
        pictures = picture_vectors(self.model, pixel_values(batch.pixels), kept)
        texts = self.model.text_model(input_ids=batch.captions).pooler_output
        return {"match": pair_loss(self.model, pictures, texts)}

    def watch(self, scenes: list[Scene]) -> dict[str, Any]:
        return retrieval(self.model, scenes)


class Speaking(Task):
    """LLaVA: words at patches, answers, either or both."""

    def __init__(self, model: LlavaForConditionalGeneration) -> None:
        super().__init__()
        self.model, self.patch = model, PatchLoss()
        self.before: Tensor
        self.register_buffer("before", torch.tensor(prefix_ids()), persistent=False)

    def losses(self, stage: Stage, batch: Batch) -> dict[str, Tensor]:
        out, tokens = {}, None
        if batch.pixels.numel():
            tokens = image_tokens(self.model, pixel_values(batch.pixels))
        if stage.patch:
            assert tokens is not None
            words = self.model.get_input_embeddings().weight
            out["patch"] = self.patch(tokens, batch.chosen, batch.told, words, stage.objects)
        if stage.talk:
            out["talk"] = language_loss(self.model, self.before, tokens, batch)
        return out

    def watch(self, scenes: list[Scene]) -> dict[str, Any]:
        found = patch_accuracy(self.model, scenes)
        found.pop("classes")
        return found


class Naming(Task):
    """A ViT that tells kinds of scene."""

    def __init__(self, model: ViTForImageClassification) -> None:
        super().__init__()
        self.model = model

    def losses(self, stage: Stage, batch: Batch) -> dict[str, Tensor]:
        logits = self.model(pixel_values=pixel_values(batch.pixels)).logits
        return {"kind": functional.cross_entropy(logits.float(), batch.kinds)}

    def watch(self, scenes: list[Scene]) -> dict[str, Any]:
        return {"right": kinds_told(self.model, scenes)["right"]}
