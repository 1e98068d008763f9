"""Training tasks: each model with its losses and its validation."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import LlavaForConditionalGeneration, SiglipModel, ViTForImageClassification

from demo_training.drawings.scenes import Scene
from demo_training.evaluation.patch_accuracy import patch_accuracy
from demo_training.evaluation.retrieval import retrieval
from demo_training.evaluation.scene_kinds import kind_accuracy
from demo_training.training.batches import Batch, prefix_ids
from demo_training.training.losses import (
    PatchLoss,
    image_tokens,
    image_vectors,
    language_loss,
    pair_loss,
    pixel_values,
)
from demo_training.training.recipes import Stage


class Task(nn.Module, ABC):
    """A model with its losses; `model` is what ships, other parameters serve the losses alone."""

    model: Any

    @abstractmethod
    def losses(self, stage: Stage, batch: Batch) -> dict[str, Tensor]:
        """Compute the losses, by the names of their weights in a stage."""

    @abstractmethod
    def validate(self, scenes: list[Scene]) -> dict[str, Any]:
        """Compute figures on held-out scenes, to follow a run."""


class SiglipTask(Task):
    """Two towers, trained on pairs of images and captions."""

    def __init__(self, model: SiglipModel) -> None:
        super().__init__()
        self.model = model

    def losses(self, stage: Stage, batch: Batch) -> dict[str, Tensor]:
        kept = batch.kept if batch.kept.numel() else None
        images = image_vectors(self.model, pixel_values(batch.pixels), kept)
        texts = self.model.text_model(input_ids=batch.captions).pooler_output
        return {"match": pair_loss(self.model, images, texts)}

    def validate(self, scenes: list[Scene]) -> dict[str, Any]:
        return retrieval(self.model, scenes)


class LlavaTask(Task):
    """LLaVA, trained on words at patches, on answers, or on both."""

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
            out["patch"] = self.patch(tokens, batch.chosen, batch.signals, words, stage.objects)
        if stage.talk:
            out["talk"] = language_loss(self.model, self.before, tokens, batch)
        return out

    def validate(self, scenes: list[Scene]) -> dict[str, Any]:
        found = patch_accuracy(self.model, scenes)
        found.pop("classes")
        return found


class VitTask(Task):
    """A ViT, trained on kinds of scene."""

    def __init__(self, model: ViTForImageClassification) -> None:
        super().__init__()
        self.model = model

    def losses(self, stage: Stage, batch: Batch) -> dict[str, Tensor]:
        logits = self.model(pixel_values=pixel_values(batch.pixels)).logits
        return {"kind": functional.cross_entropy(logits.float(), batch.kinds)}

    def validate(self, scenes: list[Scene]) -> dict[str, Any]:
        return {"right": kind_accuracy(self.model, scenes)["right"]}
