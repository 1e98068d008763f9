"""Where noise ends, and the percentage of it below a score, against counting."""

from __future__ import annotations

import numpy as np
import pytest

from vlmtui.results.noise_baseline import NoiseBaseline, NoiseScores, noise_floor


@pytest.mark.parametrize("count", [1, 2, 19, 20, 21, 100])
def test_the_floor_is_the_least_number_that_95_percent_do_not_exceed(count: int) -> None:
    scores = np.arange(count, dtype=np.float64)
    expected = next(one for one in scores if 100 * (scores <= one).sum() >= 95 * count)
    assert noise_floor(scores) == expected


def test_a_percentile_counts_what_is_below_and_not_what_is_equal() -> None:
    scores = np.array([1.0, 2.0, 2.0, 3.0])
    noise = NoiseScores(scores=scores, margins=scores, firsts={7: 3, 8: 1}, pieces={7: "a", 8: "b"}, texts={})
    baseline = NoiseBaseline(stage="tokens", metric="cosine", k=2, all_tokens=False, shuffled=noise, random=noise)
    for value, expected in ((0.5, 0.0), (2.0, 25.0), (2.5, 75.0), (9.0, 100.0)):
        found = baseline.standing((7,), value, value)
        assert (found.percentile, found.random, found.margin, found.same) == (expected, expected, expected, 75.0)
