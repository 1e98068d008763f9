"""Folded lists of words, as the text report and the page show them; the other formats have every spelling."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace

import msgspec
import numpy as np
from numpy.typing import NDArray

from vlmtui.display.metric_names import COEFFICIENTS
from vlmtui.display.pieces import fold_names
from vlmtui.metrics import WordOrder
from vlmtui.reading import TokenLayerWords, TokenWords
from vlmtui.results.folded_words import fold_lists, next_depth
from vlmtui.results.hub_words import hub_words
from vlmtui.results.noise_baseline import MetricAgreement, NoiseScores


def folds(order: WordOrder) -> bool:
    """Whether lists in this order can be folded: coefficients are parts of a sum, and those of two spellings add up."""
    return order not in COEFFICIENTS


@dataclass(frozen=True)
class FoldedTokenWords:
    """Words with a line for all spellings of a word: `words` has the best spelling of each line [tokens, k].

    `spellings` int64 [tokens, k] counts them down to the last line, 0 beyond the end of a list. `hubs` are the hub
    words of these lists with their shares (0–1), each by its most frequent spelling, `of_hubs` the same of every
    spelling of them.
    """

    words: TokenWords
    spellings: NDArray[np.int64]
    hubs: dict[int, float]
    of_hubs: dict[int, float]

    def narrowed(self, mask: NDArray[np.bool_]) -> FoldedTokenWords:
        """The lists of those tokens for which `mask` [tokens] is true."""
        return replace(self, words=narrowed_words(self.words, mask), spellings=self.spellings[mask])


def fold_token_words(words: TokenWords, k: int) -> tuple[FoldedTokenWords, bool]:
    """Fold lists into k lines;
    and whether all have so many, or end before."""
    names = fold_names(words.pieces, words.texts)
    found = fold_lists(words.ids, names, k)
    beyond = found.ranks < 0
    ids, scores = np.full(beyond.shape, -1, np.int64), np.full(beyond.shape, np.nan)
    rows, _ = np.nonzero(~beyond)
    ids[~beyond] = words.ids[rows, found.ranks[~beyond]]
    scores[~beyond] = words.scores[rows, found.ranks[~beyond]]
    lines = words_named(msgspec.structs.replace(words, k=k, ids=ids, scores=scores))
    uses = Counter(map(int, ids[~beyond]))
    spelled: dict[str, int] = {}  # the most frequent spelling, of equal ones the lower id
    for id_ in sorted(uses, key=lambda one: (-uses[one], one)):
        spelled.setdefault(names[id_], id_)
    standing = {id_: spelled[names[id_]] for id_ in uses}
    represented = [[standing.get(int(id_), -1) for id_ in row] for row in ids]
    hubs = hub_words(np.array(represented, np.int64).reshape(ids.shape))
    of_hubs = {id_: hubs[stands] for id_, stands in standing.items() if stands in hubs}
    return FoldedTokenWords(lines, found.spellings, hubs, of_hubs), bool(found.whole.all())


def stable_layer(found: TokenLayerWords, fold: bool) -> int | None:
    """The first layer, counted from 1, from which on every top-1 is that of the last layer: `settled`, or with `fold`
    in any spelling of it. None without words."""
    if found.settled is None or not fold:
        return found.settled
    names = fold_names(found.pieces, found.texts)
    first = [names.get(id_) for id_ in found.ids[:, 0].tolist()]
    return next((layer for layer in range(len(first), 0, -1) if first[layer - 1] != first[-1]), 0) + 1


def spellings_among(rows: MetricAgreement | NoiseScores, name: str) -> tuple[int, ...]:
    """The ids of the spellings of a word, by its folded name, among the rows that are named there."""
    return tuple(id_ for id_, other in fold_names(rows.pieces, rows.texts).items() if other == name)


def search_folded(
    search: Callable[[int], TokenWords], k: int, order: WordOrder
) -> tuple[TokenWords, FoldedTokenWords | None]:
    """The k nearest words, and the k lines that they fold into with those that follow; None where they do not fold.

    `search` finds so many words. It is asked for 2k, 4k, … until every list has k lines, or the vocabulary ends.
    """
    if not folds(order) or k < 1:
        return search(k), None
    depth = next_depth(0, k)
    while True:
        words = search(depth)
        found, whole = fold_token_words(words, k)
        if whole or words.ids.shape[1] < depth:
            return first_words(words, k), found
        depth = next_depth(depth, k)


def first_words(words: TokenWords, k: int) -> TokenWords:
    """The first k words of every list: those that a search for k words finds."""
    wide = min(k, words.ids.shape[1])
    return words_named(
        msgspec.structs.replace(words, k=min(k, words.k), ids=words.ids[:, :wide], scores=words.scores[:, :wide])
    )


def narrowed_words(words: TokenWords, mask: NDArray[np.bool_]) -> TokenWords:
    """The words of those tokens for which `mask` [tokens] is true."""
    return words_named(
        msgspec.structs.replace(
            words,
            tokens=words.tokens[mask],
            ids=words.ids[mask],
            scores=words.scores[mask],
            explained=None if words.explained is None else words.explained[mask],
        )
    )


def words_named(words: TokenWords) -> TokenWords:
    """The words with the names of those ids alone that occur: the width of columns depends on them."""
    occurring = set(words.ids.ravel().tolist())
    return msgspec.structs.replace(
        words,
        pieces={id_: piece for id_, piece in words.pieces.items() if id_ in occurring},
        texts={id_: text for id_, text in words.texts.items() if id_ in occurring},
        special=words.special & occurring,
    )
