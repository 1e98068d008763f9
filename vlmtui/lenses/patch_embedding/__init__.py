"""`patch-embedding`: what enters the tower's first block for one vision patch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vlmtui.lenses.base import LensOffer, lens

if TYPE_CHECKING:
    from vlmtui.lenses import Context, Facts

STAGE = "vision.0"
"""The only stage: patches as they enter the tower, before any block."""


@lens(name="patch-embedding", offer=LensOffer(only=STAGE))
def patch_embedding(context: Context) -> Facts:
    """One patch before the first block: its pixels as the model gets them, its projection, its position embedding."""
    from .compute import patch_facts

    return patch_facts(context)
