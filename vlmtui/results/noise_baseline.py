"""Noise baseline: percentiles of scores among those of noise, and the agreement of metrics. Pure data.

The scores of noise are sent once; the percentile of any token is computed here.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from vlmtui.metrics import PURSUITS, Metric, WordOrder
from vlmtui.reading import TokenWords

AGREEING: tuple[Metric, ...] = ("l2", "cosine", "cosine-centred", "dot", "omp")
"""The metrics whose top-1 words are compared; for `omp` the first word picked."""

NOISE_LEVEL = 95.0
"""A score above so many percent of those of noise is above noise."""

Statistic = Literal["score", "explained"]


def statistic_of(order: WordOrder) -> Statistic:
    """The statistic of a token's words to compare with noise; for matching pursuit the share of the norm explained.

    The coefficients of a pursuit belong to one fit: each depends on the other words picked, so a large first
    coefficient means nothing by itself.
    """
    return "explained" if order in PURSUITS else "score"


class NoiseScores(msgspec.Struct, frozen=True, kw_only=True):
    """Statistics of the words of noise.

    `scores` float64 [n] are the statistic of every vector and `margins` float64 [n] the lead of the top-1 word over the
    second, both smallest first; no margins for matching pursuit or single words. `firsts` counts top-1 words by id,
    with their `pieces` and `texts`.
    """

    scores: NDArray[np.float64]
    margins: NDArray[np.float64]
    firsts: dict[int, int]
    pieces: dict[int, str | None] = {}
    texts: dict[int, str | None] = {}


class NoisePercentile(msgspec.Struct, frozen=True, kw_only=True):
    """Percentiles of one token's words among those of noise, 0–100; None where they have no meaning.

    `percentile` is the share of the shuffled image's tokens with a smaller statistic, `random` that of random vectors,
    `margin` the share of the shuffled image's tokens with a smaller margin, and `same` the share with the same top-1.
    """

    percentile: float | None
    random: float | None
    margin: float | None
    same: float | None

    @property
    def of_noise(self) -> float | None:
        """The percentile among tokens of the shuffled image; among random vectors where there is none."""
        return self.random if self.percentile is None else self.percentile

    @property
    def within(self) -> bool:
        """Whether the words are no more than noise; not where that is not known."""
        return self.of_noise is not None and self.of_noise < NOISE_LEVEL


class NoiseBaseline(msgspec.Struct, frozen=True, kw_only=True):
    """Word statistics of noise, from the same search as for the reading: at this stage, by this metric, for `k` words.

    `shuffled` are those of the image with its pixels shuffled, None where it cannot be shuffled (`note` says why);
    `random` are those of random vectors with the norms of the image's tokens.
    """

    stage: str
    metric: WordOrder
    k: int
    all_tokens: bool
    shuffled: NoiseScores | None
    random: NoiseScores
    note: str = ""
    seconds: float = 0.0

    @property
    def noise(self) -> NoiseScores:
        """The shuffled image, or random vectors where it cannot be shuffled."""
        return self.shuffled or self.random

    @property
    def noise_name(self) -> str:
        """What `noise` is, in a sentence."""
        return "noise" if self.shuffled else "random vectors"

    @property
    def floor(self) -> float | None:
        """Where noise ends: a score is above `NOISE_LEVEL` percent of it if it is larger than this. None for no scores,
        and for pursuits, whose single words have no statistic."""
        return noise_floor(self.noise.scores) if statistic_of(self.metric) == "score" else None

    def percentiles(self, words: TokenWords) -> NDArray[np.float64]:
        """The percentage of `noise` below each row of `words` [rows] of the same search; NaN without words."""
        standings = (self.of(words, row) for row in range(len(words.ids)))
        found = (one and one.of_noise for one in standings)
        return np.array([np.nan if one is None else one for one in found], np.float64)

    def standing(self, spellings: Collection[int], statistic: float, margin: float | None) -> NoisePercentile:
        """Percentiles of a token with this top-1 word (the ids of its spellings), statistic and margin."""
        shuffled = self.shuffled
        return NoisePercentile(
            percentile=_below(shuffled.scores, statistic) if shuffled else None,
            random=_below(self.random.scores, statistic),
            margin=_below(shuffled.margins, margin) if shuffled and margin is not None else None,
            same=100.0 * sum(shuffled.firsts.get(word, 0) for word in set(spellings)) / total
            if shuffled and (total := sum(shuffled.firsts.values()))
            else None,
        )

    def of(self, words: TokenWords, row: int, spellings: Collection[int] = ()) -> NoisePercentile | None:
        """Percentiles of one row of `words` from the same search; None for a row without words. Top-1 words with the id
        of the row's are the same, and those with the ids of other `spellings`."""
        there = words.at(row)
        if not there:
            return None
        first, score = there[0]
        if statistic_of(words.metric) == "explained":
            return self.standing((first, *spellings), words.share(row) or 0.0, None)
        return self.standing((first, *spellings), score, score - there[1][1] if len(there) > 1 else None)


class MetricAgreement(msgspec.Struct, frozen=True, kw_only=True):
    """The words of one token by each metric: `ids` int64 [metrics, k], nearest first, -1 for no word.

    For matching pursuit only the first word is listed. `pieces` and `texts` are those of the ids, as of `TokenWords`.
    """

    token: int
    metrics: tuple[Metric, ...]
    ids: NDArray[np.int64]
    pieces: dict[int, str | None] = {}
    texts: dict[int, str | None] = {}
    seconds: float = 0.0

    def with_first(self, *spellings: int) -> int:
        """The number of metrics whose top-1 is this word, given by the ids of its spellings."""
        return int(np.isin(self.ids[:, 0], spellings).sum()) if self.ids.shape[1] else 0

    @property
    def overlap(self) -> float | None:
        """The mean share (0–1) of words that two metrics have in common, matching pursuit excluded."""
        whole = [i for i, metric in enumerate(self.metrics) if metric not in PURSUITS]
        lists = [set(self.ids[i].tolist()) for i in whole]
        pairs = [len(one & two) / len(one) for i, one in enumerate(lists) for two in lists[:i] if one]
        return sum(pairs) / len(pairs) if pairs else None


def noise_floor(smallest_first: NDArray[np.float64]) -> float | None:
    """The number that at least `NOISE_LEVEL` percent of sorted numbers do not exceed; None for none."""
    count = len(smallest_first)
    return float(smallest_first[math.ceil(count * NOISE_LEVEL / 100) - 1]) if count else None


def share_above_noise(percentiles: NDArray[np.float64]) -> float | None:
    """The percentage of tokens above noise, by their percentiles; those without one are left out."""
    known = percentiles[np.isfinite(percentiles)]
    return 100.0 * float((known >= NOISE_LEVEL).mean()) if len(known) else None


def _below(smallest_first: NDArray[np.float64], value: float) -> float | None:
    """The percentage of sorted numbers that are smaller than `value`."""
    if not len(smallest_first) or not math.isfinite(value):
        return None
    return 100.0 * int(np.searchsorted(smallest_first, value)) / len(smallest_first)
