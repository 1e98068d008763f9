"""Llama 4: square tiles, whose patches an adapter within the tower shuffles into tokens; a projector follows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vlmtui.models.families.base import Family, Shape

if TYPE_CHECKING:
    from torch import Tensor, nn


class Llama4(Family):
    """Tiles row by row, the whole image last where there are several; the class token follows the patches."""

    title = "Llama 4"
    part_titles = {"llama4": "Llama 4", "llama4_vision_model": "Llama 4"}
    projector = "pixel shuffle, MLP and linear layer"

    @classmethod
    def complete(cls, model: Any) -> None:
        model.language_model.register_forward_hook(_with_image_outputs)

    def flat(self, features: Any) -> Tensor:
        states = features.last_hidden_state
        tokens: Tensor = self.base.multi_modal_projector(states.reshape(-1, states.shape[-1]))
        return tokens

    def states(self, values: Tensor, shapes: list[Shape]) -> list[tuple[Tensor, Tensor]]:
        return [(row[:-1], row[-1:]) for row in values]


def _with_image_outputs(_: nn.Module, __: Any, output: Any) -> None:
    """Llama 4's own forward pass asks its language model for `image_outputs`, which transformers 5.24 leaves out."""
    if not hasattr(output, "image_outputs"):
        output.image_outputs = None
