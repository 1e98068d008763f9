"""Typed questions about the loaded model's vocabulary."""

from __future__ import annotations

from msgspec.structs import replace

from vlmtui.lenses.kinds import Words, unpack_details
from vlmtui.metrics import DEFAULT_METRIC
from vlmtui.results.vocabulary import VocabularyRows, WordNeighbours, check_word_metric
from vlmtui.session.protocol import Computed
from vlmtui.session.typed_lenses.base import TypedQuestion, compute


def vocabulary(k: int = 8, all_tokens: bool = False, named_all: bool = False) -> TypedQuestion[VocabularyRows]:
    """The norms of all rows, the `k` smallest and largest; with `named_all` the names of all rows."""
    body = compute("vocabulary", k=k, options={"all_tokens": all_tokens, "named": named_all})
    return TypedQuestion(
        body, lambda done: replace(unpack_details(done.result, VocabularyRows), seconds=done.result.seconds)
    )


def near(
    word: str, metric: str = DEFAULT_METRIC, k: int = 8, all_tokens: bool = False
) -> TypedQuestion[WordNeighbours]:
    """The `k` words nearest to a word; `UsageError` for a metric that does not compare two words."""
    options = {"word": word, "metric": check_word_metric(metric), "all_tokens": all_tokens}
    return TypedQuestion(compute("near", k=k, options=options), _nearby)


def _nearby(done: Computed) -> WordNeighbours:
    found = done.result
    assert isinstance(found, Words)
    assert found.detail is not None
    return replace(
        unpack_details(found, WordNeighbours),
        ids=found.ids[0],
        scores=found.scores[0],
        norms=found.detail[0],
        pieces=found.pieces,
        texts=found.strings,
        special=found.special,
        seconds=found.seconds,
    )
