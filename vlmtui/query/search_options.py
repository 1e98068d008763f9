"""Options of the search for words, which a whole query has, and which fill those of lenses."""

from __future__ import annotations

from dataclasses import dataclass

from vlmtui.metrics import DEFAULT_METRIC, RIDGE, Metric


@dataclass(frozen=True)
class SearchOptions:
    """How the vocabulary is searched: `k` nearest tokens by `metric`, `ridge` being the λ of the metric of that name.

    `all_tokens` searches special tokens and rows without a token too. `null` adds the noise baseline and the
    agreement of metrics, `noise` a percentile of noise alone. `fold` has spellings of one word in one line, where the
    format can show them so. None is what is usual for the format.
    """

    k: int = 8
    metric: Metric = DEFAULT_METRIC
    ridge: float = RIDGE
    all_tokens: bool = False
    null: bool = False
    fold: bool | None = None
    noise: bool | None = None
