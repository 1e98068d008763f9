"""`norms`: how long image tokens are after every layer of the language model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vlmtui.lenses.base import Offer, Turn, lens

if TYPE_CHECKING:
    from vlmtui.lenses import Context, Matrix


@lens(offer=Offer(wordy=True), turn=Turn(runs=True))
def norms(context: Context) -> Matrix:
    """The L2 norm of every token after every layer of the language model."""
    from .compute import after_layers

    return after_layers(context)
