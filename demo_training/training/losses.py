"""Losses: SigLIP's loss on pairs, words at patches, LLaVA's loss on answers, kinds of scene."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional
from transformers import LlavaForConditionalGeneration, SiglipModel

from demo_training.targets import target_matrix
from demo_training.training.batches import IGNORE, Batch


def pixel_values(rgb: torch.Tensor) -> torch.Tensor:
    """Normalise uint8 `[b, 224, 224, 3]` as the processors do: `[b, 3, 224, 224]` in -1..1."""
    return rgb.permute(0, 3, 1, 2).float() / 127.5 - 1


def in_half(hidden: torch.Tensor) -> torch.Tensor:
    """Cast what enters a transformer to the dtype of autocast, which its residual stream then keeps.

    A stream that starts in float32 stays in it, and casting it for every product takes most of a step on a CPU.
    """
    device = hidden.device.type
    return hidden.to(torch.get_autocast_dtype(device)) if torch.is_autocast_enabled(device) else hidden


def image_vectors(model: SiglipModel, pixels: torch.Tensor, kept: torch.Tensor | None = None) -> torch.Tensor:
    """Pooled vectors of images `[b, width]`, from all patches or from `kept` `[b, m]` alone (Li et al. 2023, FLIP)."""
    tower = model.vision_model
    hidden = in_half(tower.embeddings(pixels))
    if kept is not None:
        hidden = hidden.gather(1, kept[..., None].expand(-1, -1, hidden.shape[-1]))
    pooled: torch.Tensor = tower.head(tower.post_layernorm(tower.encoder(inputs_embeds=hidden).last_hidden_state))
    return pooled


def pair_loss(model: SiglipModel, images: torch.Tensor, texts: torch.Tensor) -> torch.Tensor:
    """Pairwise sigmoid loss (Zhai et al. 2023) of vectors `[b, width]`: every pair by itself, right or wrong."""
    with torch.autocast(images.device.type, enabled=False):
        cosines = functional.normalize(images.float(), dim=-1) @ functional.normalize(texts.float(), dim=-1).T
        logits = cosines * model.logit_scale.exp() + model.logit_bias
        right = 2 * torch.eye(len(logits), device=logits.device) - 1
        return -functional.logsigmoid(right * logits).sum() / len(logits)


def image_tokens(model: LlavaForConditionalGeneration, pixels: torch.Tensor) -> torch.Tensor:
    """Image tokens `[b, 196, hidden]` of LLaVA for images `[b, 3, 224, 224]` in -1..1.

    The tower's last hidden state before its post-norm, through the projector, as `get_image_features` computes them (a
    test compares the two).
    """
    tower = model.model.vision_tower
    hidden = tower.encoder(inputs_embeds=in_half(tower.embeddings(pixels))).last_hidden_state
    tokens: torch.Tensor = model.model.multi_modal_projector(hidden)
    return tokens


class PatchLoss(nn.Module):
    """Cross-entropy of soft targets with the softmax over all word vectors, by distance and by angle.

    The logits are -d²·s in one half of the loss and cosine·s in the other; both scales are learned, and are no part of
    the model.
    """

    def __init__(self) -> None:
        super().__init__()
        self.scales = nn.Parameter(torch.tensor([1.0, 2.3]))  # logarithms

    def forward(
        self, tokens: torch.Tensor, chosen: torch.Tensor, signals: torch.Tensor, words: torch.Tensor, objects: float
    ) -> torch.Tensor:
        """tokens `[b, 196, hidden]`, chosen `[b, n]`, signals `[b, n, SIGNALS]`, words `[vocabulary, hidden]`.

        `objects` is the weight of a class's own word against its usual one.
        """
        hidden = tokens.shape[-1]
        picked = tokens.gather(1, chosen[..., None].expand(-1, -1, hidden)).reshape(-1, hidden)
        with torch.autocast(tokens.device.type, enabled=False):
            # Rounded to bfloat16 the targets would not sum to 1, and the loss could fall without bound as tokens grow:
            # all logits fall alike, and the part missing from the sum would reward it.
            targets = torch.from_numpy(target_matrix(objects)).to(signals.device)
            target = signals.float().reshape(-1, signals.shape[-1]) @ targets
            target = target / target.sum(-1, keepdim=True)
        dots = (picked @ words.T).float()
        a, b = picked.float().square().sum(-1, keepdim=True), words.square().sum(-1)
        distance, angle = self.scales.exp()
        near = (2 * dots - a - b) * distance
        alike = dots * (a.rsqrt() * b.rsqrt()) * angle
        # Targets sum to 1, so cross-entropy is logsumexp less the expected logit: fewer passes than log_softmax.
        both = near.logsumexp(-1) + alike.logsumexp(-1) - (target * (near + alike)).sum(-1)
        mean: torch.Tensor = both.mean() / 2
        return mean


def language_loss(
    model: LlavaForConditionalGeneration, before: torch.Tensor, tokens: torch.Tensor | None, batch: Batch
) -> torch.Tensor:
    """Next-token cross-entropy on answers; `before` `[p]` are the ids before the image tokens `[b, 196, hidden]`.

    The conversations are about the first images of the batch.
    """
    embed = model.get_input_embeddings()
    after = embed(batch.ids)
    ahead = embed(before).expand(len(after), -1, -1)
    parts = [ahead, after] if tokens is None else [ahead, tokens[: len(after)].to(after.dtype), after]
    hidden = model.model.language_model(inputs_embeds=in_half(torch.cat(parts, 1))).last_hidden_state
    start = hidden.shape[1] - after.shape[1] - 1  # the position that predicts the first of `ids`
    predicting = hidden[:, start:-1]
    learned = batch.answers != IGNORE
    logits = model.lm_head(predicting[learned]).float()
    return functional.cross_entropy(logits, batch.answers[learned])
