"""`nearest-tokens`: the words that image tokens are nearest to, by every metric."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vlmtui.lenses.base import LensOffer, LensSchedule, lens
from vlmtui.metrics import DEFAULT_METRIC, RIDGE, Metric

if TYPE_CHECKING:
    from vlmtui.lenses import Context, Words


@lens(
    offer=LensOffer(wordy=True),
    turn=LensSchedule(beside="one", lets_in="any", doing="searching for words"),
)
def nearest_tokens(
    context: Context,
    metric: Metric = DEFAULT_METRIC,
    all_tokens: bool = False,
    ridge: float = RIDGE,
    projected: bool = False,
) -> Words:
    """The nearest words of image tokens; at the language model's layers, those with the largest logits."""
    from .compute import nearest_words

    return nearest_words(context, metric, all_tokens, ridge, projected)
