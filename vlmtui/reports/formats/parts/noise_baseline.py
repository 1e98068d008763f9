"""Noise baseline (`--null`) and metric agreement of each token's words, as text and as JSON.

The baseline compares the distance of a token's words with those of noise; agreement compares the metrics' words.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from vlmtui.display import numbers
from vlmtui.display.pieces import fold_name
from vlmtui.errors import UsageError
from vlmtui.lenses.captions import noise_caption
from vlmtui.lenses.folded_token_words import spellings_among
from vlmtui.metrics import PURSUITS
from vlmtui.reading import ModelInfo, Reading, TokenWords, of_patches
from vlmtui.reports.formats.parts.local_words import local_share_caption
from vlmtui.reports.image_report import ImageReport
from vlmtui.results.noise_baseline import (
    AGREEING,
    NOISE_LEVEL,
    MetricAgreement,
    NoiseBaseline,
    NoiseScores,
    share_above_noise,
    statistic_of,
)
from vlmtui.session.client import SessionClient
from vlmtui.session.protocol import Progress


def check_null(stage: str, model: ModelInfo, projected: bool = False) -> None:
    """Raise `UsageError` where a stage has no words to compare with noise; `projected`: words of the projector lens."""
    if (of_patches(stage) and not projected) or model.wordless:
        alternatives = "choose tokens, a layer such as llm.1, or add --lens projector"
        reason = model.wordless or f"{stage} has none of its own: {alternatives}"
        raise UsageError(f"--null compares words with those of noise, and {reason}")


def null_line(null: NoiseBaseline) -> str:
    """Description of the noise that the words are compared with."""
    statistic_name = {"score": "score of the top-1 word", "explained": "the share explained"}[statistic_of(null.metric)]
    shuffled = "the image with its pixels shuffled" if null.shuffled else null.note
    if null.shuffled and of_patches(null.stage):
        shuffled += f", {null.stage} sent through the projector"
    return (
        f"{statistic_name}, as a percentile of the same search on noise: {shuffled}, and random vectors of the "
        "same norms"
    )


def percent_above(reading: Reading, stage: str, words: TokenWords, null: NoiseBaseline) -> float | None:
    """The percentage of all tokens with `words` above noise; newline tokens, the same in every image, are left out."""
    counted = [place.kind != "newline" for place in reading.places_at(stage)]
    return share_above_noise(null.percentiles(words)[counted])


def noise_summary(above: float | None, null: NoiseBaseline | None, local_share: float | None) -> str:
    """`41% of tokens beat 95% of noise (by chance: 5%); 64% of patches have a local word`, where these percent are
    `above` noise and `local_share` (0–1) have one; "" where neither is known."""
    said = [noise_caption(above, null)] if above is not None and null is not None else []
    if local_share is not None:
        said.append(local_share_caption(local_share))
    return "; ".join(said)


def local_words_caution(above: float | None, local_share: float | None) -> str:
    """What follows local words where no more tokens are `above` noise than by chance; else, or of no words, ""."""
    if above is None or not local_share or above > 100 - NOISE_LEVEL:
        return ""
    return ". They lie together, but the words are within noise"


def brief_percentiles(report: ImageReport) -> list[str]:
    """`; top-1 beats 97% of noise` for every entry of a report without `--null`; none where that is not known."""
    if report.null is None or report.words is None or report.query.search.null:
        return []
    statistic = {"score": "top-1", "explained": "explained share"}[statistic_of(report.null.metric)]
    return [
        f"; {statistic} beats {numbers.part_of(float(one), report.null.noise_name)}" if np.isfinite(one) else ""
        for one in report.null.percentiles(report.words)
    ]


def percentile_line(null: NoiseBaseline, words: TokenWords, row: int, fold: bool) -> str:
    """The percentile of noise of one token's words, as text. The margin is that over the second piece, and is not told
    where spellings `fold`; other spellings are the same top-1 then."""
    standing = null.of(words, row, _spellings(null.shuffled, words, row) if fold else ())
    if standing is None:
        return "null  no word to compare with noise"
    phrases = []
    if standing.percentile is not None:
        phrases.append(f"beats {numbers.part_of(standing.percentile, 'noise')}")
    if standing.same is not None:
        phrases.append(f"the same top-1 in {numbers.percent(standing.same)} of noise")
    if standing.margin is not None and not fold:
        phrases.append(f"margin beats {numbers.part_of(standing.margin, 'noise')}")
    if standing.random is not None:
        phrases.append(f"beats {numbers.part_of(standing.random, 'random vectors')}")
    return f"null  {', '.join(phrases)}"


def _spellings(rows: MetricAgreement | NoiseScores | None, words: TokenWords, row: int) -> tuple[int, ...]:
    """The ids of the spellings of a token's top-1, if it has one, among those rows."""
    if rows is None or not (there := words.at(row)):
        return ()
    first = there[0][0]
    return spellings_among(rows, fold_name(first, words.pieces[first], words.texts[first]))


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
    pieces: dict[int, str | None] = {}
    texts: dict[int, str | None] = {}
    for metric_index, metric in enumerate(AGREEING):
        num_words = 1 if metric in PURSUITS else k
        metric_words = words
        if metric != words.metric:
            search = client.words(
                reading, metric, num_words, tokens=tokens, all_tokens=words.all_tokens, on_progress=on_progress
            )
            metric_words = search.result()
        metric_ids = metric_words.ids[:, :num_words]
        ids[:, metric_index, : metric_ids.shape[1]] = metric_ids
        pieces |= metric_words.pieces
        texts |= metric_words.texts
    return tuple(
        MetricAgreement(token=token, metrics=AGREEING, ids=token_ids, pieces=pieces, texts=texts)
        for token, token_ids in zip(tokens, ids, strict=True)
    )


def agreement_line(agreement: MetricAgreement, words: TokenWords, row: int, fold: bool) -> str:
    """How many metrics agree on the top-1 word of one token, as text; with `fold` in whatever spelling."""
    token_words = words.at(row)
    if not token_words:
        return "agree no word to compare"
    many = agreement.with_first(token_words[0][0], *(_spellings(agreement, words, row) if fold else ()))
    return f"agree {many} of {len(agreement.metrics)} metrics have this top-1"


def agreement_object(agreement: MetricAgreement, words: TokenWords, row: int) -> dict[str, float | None] | None:
    """The JSON object of the metrics' agreement on one token; null where it has no word.

    `first` of the `of` metrics have the same top-1 word; `overlap` is the mean share (0 to 1) of words that two of them
    have in common.
    """
    token_words = words.at(row)
    if not token_words:
        return None
    first = agreement.with_first(token_words[0][0])
    return {"first": first, "of": len(agreement.metrics), "overlap": agreement.overlap}
