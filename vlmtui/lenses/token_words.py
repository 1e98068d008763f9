"""Token words: results of any lens of words, converted to the types from which clients draw words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vlmtui.lenses.captions import LensResult
from vlmtui.lenses.kinds import LayerWords, Words
from vlmtui.metrics import PURSUITS, WordOrder
from vlmtui.reading import TokenLayerWords, TokenWords


def token_words(looked: LensResult, entries: Sequence[int], order: WordOrder) -> TokenWords:
    """The words of these entries, one per row of the result. `TypeError` for a result without words per entry.

    `order` is used where the lens does not report what its words are ordered by. The number of candidates is 0 where it
    is unknown. `explained` is set for matching pursuit only: the detail of another lens is not a share of a norm.
    """
    found, said = looked.result, _said(looked)
    if not isinstance(found, Words):
        raise TypeError(f"{type(found).__name__} has no words per entry")
    if len(entries) != len(found.ids):
        raise ValueError(f"there are words for {len(found.ids)} entries, not for {len(entries)}")
    by = said.get("metric", order)
    return TokenWords(
        metric=by,
        k=found.ids.shape[1],
        all_tokens=said.get("all_tokens", False),
        tokens=np.asarray(entries, dtype=np.int64),
        ids=found.ids,
        scores=found.scores,
        pieces=found.pieces,
        texts=found.strings,
        special=found.special,
        candidates=said.get("candidates", 0),
        left_out=said.get("left_out", 0),
        seconds=found.seconds,
        explained=found.detail if by in PURSUITS else None,
        ridge=said.get("ridge"),
        in_vocabulary=found.rows,
    )


def layer_words(looked: LensResult, entry: int = 0, row: int = 0) -> TokenLayerWords:
    """The words of one entry by layer: row number `row` of the result. `TypeError` for a result without words by layer.

    The entropy is NaN where the lens does not report it.
    """
    found, said = looked.result, _said(looked)
    if not isinstance(found, LayerWords):
        raise TypeError(f"{type(found).__name__} has no words by layer")
    ids, scores = found.ids[:, row], found.scores[:, row]
    entropy = said.get("entropy")
    return TokenLayerWords(
        token=entry,
        ids=ids,
        scores=scores,
        pieces=found.pieces,
        texts=found.strings,
        special=found.special,
        entropy=np.full(len(ids), np.nan) if entropy is None else np.asarray(entropy, np.float64)[:, row],
        settled=said["settled"][row] if "settled" in said else _settled(ids),
        seconds=found.seconds,
        in_vocabulary=found.rows,
    )


def stable_from(ids: NDArray[np.int64], scores: NDArray[np.float64]) -> int | None:
    """The first layer, counted from 1, from which all layers have the same top-1 as the last one.

    `ids` and `scores` are [layers, k], best first. None without words, and where the last layer's scores are NaN.
    """
    return None if not scores.size or np.isnan(scores[-1, 0]) else _settled(ids)


def _settled(ids: NDArray[np.int64]) -> int | None:
    if not ids.size or ids[-1, 0] < 0:
        return None
    others = np.flatnonzero(ids[:, 0] != ids[-1, 0])
    return int(others[-1]) + 2 if len(others) else 1


def _said(looked: LensResult) -> dict[str, Any]:
    """The details of a built-in lens; empty for a lens from a file, whose details are private to it."""
    return {} if looked.call.lens.foreign else looked.besides
