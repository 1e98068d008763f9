"""`position`: how strong the learned position embedding is at every patch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vlmtui.lenses.base import LensOffer, lens

if TYPE_CHECKING:
    from vlmtui.lenses import Context, Scalars
    from vlmtui.reading import ModelInfo

STAGE = "vision.0"
"""The stage at which position embeddings are added; a tower with rotary positions has none."""


def refuses(stage: str, model: ModelInfo) -> str:
    """The reason why the lens does not apply to a stage, or ""."""
    if stage == STAGE:
        return ""
    return f"applies to patches as they enter the tower, not to {stage}: name it with --stage {STAGE}"


@lens(offer=LensOffer(listed=True, page=False, refuses=refuses, only=STAGE, render=f"{__name__}.render"))
def position(context: Context) -> Scalars:
    """The L2 norm of the learned position embedding at every patch, interpolated where the model does so."""
    from .compute import position_norms

    return position_norms(context)
