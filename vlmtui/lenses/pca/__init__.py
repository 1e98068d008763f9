"""`pca`: a stage's principal components as colours."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vlmtui.lenses.base import LensOffer, lens

if TYPE_CHECKING:
    from vlmtui.lenses import Colours, Context


@lens(offer=LensOffer(listed=True, page=False, render=f"{__name__}.render"))
def pca(context: Context) -> Colours:
    """The first three principal components of the stage's entries, as red, green and blue."""
    from .compute import pca_colours

    return pca_colours(context)
