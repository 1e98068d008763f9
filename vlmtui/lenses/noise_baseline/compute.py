"""Noise baseline: the search of `nearest-tokens` for the image with its pixels shuffled and for random vectors.

The result is cached with the reading.
"""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from vlmtui.lenses import Context, Facts
from vlmtui.lenses.arrays import array
from vlmtui.lenses.kernels.noise import CANNOT, random_like, shuffled_copy
from vlmtui.lenses.kernels.stage_words import WordQuery, check_words, search_words
from vlmtui.lenses.kernels.word_finder import NearestWords
from vlmtui.lenses.kinds import pack_details
from vlmtui.metrics import PURSUITS, Metric, WordOrder, check_ridge
from vlmtui.reading import of_patches
from vlmtui.results.noise_baseline import NoiseBaseline, NoiseScores, statistic_of

from .kernel import NoiseStatistics

_MARGIN = 2
"""How many words of noise give its margin."""
_WORD = {"score": "top-1 score", "explained": "share explained"}


def measure_noise(context: Context, metric: Metric, all_tokens: bool, ridge: float, projected: bool) -> Facts:
    """The scores that 95% of noise stays below; `own` is the whole `NoiseBaseline`."""
    check_words(context, projected)
    check_ridge(ridge)
    search = WordQuery.at(context, metric, all_tokens, ridge)
    # more words of noise add nothing, except for matching pursuit, whose explained share grows with them
    search = replace(search, k=search.k if search.order in PURSUITS else _MARGIN)
    key = context.stage, search.order, search.k, all_tokens, ridge if search.order == "ridge" else None
    found = context.keep(key, lambda: _null(context, search))
    return Facts(_facts(found), note=found.note, own=pack_details(found))


def _null(context: Context, search: WordQuery) -> NoiseBaseline:
    started = time.perf_counter()
    tokens = _states(context.model, context.stage)
    # newline tokens are the same in every image and say nothing about this one or about noise
    places = context.model.places("tokens")
    seen = torch.tensor([i for i, place in enumerate(places) if place.kind != "newline"], dtype=torch.int64)
    random = _words(context, search, random_like(tokens[seen.to(tokens.device)]))
    note, of_picture = "", None
    copy = shuffled_copy(context)
    if copy is None:
        note = CANNOT
    else:
        noise = _states(copy, context.stage)
        of_picture = _words(context, search, noise[seen.to(noise.device)])
    return NoiseBaseline(
        stage=context.stage,
        metric=search.order,
        k=search.k,
        all_tokens=search.all_tokens,
        shuffled=of_picture,
        random=random,
        note=note,
        seconds=time.perf_counter() - started,
    )


def _states(model: Any, stage: str) -> Tensor:
    """The vectors [tokens, width] of the image, or of its shuffled copy, at a stage."""
    found: Tensor = model.exit_at(stage) if of_patches(stage) else model.states(stage)
    return found


def _words(context: Context, search: WordQuery, vectors: Tensor) -> NoiseScores:
    return _noise(context, search_words(context, vectors, search).found, search.order)


def _noise(context: Context, found: NearestWords, order: WordOrder) -> NoiseScores:
    scores = found.scores
    if statistic_of(order) == "explained":
        assert found.explained is not None
        # the share explained by all words is that after the last one picked; 0 where none was picked
        scores = found.explained.nan_to_num(0.0)
        scores = scores.amax(dim=1, keepdim=True) if scores.shape[1] else scores
    noise = NoiseStatistics.of(scores)
    ids = found.ids[:, :1].flatten()
    named = context.model.index.names(array(ids[ids >= 0]))
    return NoiseScores(
        scores=array(noise.scores),
        margins=array(noise.margins),
        firsts=dict(Counter(ids.tolist())),
        pieces=dict(named.pieces),
        texts=dict(named.texts),
    )


def _facts(null: NoiseBaseline) -> list[tuple[str, str | float]]:
    """The scores that 95 of 100 noise vectors stay below."""
    facts: list[tuple[str, str | float]] = [("words by", null.metric)]
    what = _WORD[statistic_of(null.metric)]
    for of, noise in (("pixels shuffled", null.shuffled), ("random vectors", null.random)):
        if noise is not None and len(noise.scores):
            facts.append((f"{of}: 95% of the {what}s are below", float(np.percentile(noise.scores, 95))))
    return facts
