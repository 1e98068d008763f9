"""How an outlier of norms is described."""

from __future__ import annotations

import pytest

from vlmtui.display.norm_statistics import outlier_text


@pytest.mark.parametrize(
    ("norm", "median", "z", "expected"),
    [
        (20.0, 10.0, 8.14, "2.00× the median (high-norm), z +8.1"),
        (19.9, 10.0, 8.14, "1.99× the median, z +8.1"),
        (2.5, 10.0, -4.0, "0.250× the median, z -4.0"),
        (3.0, 0.0, 4.0, "z +4.0"),
        (float("nan"), 10.0, float("inf"), "not finite"),
    ],
)
def test_an_outlier_says_how_far_and_on_which_side(norm: float, median: float, z: float, expected: str) -> None:
    assert outlier_text(norm, median, z) == expected
