"""Metric agreement: the words of one token by each of several metrics."""

from __future__ import annotations

import numpy as np

from vlmtui.lenses import Context, Facts, NotHere
from vlmtui.lenses.arrays import array
from vlmtui.lenses.kernels.stage_words import WordQuery, search_words
from vlmtui.lenses.kinds import pack_details
from vlmtui.metrics import PURSUITS
from vlmtui.results.noise_baseline import AGREEING, MetricAgreement

_RIDGE = 1.0
"""The λ passed to the search; none of the metrics uses it."""


def compare_metrics(context: Context, all_tokens: bool) -> Facts:
    """The top-1 word by each metric; `own` is a `MetricAgreement`."""
    which = context.model.tokens_asked()
    if len(which) != 1:
        raise NotHere("metrics are compared for one token: choose one, such as entries=[0]")
    vector = context.model.states("tokens")[which[0] : which[0] + 1]
    found = []
    for metric in AGREEING:
        k = 1 if metric in PURSUITS else context.k
        searched = search_words(context, vector, WordQuery(metric, k, all_tokens, _RIDGE))
        found.append(array(searched.found.ids[0]))
    ids = np.full((len(AGREEING), min(context.k, searched.candidates)), -1, np.int64)
    for row, words in enumerate(found):
        ids[row, : len(words)] = words
    named = context.model.index.names(ids[ids >= 0])
    agreement = MetricAgreement(
        token=which[0], metrics=AGREEING, ids=ids, pieces=dict(named.pieces), texts=dict(named.texts)
    )
    facts: list[tuple[str, str | float | None]] = [
        (metric, named.texts.get(int(row[0])) if len(row) else None) for metric, row in zip(AGREEING, ids, strict=True)
    ]
    return Facts([*facts, ("words in common", agreement.overlap)], own=pack_details(agreement))
