"""Metrics of the word search, and the orders of words. Plain names, no NumPy."""

from __future__ import annotations

import math
from typing import Final, Literal

from vlmtui.errors import UsageError, check_text

Metric = Literal["l2", "cosine", "cosine-centred", "dot", "omp", "omp-positive", "ridge", "pinv"]
METRICS: tuple[Metric, ...] = ("cosine", "cosine-centred", "l2", "dot", "omp", "omp-positive", "ridge", "pinv")
DEFAULT_METRIC: Final = "cosine"
"""The metric that the length of a vector does not change: image tokens are seldom of the words' length."""
PURSUITS: tuple[Metric, ...] = ("omp", "omp-positive")
"""Matching pursuits: words come in the order picked, each with the share of the norm explained so far."""
RIDGE = 0.1
"""The λ of `ridge`, relative to the mean eigenvalue of the word vectors' Gram matrix."""

# the order of words: by a metric, or at the language model's layers by their logits
WordOrder = Metric | Literal["logit"]


def check_metric(metric: str) -> Metric:
    """The metric of this name; `UsageError` where there is none."""
    check_text("metric", metric)
    found = next((one for one in METRICS if one == metric), None)
    if found is None:
        raise UsageError(f"there is no metric {metric!r}: choose one of {', '.join(METRICS)}")
    return found


def check_ridge(ridge: float) -> None:
    """Raise `UsageError` for an invalid λ."""
    if not 0 < ridge < math.inf:
        raise UsageError(f"{ridge:g} is not a valid λ for ridge: choose a number above 0")
