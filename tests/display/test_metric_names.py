"""Names of metrics, and the warning about the lengths of image tokens and words."""

from __future__ import annotations

import pytest

from vlmtui.display.metric_names import SCORES, length_warning, score_head
from vlmtui.metrics import WordOrder

LONGER = "image tokens are {} times as long as words: {} by the words' length"


@pytest.mark.parametrize(
    ("orders", "ratio", "said"),
    [
        (["l2"], 20.0, LONGER.format(20, "l2 orders")),
        (["l2"], 2.01, LONGER.format("2.0", "l2 orders")),
        (["l2"], 0.49, LONGER.format(0.49, "l2 orders")),
        (["dot"], 0.31, LONGER.format(0.31, "dot orders")),
        (["cosine", "l2", "dot"], 2.1, LONGER.format(2.1, "l2 and dot order")),
        *(([order], ratio, "") for order in ("l2", "dot") for ratio in (0.5, 1.0, 2.0, None)),
        (["cosine", "cosine-centred", "omp", "logit"], 20.0, ""),
    ],
)
def test_lengths_that_decide_the_order_are_told(orders: list[WordOrder], ratio: float | None, said: str) -> None:
    assert length_warning(orders, ratio) == said


def test_a_brief_head_by_order_tells_every_order_from_the_others() -> None:
    heads = [score_head(order, 3, by_order=True) for order in SCORES]
    assert sorted(set(heads)) == sorted(heads)
    assert [score_head(order, 24) for order in SCORES] == list(SCORES.values())
