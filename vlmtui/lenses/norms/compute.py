"""Norms after the language model's layers."""

from __future__ import annotations

from vlmtui.lenses import Context, Matrix
from vlmtui.lenses.kinds import pack_details


def norms_after_layers(context: Context) -> Matrix:
    """Those of the residual stream as it leaves each layer, of the tokens asked for; with `positions`, how long the
    prompt is, image tokens included."""
    which = list(context.model.tokens_asked())
    layers = context.model.layers()
    return Matrix(layers.norms[:, which], axes=("layer", "entry"), own=pack_details({"positions": layers.positions}))
