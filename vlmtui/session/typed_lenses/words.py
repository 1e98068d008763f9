"""Typed questions about words: nearest tokens, the logit lens, norms, the noise baseline and agreement."""

from __future__ import annotations

from typing import Any

import msgspec

from vlmtui.lenses.captions import LensResult
from vlmtui.lenses.kinds import Matrix, Words, details_of, unpack_details
from vlmtui.lenses.lens_source import lens_call
from vlmtui.lenses.token_words import layer_words as layer_words_of
from vlmtui.lenses.token_words import token_words
from vlmtui.metrics import RIDGE, Metric, check_metric
from vlmtui.reading import LayerNorms, TokenLayerWords, TokenWords
from vlmtui.results.local_words import LocalWords, PatchLocalWords
from vlmtui.results.noise_baseline import MetricAgreement, NoiseBaseline
from vlmtui.session.protocol import Computed
from vlmtui.session.typed_lenses.base import TypedQuestion, compute


def words(
    reading: str,
    metric: Metric,
    k: int,
    tokens: tuple[int, ...] | None = None,
    all_tokens: bool = False,
    stage: str = "tokens",
    ridge: float = RIDGE,
    projected: bool = False,
) -> TypedQuestion[TokenWords]:
    """The k nearest words of some image tokens, or of all; at `vision.i` those of the tokens that the projector makes
    of the stage, if `projected`."""
    options = {"metric": check_metric(metric), "all_tokens": all_tokens, "ridge": ridge, "projected": projected}
    body = compute("nearest-tokens", reading=reading, stage=stage, options=options, entries=tokens, k=k)

    def unpack(done: Computed) -> TokenWords:
        assert isinstance(done.result, Words)
        which = range(len(done.result.ids)) if tokens is None else tokens
        return token_words(LensResult(lens_call(body.lens, **options), stage, done.result), which, metric)

    return TypedQuestion(body, unpack)


def local_words(
    reading: str, metric: Metric, k: int, all_tokens: bool = False, stage: str = "tokens", ridge: float = RIDGE
) -> TypedQuestion[PatchLocalWords]:
    """The local words of a reading, of lists of k words, and that of every image token."""
    options = {"metric": check_metric(metric), "all_tokens": all_tokens, "ridge": ridge}
    body = compute("local-words", reading=reading, stage=stage, options=options, k=k)

    def unpack(done: Computed) -> PatchLocalWords:
        found = done.result
        assert isinstance(found, Words)
        assert found.detail is not None
        details = unpack_details(found, LocalWords)
        return PatchLocalWords(details, found.ids[:, 0], found.scores[:, 0], found.detail[:, 0] == 1)

    return TypedQuestion(body, unpack)


def layer_words(reading: str, token: int, k: int, all_tokens: bool = False) -> TypedQuestion[TokenLayerWords]:
    """The k words with the largest logits for one image token, after every layer of the language model."""
    options = {"all_tokens": all_tokens}
    body = compute("layers", reading=reading, options=options, entries=(token,), k=k)
    return TypedQuestion(
        body, lambda done: layer_words_of(LensResult(lens_call(body.lens, **options), "", done.result), token)
    )


def layers(reading: str) -> TypedQuestion[LayerNorms]:
    """The norms of a reading's image tokens after every layer of the language model."""

    def unpack(done: Computed) -> LayerNorms:
        assert isinstance(done.result, Matrix)
        return LayerNorms(reading=reading, norms=done.result.values, positions=details_of(done.result)["positions"])

    return TypedQuestion(compute("norms", reading=reading), unpack)


def null(
    reading: str,
    metric: Metric,
    k: int,
    all_tokens: bool = False,
    stage: str = "tokens",
    ridge: float = RIDGE,
    idle: bool = False,
    projected: bool = False,
) -> TypedQuestion[NoiseBaseline]:
    """The noise baseline of `words` for a reading. Its `seconds` are those of the search, also where the result was
    kept."""
    options: dict[str, Any] = {
        "metric": check_metric(metric),
        "all_tokens": all_tokens,
        "ridge": ridge,
        "projected": projected,
    }
    body = compute("noise-baseline", reading=reading, stage=stage, options=options, k=k, idle=idle)
    return TypedQuestion(body, lambda done: unpack_details(done.result, NoiseBaseline))


def agreement(
    reading: str, token: int, k: int, all_tokens: bool = False, idle: bool = False
) -> TypedQuestion[MetricAgreement]:
    """The words that each of several metrics finds for one image token."""
    options = {"all_tokens": all_tokens}
    body = compute("agreement", reading=reading, stage="tokens", options=options, entries=(token,), k=k, idle=idle)

    def unpack(done: Computed) -> MetricAgreement:
        return msgspec.structs.replace(unpack_details(done.result, MetricAgreement), seconds=done.result.seconds)

    return TypedQuestion(body, unpack)
