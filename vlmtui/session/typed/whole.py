"""Scores of the whole image, by texts or classes; and one patch as it enters the tower."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from vlmtui.lenses.kinds import Scores, restored
from vlmtui.results.classification import Classes, ClassificationHead
from vlmtui.results.image_text import Kind, Loss, Match, Texts
from vlmtui.results.patch_embedding import Anatomy
from vlmtui.session.protocol import Computed
from vlmtui.session.typed.base import Typed, named


def patch(reading: str, patch: int) -> Typed[Anatomy]:
    """What becomes of one vision patch before the tower's first block, by its index in `Reading.patch_places`."""
    body = named("patch-embedding", reading=reading, stage="vision.0", entries=(patch,))
    return Typed(body, lambda done: replace(restored(done.result, Anatomy), seconds=done.result.seconds))


def texts(wanted: Sequence[str]) -> Typed[Texts]:
    """Texts as the model held reads them, to be matched with images."""
    body = named("image-text", options={"texts": tuple(wanted)})
    return Typed(body, lambda done: replace(restored(done.result, Texts), texts=_scores(done).labels))


def match(reading: str, wanted: Sequence[str]) -> Typed[Match]:
    """A reading's image against texts."""

    def unpack(done: Computed) -> Match:
        found = _scores(done)
        return replace(restored(found, Match), probabilities=found.values, seconds=found.seconds)

    return Typed(named("image-text", reading=reading, options={"texts": tuple(wanted)}), unpack)


def loss(logits: NDArray[np.floating[Any]], kind: Kind) -> Typed[Loss]:
    """The loss of logits [n, n] of images and texts, of which the i-th belong together."""
    body = named("pair-loss", options={"logits": np.asarray(logits).tolist(), "kind": kind})
    return Typed(body, lambda done: restored(done.result, Loss))


def head() -> Typed[ClassificationHead]:
    """Which classes the model held knows."""
    return Typed(
        named("classes"), lambda done: replace(restored(done.result, ClassificationHead), labels=_scores(done).labels)
    )


def classes(reading: str, k: int) -> Typed[Classes]:
    """The first `k` classes of a reading's image, and what its patches say for them."""

    def unpack(done: Computed) -> Classes:
        found = _scores(done)
        return replace(restored(found, Classes), probabilities=found.values, seconds=found.seconds)

    return Typed(named("classes", reading=reading, k=k), unpack)


def _scores(done: Computed) -> Scores:
    assert isinstance(done.result, Scores)
    return done.result
