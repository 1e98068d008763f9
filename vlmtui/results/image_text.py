"""Pictures against texts: what a model of two towers found. Pure data, the same above and below the pipe."""

from __future__ import annotations

from typing import Literal

import msgspec

from vlmtui.errors import UsageError
from vlmtui.reading import Floats

NO_TEXT_TOWER = "it has no text tower"
WITHOUT_ITS_OWN = "a vision-language model has its vision tower without the text tower that this was trained with"

ProbabilityKind = Literal["softmax", "sigmoid"]
"""How logits become probabilities, as the model was trained: over a picture's texts, or for every pair alone."""


def refusal(name: str, why: str) -> UsageError:
    """What to say of a model that cannot match pictures with texts."""
    return UsageError(
        f"{name} cannot match pictures with texts: {why}: choose a CLIP or SigLIP model, such as --model "
        "clip-vit-l-336, siglip-so400m or demo-siglip"
    )


class TextsRead(msgspec.Struct, frozen=True, kw_only=True):
    """Texts as a model has read them.

    A logit is `scale` × cosine + `bias`. `lengths` counts each text's word-pieces, special ones included; of those the
    model has read the first `limit`. `patch_stage` is the vision stage at which patches can be compared with texts, and
    `patch_path` says by what approximate way.
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
        """Which texts were too long and lost their end."""
        return tuple(i for i, length in enumerate(self.lengths) if length > self.limit)


class ImageTextMatch(msgspec.Struct, frozen=True, kw_only=True):
    """One picture against some texts: `cosines`, `logits` and `probabilities`, each [texts]."""

    cosines: Floats
    logits: Floats
    probabilities: Floats
    seconds: float = 0.0


class PairLoss(msgspec.Struct, frozen=True, kw_only=True):
    """The loss of pictures with their own texts, in nats, as the model was trained: a mean over `pairs` pictures.

    For `softmax` it is the mean of its two directions; for `sigmoid` there are none.
    """

    kind: ProbabilityKind
    pairs: int
    value: float
    image_to_text: float | None
    text_to_image: float | None
