"""`noise-baseline`: the words of noise, with which those of an image are compared."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vlmtui.lenses.base import LensOffer, LensSchedule, lens
from vlmtui.metrics import DEFAULT_METRIC, RIDGE, Metric

if TYPE_CHECKING:
    from vlmtui.lenses import Context, Facts


@lens(cost="idle", offer=LensOffer(wordy=True), turn=LensSchedule(lets_in="any"))
def noise_baseline(
    context: Context,
    metric: Metric = DEFAULT_METRIC,
    all_tokens: bool = False,
    ridge: float = RIDGE,
    projected: bool = False,
) -> Facts:
    """The same word search on noise, for comparison: the image with its pixels shuffled, and random vectors."""
    from .compute import measure_noise

    return measure_noise(context, metric, all_tokens, ridge, projected)
