"""Words that have arrived for a stage, by token. No Textual."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from vlmtui.display.pieces import fold_name
from vlmtui.lenses.folded_token_words import fold_token_words
from vlmtui.metrics import PURSUITS, WordOrder
from vlmtui.reading import TokenWords
from vlmtui.results.folded_words import fold_list, next_depth
from vlmtui.results.hub_words import hub_words


@dataclass(frozen=True, slots=True)
class WordRow:
    """One of the words of a token; of a folded list with the number of its spellings."""

    id: int
    piece: str | None
    text: str | None
    score: float
    explained: float | None = None
    spellings: int = 1


@dataclass
class WordTable:
    """The words that have arrived for one stage of a reading in one order: token index -> rows, nearest first.

    So many rows are wanted of each token as k words need: all spellings of them where they `fold`. `above_noise`
    remembers the percentage of tokens above a noise baseline, beside it.
    """

    reading: str
    stage: str
    metric: WordOrder
    k: int
    candidates: int = 0
    left_out: int = 0
    all_tokens: bool = False
    special: frozenset[int] = frozenset()
    ridge: float | None = None
    rows: dict[int, tuple[WordRow, ...]] = field(default_factory=dict)
    _found: dict[int, int] = field(default_factory=dict)
    fold: bool = False
    above_noise: tuple[object, float | None] | None = None
    _hubs: tuple[int, bool, dict[int, float]] | None = None
    _named: tuple[int, bool, dict[int, dict[str, int]]] | None = None
    _lines: dict[int, dict[int, tuple[WordRow, ...]]] = field(default_factory=dict)
    """Folded, by token and their number."""
    _complete: set[int] = field(default_factory=set)
    """Tokens that were found to have what is wanted now."""

    def want(self, k: int, fold: bool = False) -> bool:
        """So many words are wanted now; whether there is something to ask for that was not asked before.

        The coefficients of a pursuit are those of one fit: of more words, or of fewer, they are others.
        """
        more = fold and not self.fold
        if more:
            self._complete.clear()
        self.fold = fold
        if more and k <= self.k:
            return True
        if k == self.k or (k < self.k and self.metric not in PURSUITS):
            return False
        if self.metric in PURSUITS:
            self.rows.clear()
            self._found.clear()
        self.k = k
        self._complete.clear()
        return True

    def add(self, words: TokenWords) -> None:
        """Take in what the session found."""
        self.candidates, self.left_out, self.all_tokens = words.candidates, words.left_out, words.all_tokens
        self.special |= words.special
        self._hubs = self.above_noise = self._named = None
        self.ridge = words.ridge
        if self.metric in PURSUITS and words.k != min(self.k, self.candidates):
            return  # asked before another number of words was wanted
        for row, token in enumerate(words.tokens.tolist()):
            shares = [None] * words.k if words.explained is None else words.explained[row].tolist()
            self.rows[token] = tuple(
                WordRow(i, words.pieces.get(i), words.texts.get(i), score, share)
                for (i, score), share in zip(words.at(row), shares, strict=False)
            )
            self._found[token] = words.k
            self._lines.pop(token, None)
            self._complete.discard(token)

    def lines(self, token: int, k: int, fold: bool = False) -> tuple[WordRow, ...] | None:
        """The first k words of a token, or lines that they fold into, as far as they have come; None for none."""
        rows = self.rows.get(token)
        if rows is None or not fold:
            return rows if rows is None else rows[:k]
        folded = self._lines.setdefault(token, {})
        if k not in folded:
            found = fold_list([fold_name(row.id, row.piece, row.text) for row in rows], k)
            folded[k] = tuple(replace(rows[one.rank], spellings=one.spellings) for one in found)
        return folded[k]

    def named(self, k: int, fold: bool = False) -> dict[int, dict[str, int]]:
        """The first k words of every token that has some, or lines, by their folded names in order, and their ids."""
        if self._named is None or self._named[:2] != (k, fold):
            lists = {token: self.lines(token, k, fold) or () for token in self.rows}
            by_name = {t: {fold_name(row.id, row.piece, row.text): row.id for row in rows} for t, rows in lists.items()}
            self._named = k, fold, by_name
        return self._named[2]

    def hubs(self, tokens: int) -> dict[int, float]:
        """Hub words, where they fold each spelling of one, with their shares of the lists, once those of all `tokens`
        have arrived; else none."""
        if len(self.rows) < max(1, tokens):
            return {}
        if self._hubs is None or self._hubs[:2] != (self.k, self.fold):
            words = self.gathered(sorted(self.rows), self.longest)
            found = fold_token_words(words, self.k)[0].of_hubs if self.fold else hub_words(words.ids[:, : self.k])
            self._hubs = self.k, self.fold, found
        return self._hubs[2]

    @property
    def longest(self) -> int:
        """The length of the longest list that has come."""
        return max(map(len, self.rows.values()), default=0)

    def missing(self, tokens: Iterable[int]) -> list[int]:
        """Which of `tokens` have no words yet, or fewer than are wanted now."""
        return [t for t in tokens if t not in self._complete and not self._has_enough(t)]

    def depth(self, token: int) -> int:
        """How many words to ask for of a token that is missing."""
        return next_depth(self._found.get(token, 0), self.k) if self.fold else self.k

    def _has_enough(self, token: int) -> bool:
        """Whether a token has as many words, or lines, as are wanted now; where it has, that is remembered."""
        enough = self._found.get(token, -1) >= min(self.k, self.candidates or self.k)
        enough = enough and (not self.fold or self._has_lines(token))
        if enough:
            self._complete.add(token)
        return enough

    def _has_lines(self, token: int) -> bool:
        """Whether there are as many lines as are wanted, or no more words."""
        if self._found[token] >= (self.candidates or math.inf) or len(self.rows[token]) < self._found[token]:
            return True
        return len(self.lines(token, self.k, True) or ()) == self.k

    def gathered(self, tokens: Sequence[int], k: int) -> TokenWords:
        """The first k words of `tokens`, as one answer of the session would hold them."""
        rows = [self.rows[t][:k] for t in tokens]
        named = {w.id: w for row in rows for w in row}
        # more may have come than there are different words: the spellings of one fold
        wide = max([min(k, self.candidates or k), *map(len, rows)])

        def filled(values: list[list[float]], empty: float) -> np.ndarray:
            return np.array([[*row, *[empty] * (wide - len(row))] for row in values]).reshape(len(rows), wide)

        shares = filled([[np.nan if w.explained is None else w.explained for w in row] for row in rows], np.nan)
        return TokenWords(
            metric=self.metric,
            k=wide,
            all_tokens=self.all_tokens,
            tokens=np.array(tokens, dtype=np.int64),
            ids=filled([[w.id for w in row] for row in rows], -1).astype(np.int64),
            scores=filled([[w.score for w in row] for row in rows], np.nan).astype(np.float64),
            pieces={i: w.piece for i, w in named.items()},
            texts={i: w.text for i, w in named.items()},
            special=frozenset(i for i in named if i in self.special),
            candidates=self.candidates,
            left_out=self.left_out,
            seconds=0.0,
            explained=shares.astype(np.float64) if self.metric in PURSUITS else None,
            ridge=self.ridge,
        )


def shown_score(score: float, metric: str) -> float:
    """The number on the screen: the distance itself under l2, whose score is minus the distance."""
    return -score if metric == "l2" else score
