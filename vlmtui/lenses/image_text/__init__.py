"""`image-text` and `pair-loss`: zero-shot scores of images and texts, by models with a text tower."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from vlmtui.lenses.base import LensOffer, lens

if TYPE_CHECKING:
    from vlmtui.lenses import Context, Facts, Scores


@lens(name="image-text", subject="image", offer=LensOffer())
def image_text(context: Context, texts: list[str]) -> Scores:
    """The probability of each of several texts for the whole image, by a model with a text tower."""
    from .compute import encode_texts, match_texts

    return match_texts(context, tuple(texts)) if context.model.reading else encode_texts(context, tuple(texts))


@lens(name="pair-loss", subject="image", offer=LensOffer())
def pair_loss(context: Context, logits: list[list[float]], kind: Literal["softmax", "sigmoid"]) -> Facts:
    """The contrastive loss of several images and their own texts, from their logits."""
    from .compute import loss_facts

    return loss_facts(logits, kind)
