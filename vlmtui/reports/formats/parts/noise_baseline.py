"""Noise baseline (`--null`) and metric agreement of each token's words, as text and as JSON.

The baseline compares the distance of a token's words with those of noise; agreement compares the metrics' words.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from vlmtui.display import numbers
from vlmtui.errors import UsageError
from vlmtui.metrics import PURSUITS
from vlmtui.reading import ModelInfo, TokenWords, of_patches
from vlmtui.results.noise_baseline import AGREEING, MetricAgreement, NoiseBaseline, NoisePercentile, statistic_of
from vlmtui.session.client import SessionClient
from vlmtui.session.protocol import Progress


def check_null(stage: str, model: ModelInfo, projected: bool = False) -> None:
    """Raise `UsageError` where a stage has no words to compare with noise; `projected`: words of the projector lens."""
    if (of_patches(stage) and not projected) or model.wordless:
        there = "choose tokens, a layer such as llm.1, or add --lens projector"
        why = model.wordless or f"{stage} has none of its own: {there}"
        raise UsageError(f"--null holds words against those of noise, and {why}")


def null_line(null: NoiseBaseline) -> str:
    """Description of the noise that the words are compared with."""
    what = {"score": "a token's first score", "explained": "the share explained"}[statistic_of(null.metric)]
    shuffled = "the picture with its pixels shuffled" if null.shuffled else null.note
    if null.shuffled and of_patches(null.stage):
        shuffled += f", {null.stage} of it through the projector too"
    return f"{what} against the same search on noise: {shuffled}, and random vectors of the same norms"


def percentile_line(standing: NoisePercentile | None) -> str:
    """The percentile of noise of one token's words, as text."""
    if standing is None:
        return "null  no word to hold against noise"
    said = []
    if standing.percentile is not None:
        said.append(f"above {numbers.percent(standing.percentile)} of noise")
    if standing.same is not None:
        said.append(f"its word first for {numbers.percent(standing.same)} of them")
    if standing.margin is not None:
        said.append(f"margin above {numbers.percent(standing.margin)}")
    if standing.random is not None:
        said.append(f"above {numbers.percent(standing.random)} of random")
    return f"null  {', '.join(said)}"


def percentile_object(null: NoiseBaseline, words: TokenWords, row: int) -> dict[str, float | None] | None:
    """The JSON object of a token's percentiles of noise, in percent; null where they are undefined.

    `percentile` and `margin` are ranks among the tokens of the shuffled image, `same` is the share of those with the
    same top-1 word, `random` the rank among random vectors.
    """
    standing = null.of(words, row)
    if standing is None:
        return None
    return {
        "percentile": standing.percentile,
        "random": standing.random,
        "margin": standing.margin,
        "same": standing.same,
    }


def agreements(
    client: SessionClient,
    reading: str,
    words: TokenWords,
    k: int,
    on_progress: Callable[[Progress], None] | None = None,
) -> tuple[MetricAgreement, ...]:
    """Agreement of all metrics on each row of `words`, k words found at `tokens`; one search per metric."""
    tokens = tuple(words.tokens.tolist())
    ids = np.full((len(tokens), len(AGREEING), min(k, words.candidates)), -1, np.int64)
    for at, metric in enumerate(AGREEING):
        wide = 1 if metric in PURSUITS else k
        found = words
        if metric != words.metric:
            asked = client.words(
                reading, metric, wide, tokens=tokens, all_tokens=words.all_tokens, on_progress=on_progress
            )
            found = asked.result()
        some = found.ids[:, :wide]
        ids[:, at, : some.shape[1]] = some
    return tuple(MetricAgreement(token=token, metrics=AGREEING, ids=of) for token, of in zip(tokens, ids, strict=True))


def agreement_line(agreement: MetricAgreement, words: TokenWords, row: int) -> str:
    """How many metrics agree on the top-1 word of one token, as text."""
    there = words.at(row)
    if not there:
        return "agree no word to compare"
    return f"agree {agreement.with_first(there[0][0])} of {len(agreement.metrics)} metrics name its first word first"


def agreement_object(agreement: MetricAgreement, words: TokenWords, row: int) -> dict[str, float | None] | None:
    """The JSON object of the metrics' agreement on one token; null where it has no word.

    `first` of the `of` metrics have the same top-1 word; `overlap` is the mean share (0 to 1) of words that two of them
    have in common.
    """
    there = words.at(row)
    if not there:
        return None
    first = agreement.with_first(there[0][0])
    return {"first": first, "of": len(agreement.metrics), "overlap": agreement.overlap}
