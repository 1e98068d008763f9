"""The two losses: words at the patches, and LLaVA's own on answers."""

from __future__ import annotations

import torch
from torch import nn
from transformers import LlavaForConditionalGeneration

from vlmtui.demo.data import IGNORE, Batch
from vlmtui.demo.targets import LABELS, target_matrix


def image_tokens(model: LlavaForConditionalGeneration, pixels: torch.Tensor) -> torch.Tensor:
    """What LLaVA gives its language model for pictures `[b, 3, 224, 224]` in -1..1: `[b, 196, hidden]`.

    The tower's last hidden state before its post-norm, through the projector: the very path of
    `get_image_features` (a test compares the two).
    """
    tower = model.model.vision_tower
    hidden = tower.encoder(inputs_embeds=tower.embeddings(pixels)).last_hidden_state
    tokens: torch.Tensor = model.model.multi_modal_projector(hidden)
    return tokens


class PatchLoss(nn.Module):
    """Cross-entropy of soft targets with the softmax over all word vectors, by distance and by angle.

    Half the loss reads -d²·s, half cosine·s; both scales are learned and are no part of the model.
    """

    targets: torch.Tensor

    def __init__(self) -> None:
        super().__init__()
        self.scales = nn.Parameter(torch.tensor([1.0, 2.3]))  # logarithms
        self.register_buffer("targets", torch.from_numpy(target_matrix()), persistent=False)

    def forward(
        self, tokens: torch.Tensor, chosen: torch.Tensor, told: torch.Tensor, words: torch.Tensor, hue: float = 1.0
    ) -> torch.Tensor:
        """tokens `[b, 196, hidden]`, chosen `[b, n]`, told `[b, n, SIGNALS]`, words `[vocabulary, hidden]`.

        `hue` multiplies the weight of colour words.
        """
        hidden = tokens.shape[-1]
        picked = tokens.gather(1, chosen[..., None].expand(-1, -1, hidden)).reshape(-1, hidden)
        with torch.autocast(tokens.device.type, enabled=False):
            # rounded to bfloat16 the targets would not sum to 1, and the loss could fall without end by making
            # tokens longer: every logit sinks alike, and what is missing from the sum is paid back
            told = torch.cat([told[..., :LABELS], told[..., LABELS:] * hue], -1).float()
            target = told.reshape(-1, told.shape[-1]) @ self.targets
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
    """Next-piece cross-entropy on answers; `before` `[p]` ids ahead of the image tokens `[b, 196, hidden]`.

    The batch speaks of its first pictures only.
    """
    embed = model.get_input_embeddings()
    after = embed(batch.ids)
    ahead = embed(before).expand(len(after), -1, -1)
    parts = [ahead, after] if tokens is None else [ahead, tokens[: len(after)].to(after.dtype), after]
    hidden = model.model.language_model(inputs_embeds=torch.cat(parts, 1)).last_hidden_state
    start = hidden.shape[1] - after.shape[1] - 1  # the position that predicts the first of `ids`
    predicting = hidden[:, start:-1]
    learned = batch.answers != IGNORE
    logits = model.lm_head(predicting[learned]).float()
    return nn.functional.cross_entropy(logits, batch.answers[learned])
