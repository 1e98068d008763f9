"""The scale of a map: where it begins, what is grey, and what the legend says."""

from __future__ import annotations

import numpy as np
import pytest

from vlmtui.display.colours import VIRIDIS, robust_range
from vlmtui.display.value_scale import GREY, ValueScale


def test_without_noise_it_is_that_of_the_numbers() -> None:
    values = np.linspace(-1, 3, 50)
    scale = ValueScale.of(values)
    assert (scale.low, scale.high) == robust_range(values)
    assert scale.note(values) == ""
    assert (scale.colours([-1.0, 3.0]) == VIRIDIS[[0, 255]]).all()


def test_it_begins_where_noise_ends_and_noise_is_grey() -> None:
    values = np.arange(101.0)
    scale = ValueScale.of(values, 60.0)
    assert (scale.low, scale.high) == (60.0, 98.0)
    assert scale.note(values) == "grey: noise"
    coloured = scale.colours(values)
    assert (coloured[:61] == GREY).all()
    assert (np.ptp(coloured[61:].astype(int), axis=1) > 0).all()
    assert (coloured[98:] == VIRIDIS[255]).all()
    # one number above noise that the 98th percentile leaves out has the whole scale
    assert ValueScale.of(np.r_[np.zeros(99), 7.0], 5.0).high == 7.0


def test_a_number_hardly_above_noise_is_not_bright() -> None:
    values = np.r_[np.linspace(-0.1, 0.1, 575), 0.101]
    scale = ValueScale.of(values, 0.1)
    assert scale.high - scale.low == pytest.approx(0.25 * np.ptp(robust_range(values)))
    # on the darkest tenth of the scale
    assert tuple(scale.colours([0.101])[0]) in {tuple(colour) for colour in VIRIDIS[:26]}


def test_grey_is_told_of_only_where_something_is_grey() -> None:
    values = np.r_[np.arange(5.0, 9.0), np.nan]
    assert ValueScale.of(values, 4.0).note(values) == ""
    assert ValueScale.of(values, 5.0).note(values) == "grey: noise"


def test_noise_alone_is_not_stretched() -> None:
    values = np.r_[np.linspace(0, 1, 20), np.nan]
    scale = ValueScale.of(values, 1.0)
    assert scale.note(values) == "nothing above noise"
    assert scale.low == scale.high
    assert (scale.colours(values)[:20] == GREY).all()


def test_several_maps_share_a_scale_and_have_their_own_noise() -> None:
    first, second = np.linspace(0, 10, 51), np.linspace(0, 2, 51)
    scales = ValueScale.shared([(first, 4.0), (second, 3.0)])
    assert [(one.low, one.high) for one in scales] == [(3.0, robust_range(np.r_[first, second])[1])] * 2
    assert [one.note(of) for one, of in zip(scales, (first, second), strict=True)] == [
        "grey: noise",
        "nothing above noise",
    ]
    # where the noise of one is unknown, the scale is that of all numbers
    unknown = ValueScale.shared([(first, 4.0), (second, None)])
    assert {(one.low, one.high) for one in unknown} == {robust_range(np.r_[first, second])}
    assert ValueScale.shared([]) == []
