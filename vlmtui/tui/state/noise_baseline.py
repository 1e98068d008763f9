"""How much to believe the words on the screen: what has arrived of it, and what to ask for when nothing else is.

Plain data; it knows neither the session nor the screen.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from vlmtui.metrics import PURSUITS, WordOrder
from vlmtui.results.noise_baseline import MetricAgreement, NoiseBaseline, NoisePercentile, statistic_of
from vlmtui.tui.state.stages import TOKENS, of_tokens

if TYPE_CHECKING:
    from vlmtui.tui.state.results import Results, Selection
    from vlmtui.tui.state.word_table import WordRow

# a stage, an order, and of a pursuit how many words
NullKey = tuple[str, WordOrder, int]


@dataclass
class Belief:
    """What has arrived for one reading; `refused` are the nulls that cannot be had."""

    nulls: dict[NullKey, NoiseBaseline] = field(default_factory=dict)
    agreements: dict[int, MetricAgreement] = field(default_factory=dict)
    refused: set[NullKey] = field(default_factory=set)

    def standing(self, selection: Selection, words: tuple[WordRow, ...]) -> NoisePercentile | None:
        """Where these words of a token stand among those of noise; None where that is not known."""
        null = self.nulls.get(null_key(selection))
        if null is None or not words:
            return None
        first, last = words[0], words[-1]
        if statistic_of(null.metric) == "explained":
            return null.standing(first.id, last.explained or 0.0, None)
        return null.standing(first.id, first.score, first.score - words[1].score if len(words) > 1 else None)

    def agreeing(self, token: int | None, selection: Selection, words: tuple[WordRow, ...]) -> tuple[int, int] | None:
        """How many metrics name the first of these words first, and of how many; None where that is not known."""
        found = self.agreements.get(token) if token is not None and selection.stage == TOKENS else None
        return (found.with_first(words[0].id), len(found.metrics)) if found is not None and words else None


def null_key(selection: Selection) -> NullKey:
    """Which words of noise those of the view are held against."""
    return selection.stage, selection.order, selection.k if selection.order in PURSUITS else 0


class BeliefAsking:
    """What has been asked for and not been answered yet."""

    def __init__(self) -> None:
        self._null: NullKey | None = None
        self._token: int | None = None

    def null(self, results: Results, selection: Selection) -> NullKey | None:
        """The null to ask for: once all words that it is for have come."""
        wordy = of_tokens(selection.stage) or selection.projected
        if results.reading is None or not wordy or selection.shows_layers or not results.reading.places:
            return None
        key, table = null_key(selection), results.word_table(selection)
        if key in results.belief.nulls or key in results.belief.refused or key == self._null:
            return None
        return None if table is None or table.missing(range(len(results.reading.places))) else key

    def token(self, results: Results, selection: Selection) -> int | None:
        """The token whose metrics to compare: the one under the cursor, once its words have come."""
        token = results.token(selection) if selection.stage == TOKENS and results.words(selection) else None
        return None if token in results.belief.agreements or token == self._token else token

    def asked_null(self, key: NullKey | None) -> None:
        """It was asked for, or is not any more."""
        self._null = key

    def asked_token(self, token: int | None) -> None:
        """It was asked about, or is not any more."""
        self._token = token

    def forget(self) -> None:
        """Nothing that was asked will be answered."""
        self._null = self._token = None
