"""Tails of the binomial distribution, exact up to rounding, in time that grows as the square root of the trials.

The first term is Loader's: the logarithms of its factorials are never formed, since their difference would lose the
digits that they have in common. The terms that follow are made by ratios, until none changes the sum.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

_HALF_LOG_2PI = 0.5 * math.log(2 * math.pi)
_EXACT_BELOW = 16


def binomial_tail(count: int, trials: int, rate: float) -> float:
    """The probability that a binomial variable is at least `count`."""
    if count <= 0:
        return 1.0
    if count > trials or rate <= 0:
        return 0.0
    if rate >= 1:
        return 1.0
    if count > trials * rate:
        return min(1.0, _sum_above_mean(count, trials, rate, 1 - rate))
    # below the mean the other tail is the short one
    return max(0.0, 1.0 - _sum_above_mean(trials - count + 1, trials, 1 - rate, rate))


def _sum_above_mean(count: int, trials: int, yes: float, no: float) -> float:
    """The probability of at least `count`, which lies above the mean, at a rate of `yes` for and `no` against."""
    # by Bernstein's inequality what lies farther away is below the last digit
    terms = min(trials - count, 32 + math.ceil(10 * math.sqrt(trials * yes * no)))
    k: NDArray[np.float64] = np.arange(count, count + terms, dtype=np.float64)
    ratios = (trials - k) / (k + 1) * (yes / no)
    return _term(count, trials, yes, no) * (1.0 + math.fsum(np.cumprod(ratios)))


def _term(k: int, n: int, p: float, q: float) -> float:
    """The probability of exactly `k`, at least 1, where `q` is 1 - `p` (C. Loader, 2000)."""
    if k == n:
        return math.exp(n * (math.log(p) if p < 0.5 else math.log1p(-q)))
    exponent = _stirling_error(n) - _stirling_error(k) - _stirling_error(n - k)
    exponent -= _deviance(k, n * p) + _deviance(n - k, n * q)
    return math.exp(exponent) * math.sqrt(n / (2 * math.pi * k * (n - k)))


def _stirling_error(n: int) -> float:
    """log n! less Stirling's approximation of it."""
    if n < _EXACT_BELOW:
        return math.lgamma(n + 1) - (n + 0.5) * math.log(n) + n - _HALF_LOG_2PI
    square = float(n) * n
    return (1 / 12 - (1 / 360 - (1 / 1260 - (1 / 1680 - 1 / 1188 / square) / square) / square) / square) / n


def _deviance(x: float, mean: float) -> float:
    """x log(x / mean) + mean - x, also where x is near the mean and the terms nearly cancel."""
    if abs(x - mean) >= 0.1 * (x + mean):
        return x * math.log(x / mean) + mean - x
    v = (x - mean) / (x + mean)
    total, term, odd = (x - mean) * v, 2 * x * v, 1
    while True:
        term *= v * v
        odd += 2
        following = total + term / odd
        if following == total:
            return total
        total = following
