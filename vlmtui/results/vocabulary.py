"""Vocabulary of a model: the norms and kinds of its rows, and the words near a word. Pure data.

Rows are the vectors that the language model's first layer receives for each id, after any scaling of the embeddings.
"""

from __future__ import annotations

from typing import Literal, get_args

import msgspec
import numpy as np
from numpy.typing import NDArray

from vlmtui.errors import UsageError, check_text

Ids = NDArray[np.int64]
Near = Literal["l2", "cosine", "dot", "cosine-centred"]
NEAR: tuple[Near, ...] = get_args(Near)
"""The metrics for comparing words; matching pursuit of a word would only find the word itself."""

Kind = Literal["word", "special", "unnamed"]
KINDS: tuple[Kind, ...] = get_args(Kind)
"""The kinds of rows: words, special tokens, and rows without a token, mostly padding."""


class VocabularyRows(msgspec.Struct, frozen=True, kw_only=True):
    """All rows of an embedding matrix.

    `norms` float64 [rows] are L2 norms, not finite where the row is not; `kinds` uint8 [rows] are indices of `KINDS`;
    `first` int64 [rows] is the lowest row with the same numbers, possibly the row itself. `smallest` and `largest` are
    the ids with the smallest and largest norms, most extreme first, among words or, on request, all rows. `pieces` and
    `texts` name these and the first of identical rows, or all rows. `added` counts the added tokens of the tokenizer
    that have a row, special ones included. `tied`: the matrix is also the unembedding. `scale` is the factor applied to
    rows before the first layer, None where the change is no such factor.
    """

    norms: NDArray[np.float64]
    kinds: NDArray[np.uint8]
    first: Ids
    smallest: Ids
    largest: Ids
    pieces: dict[int, str | None]
    texts: dict[int, str | None]
    all_tokens: bool
    hidden: int
    added: int
    tied: bool
    scale: float | None
    seconds: float

    @property
    def rows(self) -> int:
        """The number of rows."""
        return len(self.norms)

    def of(self, kind: Kind) -> NDArray[np.bool_]:
        """The rows of a kind, bool [rows]."""
        return np.asarray(self.kinds == KINDS.index(kind))

    def kind(self, row: int) -> Kind:
        """The kind of a row."""
        return KINDS[int(self.kinds[row])]

    @property
    def identical(self) -> list[Ids]:
        """Groups of ids of identical rows, two or more each; the largest group first, then by first id."""
        return identical_groups(self.first)


class WordNeighbours(msgspec.Struct, frozen=True, kw_only=True):
    """The words nearest to a word.

    `of` are the pieces of the word and `of_ids` their rows, which are excluded from the words found; `note` says how
    several pieces were combined. `ids` int64 and `scores` float64 [k], nearest first; `norms` float64 [k] are those of
    the rows. `candidates` rows were searched, `left_out` were not.
    """

    word: str
    metric: Near
    of: tuple[str, ...]
    of_ids: tuple[int, ...]
    note: str
    ids: Ids
    scores: NDArray[np.float64]
    norms: NDArray[np.float64]
    pieces: dict[int, str | None]
    texts: dict[int, str | None]
    special: frozenset[int]
    candidates: int
    left_out: int
    seconds: float

    @property
    def words(self) -> list[tuple[str | None, float]]:
        """The decoded text and the score of each word."""
        return [(self.texts[id_], score) for id_, score in zip(self.ids.tolist(), self.scores.tolist(), strict=True)]


def check_word_metric(metric: str) -> Near:
    """The metric of this name. `UsageError` for one that cannot compare two words."""
    check_text("metric", metric)
    found = next((one for one in NEAR if one == metric), None)
    if found is None:
        raise UsageError(f"the metric {metric!r} does not compare words with a word: choose {', '.join(NEAR)}")
    return found


def identical_groups(first: Ids) -> list[Ids]:
    """Group rows that share their `first` row, ids ascending; the largest group first, then by first id."""
    heads, counts = np.unique(first, return_counts=True)
    several = heads[counts > 1]
    members = np.flatnonzero(np.isin(first, several))
    by_head = members[np.argsort(first[members], kind="stable")]
    cuts = np.cumsum(counts[counts > 1])[:-1]
    found = np.split(by_head, cuts) if len(several) else []
    return sorted(found, key=lambda rows: (-len(rows), int(rows[0])))
