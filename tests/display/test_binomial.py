"""Binomial tails, against fractions for few trials and SciPy's for many, in a time that hardly grows."""

from __future__ import annotations

import math
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from vlmtui.display.binomial import binomial_tail


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 30), st.integers(0, 30), st.data())
def test_it_is_exact(count: int, trials: int, data: st.DataObject) -> None:
    rate = data.draw(st.fractions(0, 1, max_denominator=50))
    exact = sum(math.comb(trials, k) * rate**k * (1 - rate) ** (trials - k) for k in range(count, trials + 1))
    assert binomial_tail(count, trials, float(rate)) == pytest.approx(float(exact), rel=1e-9, abs=0)


@pytest.mark.parametrize("trials", [15, 16, 17, 3_000, 100_000, 1_000_000])
def test_it_is_scipy_s_for_many_trials(trials: int) -> None:
    compared = 0
    for rate in (1e-6, 1e-4, 0.01, 0.03, 0.2, 0.5, 0.8, 0.99, 1 - 1e-6):
        mean, deviation = trials * rate, math.sqrt(trials * rate * (1 - rate))
        near = [math.floor(mean + deviation * far) for far in (-6, -2, -0.5, 0, 0.5, 1, 3, 8, 20)]
        for count in {1, 2, trials // 50, math.ceil(0.8 * trials), trials, *near}:
            if 0 < count <= trials and (expected := stats.binom.sf(count - 1, trials, rate)) > 1e-290:
                assert binomial_tail(count, trials, rate) == pytest.approx(expected, rel=1e-9, abs=0)
                compared += 1
    assert compared > 40


def test_many_trials_take_hardly_longer() -> None:
    counts = np.linspace(1, 60_000, 100).astype(int).tolist()
    begun = time.perf_counter()
    for count in counts:
        binomial_tail(count, 1_000_000, 0.03)
    # by summing every term these would be 10⁸ terms, each of a coefficient of millions of digits
    assert time.perf_counter() - begun < 5
