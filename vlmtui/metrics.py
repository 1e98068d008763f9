"""What words are looked for by: the metrics, and what else they may be ordered by. Plain names, no NumPy."""

from __future__ import annotations

import math
from typing import Literal

from vlmtui.errors import UsageError

Metric = Literal["l2", "cosine", "cosine-centred", "dot", "omp", "omp-positive", "ridge", "pinv"]
METRICS: tuple[Metric, ...] = ("l2", "cosine", "cosine-centred", "dot", "omp", "omp-positive", "ridge", "pinv")
PURSUITS: tuple[Metric, ...] = ("omp", "omp-positive")
"""Those that pick words one after the other: in the order picked, each with the share of the norm explained by then."""
RIDGE = 0.1
"""The λ of `ridge`, relative to the mean eigenvalue of the word vectors' Gram matrix."""

# what words are ordered by: at the stages of the language model's layers by their logits
WordOrder = Metric | Literal["logit"]


def check_ridge(ridge: float) -> None:
    """`UsageError` for what is no λ."""
    if not 0 < ridge < math.inf:
        raise UsageError(f"{ridge:g} is no λ for ridge: choose a number above 0")
