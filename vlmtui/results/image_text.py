"""Image-text scores of models with a text tower. Pure data, the same in the session and its clients."""

from __future__ import annotations

from typing import Literal

import msgspec
import numpy as np

from vlmtui.errors import UsageError
from vlmtui.reading import Floats

NO_TEXT_TOWER = "it has no text tower"
WITHOUT_ITS_OWN = "the vision tower of a vision-language model lacks the text tower it was trained with"

ProbabilityKind = Literal["softmax", "sigmoid"]
"""How logits become probabilities, as the model was trained: over the texts of an image, or for each pair alone."""


def refusal(name: str, why: str) -> UsageError:
    """The error for a model that cannot match images with texts."""
    return UsageError(
        f"{name} cannot match images with texts: {why}: choose a CLIP or SigLIP model, such as --model "
        "clip-vit-l-336, siglip-so400m or demo-siglip"
    )


class TextsRead(msgspec.Struct, frozen=True, kw_only=True):
    """Texts as encoded by a model's text tower.

    A logit is `scale` × cosine + `bias`. `lengths` counts the word-pieces of each text, special ones included, of which
    the model reads the first `limit`. `patch_stage` is the vision stage at which patches are comparable with texts, and
    `patch_path` describes the approximation used.
    """

    texts: tuple[str, ...]
    lengths: tuple[int, ...]
    limit: int
    kind: ProbabilityKind
    scale: float
    bias: float
    patch_stage: str
    patch_path: str

    @property
    def cut(self) -> tuple[int, ...]:
        """The indices of texts that were too long and were cut."""
        return tuple(i for i, length in enumerate(self.lengths) if length > self.limit)


class ImageTextMatch(msgspec.Struct, frozen=True, kw_only=True):
    """One image against some texts: `cosines`, `logits` and `probabilities`, each [texts]."""

    cosines: Floats
    logits: Floats
    probabilities: Floats
    seconds: float = 0.0

    @property
    def softmax(self) -> Floats:
        """The softmax of the logits over these texts, float32 [texts]: which of them suits best, if one does."""
        raised = np.exp(self.logits.astype(np.float64) - self.logits.max(initial=-np.inf))
        shares: Floats = (raised / raised.sum()).astype(np.float32)
        return shares


class PairLoss(msgspec.Struct, frozen=True, kw_only=True):
    """The loss of images with their own texts, in nats, as the model was trained: a mean over `pairs` images.

    For `softmax` it is the mean of two directions, which `sigmoid` does not have.
    """

    kind: ProbabilityKind
    pairs: int
    value: float
    image_to_text: float | None
    text_to_image: float | None
