"""The words that have arrived, by token: plain data."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from vlmtui.reading import Order, Words


@dataclass(frozen=True, slots=True)
class WordRow:
    """One of the words of a token."""

    id: int
    piece: str | None
    text: str | None
    score: float


@dataclass
class WordBook:
    """The words that have arrived for one stage of a reading in one order: token index -> rows, nearest first."""

    reading: str
    stage: str
    metric: Order
    k: int
    candidates: int = 0
    left_out: int = 0
    all_tokens: bool = False
    special: frozenset[int] = frozenset()
    rows: dict[int, tuple[WordRow, ...]] = field(default_factory=dict)

    def add(self, words: Words) -> None:
        """Take in what the session found."""
        self.candidates, self.left_out, self.all_tokens = words.candidates, words.left_out, words.all_tokens
        self.special |= words.special
        for token, ids, scores in zip(words.tokens.tolist(), words.ids.tolist(), words.scores.tolist(), strict=True):
            self.rows[token] = tuple(
                WordRow(i, words.pieces.get(i), words.texts.get(i), s) for i, s in zip(ids, scores, strict=True)
            )

    def missing(self, tokens: Iterable[int]) -> list[int]:
        """Which of `tokens` have no words yet, or fewer than are wanted now."""
        wanted = min(self.k, self.candidates or self.k)
        return [t for t in tokens if len(self.rows.get(t, ())) < wanted]

    def gathered(self, tokens: Sequence[int], k: int) -> Words:
        """The first k words of `tokens`, as one answer of the session would hold them."""
        rows = [self.rows[t][:k] for t in tokens]
        named = {w.id: w for row in rows for w in row}
        return Words(
            metric=self.metric,
            k=k,
            all_tokens=self.all_tokens,
            tokens=np.array(tokens, dtype=np.int64),
            ids=np.array([[w.id for w in row] for row in rows], dtype=np.int64),
            scores=np.array([[w.score for w in row] for row in rows], dtype=np.float64),
            pieces={i: w.piece for i, w in named.items()},
            texts={i: w.text for i, w in named.items()},
            special=frozenset(i for i in named if i in self.special),
            candidates=self.candidates,
            left_out=self.left_out,
            seconds=0.0,
        )
