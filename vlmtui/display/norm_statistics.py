"""Norm statistics of a stage: median, percentile band, robust z-scores and outliers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vlmtui.display.numbers import format_number

THRESHOLD = 3.5
HIGH_NORM = 2.0
"""From so many times the median on, a norm is called high."""
# the median absolute deviation of a normal distribution is 0.6745 of its standard deviation
_NORMAL = 0.6745

ABOVE, BELOW = "▲", "▼"
"""The marks of an outlier, by the side of the median that it is on."""

RULE = (
    f"outlier: |z| > {THRESHOLD}, with z = {_NORMAL} (norm - median) / MAD over all entries of the stage "
    "(MAD: median absolute deviation)"
)


@dataclass(frozen=True)
class NormSummary:
    """The norms of one stage: median, the band from the 5th to the 95th percentile, and the largest."""

    median: float
    low: float
    high: float
    largest: float


def norm_summary(values: ArrayLike) -> NormSummary:
    """Summarise the norms of one stage; all NaN where none is finite."""
    array = np.asarray(values, dtype=np.float64)
    array = array[np.isfinite(array)]
    if array.size == 0:
        return NormSummary(np.nan, np.nan, np.nan, np.nan)
    low, median, high = (float(x) for x in np.percentile(array, [5, 50, 95]))
    return NormSummary(median, low, high, float(array.max()))


def norm_summaries(stages: ArrayLike) -> list[NormSummary]:
    """Summarise norms [stages, patches], one summary per stage."""
    return [norm_summary(row) for row in np.asarray(stages, dtype=np.float64)]


def robust_z(values: ArrayLike) -> NDArray[np.float64]:
    """The modified z-score of Iglewicz and Hoaglin (1993): 0.6745 (x − median) / MAD, float64 [values].

    Median and MAD are robust against the outliers they are to find. Where more than half of the values are equal and
    the MAD is 0, 1.2533 times the mean absolute deviation is used instead (their rule); where that is 0 too, z is 0. A
    value that is not finite has an infinite z.
    """
    array = np.asarray(values, dtype=np.float64)
    finite = np.isfinite(array)
    if not finite.any():
        return np.where(finite, 0.0, np.inf)
    middle = float(np.median(array[finite]))
    away = np.abs(array[finite] - middle)
    # rounding of float32 norms must not make outliers of equal values
    least = 1e-6 * max(abs(middle), float(np.finfo(np.float32).tiny))
    spread = float(np.median(away)) / _NORMAL
    if spread <= least:
        spread = 1.253314 * float(away.mean())
    if spread <= least:
        return np.where(finite, 0.0, np.inf)
    return np.where(finite, (np.where(finite, array, middle) - middle) / spread, np.inf)


def outlier_mark(beyond: float) -> str:
    """The mark of an outlier that is so far from the median, or has such a z-score; ▲ where that is not finite."""
    return BELOW if beyond < 0 else ABOVE


def outlier_text(norm: float, median: float, z: float) -> str:
    """How far an outlier is from the median, and on which side: `2.31× the median (high-norm), z +8.1`."""
    if not np.isfinite(norm):
        return "not finite"
    parts = [f"z {z:+.1f}"] if np.isfinite(z) else []
    if median > 0:
        ratio = norm / median
        parts.insert(0, f"{format_number(ratio, 3)}× the median{' (high-norm)' if ratio >= HIGH_NORM else ''}")
    return ", ".join(parts)


def is_outlier(values: ArrayLike) -> NDArray[np.bool_]:
    """Which of a stage's norms are outliers (`RULE`), bool [values]; values that are not finite are."""
    return np.asarray(np.abs(robust_z(values)) > THRESHOLD)


def not_finite_note(norms: NDArray[np.floating[Any]], stage: str) -> str:
    """One line about vectors of a stage that are not finite, by their norms [entries]; "" where all are."""
    count = int(np.count_nonzero(~np.isfinite(norms)))
    if not count:
        return ""
    verb = "vector is" if count == 1 else "vectors are"
    return (
        f"{count:,} of {norms.size:,} {verb} not finite at {stage}, and have no words: float16 may overflow, so try "
        "--dtype float32; else the checkpoint's weights are broken"
    )
