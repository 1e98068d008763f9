"""Hub words against counting by hand."""

from __future__ import annotations

from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

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
