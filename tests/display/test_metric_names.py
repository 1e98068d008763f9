"""Names of metrics, and the warning about the lengths of image tokens and words."""

from __future__ import annotations

import pytest

from vlmtui.display.metric_names import length_warning
from vlmtui.metrics import WordOrder


@pytest.mark.parametrize(
    ("order", "ratio", "warned"),
    [
        *((order, ratio, True) for order in ("l2", "dot") for ratio in (0.49, 2.01, 14.0)),
        *((order, ratio, False) for order in ("l2", "dot") for ratio in (0.5, 1.0, 2.0, None)),
        *((order, 14.0, False) for order in ("cosine", "omp", "logit")),
    ],
)
def test_lengths_are_warned_of_outside_half_to_twice_the_words(
    order: WordOrder, ratio: float | None, warned: bool
) -> None:
    said = length_warning([order], ratio)
    assert bool(said) is warned
    if warned:
        assert said.startswith("image tokens are ")
        assert f"times as long as words: {order} orders by the words' length" in said
