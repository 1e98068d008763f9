"""Words that a lens found, as front ends show those of the vocabulary search."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import numpy as np

from vlmtui.lenses.kinds import LayerWords, Words
from vlmtui.lenses.wording import Looked
from vlmtui.reading import Order, TokenLayerWords, TokenWords


def token_words(looked: Looked, entries: Sequence[int], order: str) -> TokenWords:
    """The words of entries; `order` is what they are ordered by, the lens's name."""
    result = looked.result
    assert isinstance(result, Words)
    return TokenWords(
        metric=cast(Order, order),
        k=result.ids.shape[1],
        all_tokens=False,
        tokens=np.array(entries, np.int64),
        ids=result.ids,
        scores=result.scores,
        pieces=result.pieces,
        texts=result.strings,
        special=result.special,
        candidates=0,
        left_out=0,
        seconds=looked.seconds,
        rows=result.rows,
    )


def layer_words(looked: Looked, entry: int, row: int = 0) -> TokenLayerWords:
    """The words by layer of one entry, the `row`-th of the result."""
    result = looked.result
    assert isinstance(result, LayerWords)
    ids: Any = result.ids[:, row]
    return TokenLayerWords(
        token=entry,
        ids=ids,
        scores=result.scores[:, row],
        pieces=result.pieces,
        texts=result.strings,
        special=result.special,
        entropy=np.full(len(ids), np.nan),
        settled=None,
        seconds=looked.seconds,
        rows=result.rows,
    )
