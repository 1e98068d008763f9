"""Figures as they are written, and the verdict on norms."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vlmtui.display import norm_statistics, numbers


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (0.0, "0"),
        (1.0412, "1.041"),
        (-313.24, "-313.2"),
        (12345.6, "12346"),
        (1e9, "1.000e+09"),
        (0.0000123, "1.230e-05"),
        (float("nan"), "–"),
        (float("-inf"), "–"),
        (None, "–"),
    ],
)
def test_figures(value: float | None, written: str) -> None:
    assert numbers.format_number(value) == written


@given(st.floats(-1e300, 1e300))
def test_a_figure_reads_back_to_four_digits(value: float) -> None:
    assert float(numbers.format_number(value)) == pytest.approx(value, rel=5.1e-4, abs=1e-300)


def test_units() -> None:
    assert [numbers.format_bytes(n) for n in (5, 9_500_000, 999_960, 1_100_000_000, 139 * 10**9)] == [
        "5 B",
        "9.5 MB",
        "1.0 MB",
        "1.1 GB",
        "139 GB",
    ]
    assert [numbers.format_duration(s) for s in (0.0008, 0.042, 1.3, 125.0, float("nan"))] == [
        "0.8 ms",
        "42 ms",
        "1.3 s",
        "2 min 5 s",
        "–",
    ]
    assert [numbers.percent(p) for p in (0, 0.01, 27.3, 99.2, 99.99, 100)] == [
        "0%",
        "<0.1%",
        "27%",
        "99.2%",
        ">99.9%",
        "100%",
    ]
    assert numbers.box((229.33, 61.0, 260.0, 91.5)) == "(229.3, 61) – (260, 91.5)"
    assert numbers.box(None) == "–"
    assert numbers.count(1, "token") == "1 token"
    assert numbers.count(32000, "row") == "32,000 rows"


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (94.9, "94%"),
        (94.99999, "95%"),  # 95 in float32
        (95.0, "95%"),
        (99.0, "99%"),
        (99.96, "99.9%"),
        (0.96, "0.9%"),
        (0.07, "<0.1%"),
    ],
)
def test_what_is_beaten_is_never_rounded_up(value: float, written: str) -> None:
    assert numbers.part_of(value, "noise") == f"{written} of noise"
    assert (numbers.part_of(0, "noise"), numbers.part_of(100, "noise")) == ("no noise", "all noise")


@given(st.integers(1, 2000).flatmap(lambda of: st.tuples(st.integers(1, of), st.just(of))))
def test_no_more_is_said_to_be_beaten_than_is(counted: tuple[int, int]) -> None:
    below, of = counted
    share, _, _ = numbers.part_of(100.0 * below / of, "noise").partition("%")
    said = Decimal({"all noise": "100", "<0.1": "0"}.get(share, share))
    assert 0 <= Decimal(100 * below) / of - said < 1


def test_the_verdict_is_the_published_rule() -> None:
    values = np.array([2.1, 2.6, 2.4, 2.5, 2.3, 2.1, 2.3, 2.6, 8.2, 8.3])  # Iglewicz and Hoaglin's own example
    middle = np.median(values)
    spread = np.median(np.abs(values - middle))
    expected = 0.6745 * (values - middle) / spread
    np.testing.assert_allclose(norm_statistics.robust_z(values), expected)
    assert norm_statistics.is_outlier(values).tolist() == [False] * 8 + [True, True]
    assert str(norm_statistics.THRESHOLD) in norm_statistics.RULE


def test_equal_norms_have_no_outliers() -> None:
    assert not norm_statistics.is_outlier(np.full(50, 313.0)).any()
    assert not norm_statistics.is_outlier(np.nextafter(np.full(50, 313.0, np.float32), np.float32([400, 0] * 25))).any()
    assert not norm_statistics.is_outlier(np.zeros(4)).any()
    assert not norm_statistics.is_outlier([1.0]).any()
    assert norm_statistics.is_outlier(np.array([])).shape == (0,)


def test_where_most_are_equal_the_other_stands_out() -> None:
    assert norm_statistics.is_outlier([1.0] * 30 + [9.0]).tolist() == [False] * 30 + [True]


def test_what_is_not_finite_is_an_outlier_and_spoils_nothing() -> None:
    verdict = norm_statistics.is_outlier([1.0, 1.1, 0.9, np.nan, np.inf, 1.05])
    assert verdict.tolist() == [False, False, False, True, True, False]
    summary = norm_statistics.norm_summary([1.0, 2.0, 3.0, np.nan])
    assert summary.median == 2.0
    assert summary.largest == 3.0
    assert np.isnan(norm_statistics.norm_summary([]).median)


@given(st.lists(st.floats(width=32), max_size=40))
def test_any_norms_have_a_verdict(values: list[float]) -> None:
    assert norm_statistics.is_outlier(values).shape == (len(values),)
    assert len(norm_statistics.norm_summaries([values])) == 1
