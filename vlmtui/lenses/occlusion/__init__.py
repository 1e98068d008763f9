"""`occlusion`: which image tokens an answer depends on, each block of them replaced in turn."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vlmtui.lenses.base import LensSchedule, lens
from vlmtui.results.replacement import Replacement

if TYPE_CHECKING:
    from vlmtui.lenses import Context, TokenMaps


@lens(subject="answer", cost="slow", turn=LensSchedule(lets_in="any"))
def occlusion(context: Context, block: int = 1, by: Replacement = "mean") -> TokenMaps:
    """The fall in log-probability of each answer token without each block of image tokens."""
    from .compute import occlusion_drops

    return occlusion_drops(context, block, by)
