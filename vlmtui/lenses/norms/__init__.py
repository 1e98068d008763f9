"""`norms`: the norms of image tokens after every layer of the language model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vlmtui.lenses.base import LensOffer, LensSchedule, lens

if TYPE_CHECKING:
    from vlmtui.lenses import Context, Matrix


@lens(offer=LensOffer(wordy=True), turn=LensSchedule(runs=True))
def norms(context: Context) -> Matrix:
    """The L2 norm of every token after every layer of the language model."""
    from .compute import norms_after_layers

    return norms_after_layers(context)
