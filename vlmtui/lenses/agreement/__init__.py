"""`agreement`: whether several metrics name the same words for one token."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vlmtui.lenses.base import LensOffer, LensSchedule, lens

if TYPE_CHECKING:
    from vlmtui.lenses import Context, Facts


@lens(stages="tokens", offer=LensOffer(wordy=True), turn=LensSchedule(beside="one"))
def agreement(context: Context, all_tokens: bool = False) -> Facts:
    """The top-1 word of one token by each of several metrics, and how many words they have in common."""
    from .compute import compare_metrics

    return compare_metrics(context, all_tokens)
