"""`find`: where in the image a word is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vlmtui.lenses.base import LensOffer, lens

if TYPE_CHECKING:
    from vlmtui.lenses import Context, Scalars
    from vlmtui.reading import ModelInfo


def only(model: ModelInfo) -> str:
    """The last vision stage for a model with a text tower, whose texts are comparable with patches only there."""
    return f"vision.{model.vision_layers}" if model.wordless and model.text_tower else ""


def suits(model: ModelInfo) -> bool:
    """Whether the model has words or a text tower, or else no classification head to search instead."""
    return not model.wordless or model.text_tower or not model.classifies


@lens(
    offer=LensOffer(
        listed=True,
        page=False,
        word="text",
        missing="needs a word: name it, such as --find sky",
        only=only,
        suits=suits,
        render=f"{__name__}.render",
        noise=True,
    )
)
def find(context: Context, text: str, noise: bool = False) -> Scalars:
    """The cosine of every entry with a word's vectors; in the language model's layers, the word's logit."""
    from .compute import find_text

    return find_text(context, text, noise)
