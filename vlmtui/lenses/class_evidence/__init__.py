"""`evidence`: which patches speak for a class of the model's classification head."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vlmtui.lenses.base import LensOffer, lens

if TYPE_CHECKING:
    from vlmtui.lenses import Context, Scalars
    from vlmtui.reading import ModelInfo


def only(model: ModelInfo) -> str:
    """The last vision stage: the head reads the tower's final output."""
    return f"vision.{model.vision_layers}"


def suits(model: ModelInfo) -> bool:
    """Whether the model has a classification head, and neither words nor a text tower."""
    return bool(model.wordless) and model.classifies and not model.text_tower


@lens(
    offer=LensOffer(
        listed=True,
        page=False,
        word="label",
        missing="needs a class of the model's head: name it, such as --find tabby",
        only=only,
        suits=suits,
        unsuited="needs a model with a classification head, such as --model vit-base or demo-vit",
        render=f"{__name__}.render",
        noise=True,
    )
)
def evidence(context: Context, label: str, noise: bool = False) -> Scalars:
    """The contribution of every patch to a class of the model's classification head, by its label or number."""
    from .compute import class_evidence

    return class_evidence(context, label, noise)
