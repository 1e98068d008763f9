"""`mask`: the attention mask of the language model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vlmtui.lenses.base import lens

if TYPE_CHECKING:
    from vlmtui.lenses import Context, Matrix


@lens(subject="answer")
def mask(context: Context, layer: int = 1) -> Matrix:
    """The positions that each position of prompt and answer, if there is one, may attend to in a layer (from 1)."""
    from .compute import mask_matrix

    return mask_matrix(context, layer)
