"""`classes`: the top classes of a model's classification head."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vlmtui.lenses.base import LensOffer, lens

if TYPE_CHECKING:
    from vlmtui.lenses import Context, Scores


@lens(subject="image", offer=LensOffer())
def classes(context: Context) -> Scores:
    """The top classes of the whole image, with their probabilities, by a model's classification head."""
    from .compute import class_labels, top_classes

    return top_classes(context) if context.model.reading else class_labels(context)
