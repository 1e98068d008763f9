"""Hub words: words in the lists of so many image tokens that they tell little about any one of them.

Nearest-neighbour search in many dimensions has such hubs (Radovanović et al. 2010).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

HUB_MARK = "°"
HUB_SHARE = 0.5
"""A hub is in the lists of more than this share of all tokens."""
LEAST_TOKENS = 16
"""Fewer lists than these have no hubs: two that agree would be enough."""
HUB_RULE = f"{HUB_MARK} marks a hub word: in the lists of more than half of all tokens"


def hub_words(ids: NDArray[np.int64]) -> dict[int, float]:
    """The hubs among the words `ids` [tokens, k] of all tokens, -1 where there is none: id -> share of the lists (0–1).

    The most frequent comes first, and of equals the lower id.
    """
    if len(ids) < LEAST_TOKENS:
        return {}
    found, counts = np.unique(ids[ids >= 0], return_counts=True)
    order = np.argsort(-counts, kind="stable")
    shares = zip(found[order].tolist(), (counts[order] / len(ids)).tolist(), strict=True)
    return {id_: share for id_, share in shares if share > HUB_SHARE}
