"""Norms of image tokens after each layer of the language model."""

from __future__ import annotations

from vlmtui.lenses import Context, Matrix
from vlmtui.lenses.kinds import pack_details


def norms_after_layers(context: Context) -> Matrix:
    """Norms of the residual stream after each layer, for the requested tokens. Details: `positions`, the length of the
    prompt, image tokens included."""
    which = list(context.model.tokens_asked())
    layers = context.model.layers()
    return Matrix(layers.norms[:, which], axes=("layer", "entry"), own=pack_details({"positions": layers.positions}))
