"""Hub words against counting by hand, and beside them the lengths of image tokens and words."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vlmtui.display.metric_names import length_warning
from vlmtui.results.hub_words import LEAST_TOKENS, hub_words

LISTS = st.lists(
    st.lists(st.integers(-1, 6), min_size=3, max_size=3, unique_by=lambda id_: id_ if id_ >= 0 else object()),
    max_size=2 * LEAST_TOKENS,
)


@given(LISTS)
def test_a_hub_is_in_more_than_half_of_all_lists(lists: list[list[int]]) -> None:
    counts = Counter(id_ for one in lists for id_ in one if id_ >= 0)
    expected = {id_: count / len(lists) for id_, count in counts.items() if 2 * count > len(lists)}
    found = hub_words(np.array(lists, np.int64).reshape(-1, 3))
    assert found == (expected if len(lists) >= LEAST_TOKENS else {})
    assert list(found.values()) == sorted(found.values(), reverse=True)


@pytest.mark.parametrize(
    ("orders", "ratio", "said"),
    [
        (["l2"], 20.0, "image tokens are 20 times as long as words: l2 orders by the words' length"),
        (["dot"], 0.31, "image tokens are 0.31 times as long as words: dot orders by the words' length"),
        (
            ["cosine", "l2", "dot"],
            2.1,
            "image tokens are 2.1 times as long as words: l2 and dot order by the words' length",
        ),
        (["l2"], 2.0, ""),
        (["dot"], 0.5, ""),
        (["cosine", "cosine-centred", "omp", "logit"], 20.0, ""),
        (["l2"], None, ""),
    ],
)
def test_lengths_that_decide_the_order_are_told(orders: list, ratio: float | None, said: str) -> None:
    assert length_warning(orders, ratio) == said
