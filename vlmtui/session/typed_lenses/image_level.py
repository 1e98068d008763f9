"""Typed questions about the whole image, by texts or classes; and about one patch as it enters the tower."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from vlmtui.lenses.kinds import Scores, unpack_details
from vlmtui.results.classification import ClassificationHead, TopClasses
from vlmtui.results.image_text import ImageTextMatch, PairLoss, ProbabilityKind, TextsRead
from vlmtui.results.patch_embedding import PatchEmbeddingResult
from vlmtui.session.protocol import Computed
from vlmtui.session.typed_lenses.base import TypedQuestion, compute


def patch(reading: str, patch: int) -> TypedQuestion[PatchEmbeddingResult]:
    """The embedding of one vision patch, by its index in `Reading.patch_places`."""
    body = compute("patch-embedding", reading=reading, stage="vision.0", entries=(patch,))
    return TypedQuestion(
        body, lambda done: replace(unpack_details(done.result, PatchEmbeddingResult), seconds=done.result.seconds)
    )


def texts(wanted: Sequence[str]) -> TypedQuestion[TextsRead]:
    """Texts as the loaded model reads them, to be compared with images."""
    body = compute("image-text", options={"texts": tuple(wanted)})
    return TypedQuestion(body, lambda done: replace(unpack_details(done.result, TextsRead), texts=_scores(done).labels))


def match(reading: str, wanted: Sequence[str]) -> TypedQuestion[ImageTextMatch]:
    """A reading's image compared with texts."""

    def unpack(done: Computed) -> ImageTextMatch:
        found = _scores(done)
        return replace(unpack_details(found, ImageTextMatch), probabilities=found.values, seconds=found.seconds)

    return TypedQuestion(compute("image-text", reading=reading, options={"texts": tuple(wanted)}), unpack)


def loss(logits: NDArray[np.floating[Any]], kind: ProbabilityKind) -> TypedQuestion[PairLoss]:
    """The loss of logits [n, n] of images and texts, of which the i-th belong together."""
    body = compute("pair-loss", options={"logits": np.asarray(logits).tolist(), "kind": kind})
    return TypedQuestion(body, lambda done: unpack_details(done.result, PairLoss))


def head() -> TypedQuestion[ClassificationHead]:
    """The classes of the loaded model's classification head."""
    return TypedQuestion(
        compute("classes"),
        lambda done: replace(unpack_details(done.result, ClassificationHead), labels=_scores(done).labels),
    )


def classes(reading: str, k: int) -> TypedQuestion[TopClasses]:
    """The top `k` classes of a reading's image, and the evidence of its patches for them."""

    def unpack(done: Computed) -> TopClasses:
        found = _scores(done)
        return replace(unpack_details(found, TopClasses), probabilities=found.values, seconds=found.seconds)

    return TypedQuestion(compute("classes", reading=reading, k=k), unpack)


def _scores(done: Computed) -> Scores:
    assert isinstance(done.result, Scores)
    return done.result
