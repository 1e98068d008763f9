"""Statistics of ranks and signs, which do not depend on the scale of the numbers."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray


def auc(scores: ArrayLike, right: ArrayLike) -> float:
    """Area under the ROC curve: how often a right entry has a larger score than another; 0.5 is chance.

    `scores` `[n]` and `right` bool `[n]`. By the rank sum of Mann and Whitney (1947); equal scores count half (Hanley &
    McNeil 1982). NaN where all entries are right, or none is.
    """
    numbers, mask = np.asarray(scores, np.float64), np.asarray(right, bool)
    assert numbers.shape == mask.shape == (len(mask),)
    hits, others = int(mask.sum()), int((~mask).sum())
    if not hits or not others:
        return math.nan
    ranks = _ranks(numbers)
    return float((ranks[mask].sum() - hits * (hits + 1) / 2) / (hits * others))


def _ranks(numbers: NDArray[np.float64]) -> NDArray[np.float64]:
    """Ranks from 1; equal numbers share the mean of their ranks."""
    _, at, counts = np.unique(numbers, return_inverse=True, return_counts=True)
    means: NDArray[np.float64] = np.cumsum(counts) - (counts - 1) / 2
    ranks: NDArray[np.float64] = means[at]
    return ranks


def sign_test(differences: ArrayLike) -> float:
    """Two-sided, exact p-value of the sign test; zeros are left out."""
    numbers = np.asarray(differences, np.float64)
    above, below = int((numbers > 0).sum()), int((numbers < 0).sum())
    n, most = above + below, max(above, below)
    # integers are divided: 2 ** n soon exceeds the largest float
    return float(min(1.0, 2 * sum(math.comb(n, k) for k in range(most, n + 1)) / 2**n))
