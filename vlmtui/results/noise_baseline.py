"""How much to believe words: where a score stands among those of noise, and whether the metrics agree. Pure data.

The numbers of noise travel once; where any token stands among them is looked up here.
"""

from __future__ import annotations

import math
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from vlmtui.metrics import PURSUITS, Metric, WordOrder
from vlmtui.reading import TokenWords

AGREEING: tuple[Metric, ...] = ("l2", "cosine", "cosine-centred", "dot", "omp")
"""The metrics whose first words are compared; of `omp` it is the first that it picks."""

Statistic = Literal["score", "explained"]


def statistic_of(order: WordOrder) -> Statistic:
    """What of a token's words is held against noise: of a pursuit the share of the norm that all of them explain.

    A pursuit's coefficients are those of one fit: the first is larger or smaller with what else was picked, and one
    that is larger than the next means nothing.
    """
    return "explained" if order in PURSUITS else "score"


class NoiseScores(msgspec.Struct, frozen=True, kw_only=True):
    """What a search made of noise.

    `scores` float64 [n] are the statistic of every vector, smallest first, and `margins` float64 [n] the first word's
    over the second, smallest first; none for a pursuit, nor for single words. `firsts` counts the first words by id.
    """

    scores: NDArray[np.float64]
    margins: NDArray[np.float64]
    firsts: dict[int, int]


class NoisePercentile(msgspec.Struct, frozen=True, kw_only=True):
    """Where the words of one token stand among those of noise, in percent; None where that means nothing.

    `percentile` is the share of the shuffled picture's tokens whose statistic is smaller, `random` that of random
    vectors, `margin` the share of the shuffled picture's tokens with a smaller margin; `same` the share of them that
    have the same first word.
    """

    percentile: float | None
    random: float | None
    margin: float | None
    same: float | None


class NoiseBaseline(msgspec.Struct, frozen=True, kw_only=True):
    """The words of noise, found as those of a reading were: at this stage, by this metric.

    `shuffled` are those of the picture with its pixels shuffled, None where there is no such copy: `note` says why.
    `random` are those of random vectors as long as the picture's. `k` words were looked for.
    """

    stage: str
    metric: WordOrder
    k: int
    all_tokens: bool
    shuffled: NoiseScores | None
    random: NoiseScores
    note: str = ""
    seconds: float = 0.0

    def standing(self, first: int, statistic: float, margin: float | None) -> NoisePercentile:
        """Of a token with this first word (id), statistic and margin."""
        shuffled = self.shuffled
        return NoisePercentile(
            percentile=_below(shuffled.scores, statistic) if shuffled else None,
            random=_below(self.random.scores, statistic),
            margin=_below(shuffled.margins, margin) if shuffled and margin is not None else None,
            same=100.0 * shuffled.firsts.get(first, 0) / total
            if shuffled and (total := sum(shuffled.firsts.values()))
            else None,
        )

    def of(self, words: TokenWords, row: int) -> NoisePercentile | None:
        """Of one row of `words`, found as this was; None where it has none."""
        there = words.at(row)
        if not there:
            return None
        first, score = there[0]
        if statistic_of(words.metric) == "explained":
            return self.standing(first, words.share(row) or 0.0, None)
        return self.standing(first, score, score - there[1][1] if len(there) > 1 else None)


class MetricAgreement(msgspec.Struct, frozen=True, kw_only=True):
    """What each of the metrics names for one token: `ids` int64 [metrics, k], nearest first, -1 where there is none.

    Of a pursuit there is the first word alone.
    """

    token: int
    metrics: tuple[Metric, ...]
    ids: NDArray[np.int64]
    seconds: float = 0.0

    def with_first(self, word: int) -> int:
        """How many of the metrics name this word (id) first."""
        return int((self.ids[:, 0] == word).sum()) if self.ids.shape[1] else 0

    @property
    def overlap(self) -> float | None:
        """The share (0–1) of their words that two metrics have in common, on average; pursuits apart."""
        whole = [i for i, metric in enumerate(self.metrics) if metric not in PURSUITS]
        lists = [set(self.ids[i].tolist()) for i in whole]
        pairs = [len(one & two) / len(one) for i, one in enumerate(lists) for two in lists[:i] if one]
        return sum(pairs) / len(pairs) if pairs else None


def _below(smallest_first: NDArray[np.float64], value: float) -> float | None:
    """The share of numbers that are smaller than `value`, in percent."""
    if not len(smallest_first) or not math.isfinite(value):
        return None
    return 100.0 * int(np.searchsorted(smallest_first, value)) / len(smallest_first)
