"""A model's vocabulary by itself: the norms of its rows, and the words near a word. Pure data, the same above and below
the pipe.

Rows are what the language model's first layer receives for each id: where a family scales its embeddings, after that.
"""

from __future__ import annotations

from typing import Literal, get_args

import msgspec
import numpy as np
from numpy.typing import NDArray

from vlmtui.errors import UsageError

Ids = NDArray[np.int64]
Near = Literal["l2", "cosine", "dot", "cosine-centred"]
NEAR: tuple[Near, ...] = get_args(Near)
"""The metrics by which words are near a word; a pursuit of one word finds that word."""

Kind = Literal["word", "special", "unnamed"]
KINDS: tuple[Kind, ...] = get_args(Kind)
"""What rows are: words, special tokens, and rows that the tokenizer has no token for (padding, most often)."""


class VocabularyRows(msgspec.Struct, frozen=True, kw_only=True):
    """All rows of an embedding matrix.

    `norms` float64 [rows] are L2, not finite where the row is not; `kinds` uint8 [rows] indices of `KINDS`; `first`
    int64 [rows] the lowest row that holds the same numbers, a row's own id where there is none below it. `smallest` and
    `largest` are ids by their norm, from the end on: of words, or where so asked of all rows. `pieces` and `texts` name
    these and the first of identical rows, or all rows. `added` counts the tokens with a row that were added to the
    tokenizer, special ones among them. `tied`: the matrix is also the output head's. `scale` is what rows are
    multiplied with on their way to the first layer, None where what happens there is no such factor.
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
        """How many there are."""
        return len(self.norms)

    def of(self, kind: Kind) -> NDArray[np.bool_]:
        """Which rows are of a kind, bool [rows]."""
        return np.asarray(self.kinds == KINDS.index(kind))

    def kind(self, row: int) -> Kind:
        """What a row is."""
        return KINDS[int(self.kinds[row])]

    @property
    def identical(self) -> list[Ids]:
        """Ids of rows that hold the same numbers, two or more each; the largest group first, then by its first id."""
        return identical_groups(self.first)


class WordNeighbours(msgspec.Struct, frozen=True, kw_only=True):
    """The words nearest to a word.

    `of` are the pieces that stand for the word and `of_ids` their rows, which are not among the words found; `note`
    says what was made of several. `ids` int64 and `scores` float64 [k], nearest first, `norms` float64 [k] those of the
    rows. `candidates` rows were searched, `left_out` were not.
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
        """What each decodes to, and its score."""
        return [(self.texts[id_], score) for id_, score in zip(self.ids.tolist(), self.scores.tolist(), strict=True)]


def check_word_metric(metric: str) -> Near:
    """The metric of this name; `UsageError` for one that does not compare two words."""
    found = next((one for one in NEAR if one == metric), None)
    if found is None:
        raise UsageError(f"words are not compared with a word by {metric!r}: choose {', '.join(NEAR)}")
    return found


def identical_groups(first: Ids) -> list[Ids]:
    """The rows that share a `first` row with another, ids ascending; the largest group first, then by its first id."""
    heads, counts = np.unique(first, return_counts=True)
    several = heads[counts > 1]
    members = np.flatnonzero(np.isin(first, several))
    by_head = members[np.argsort(first[members], kind="stable")]
    cuts = np.cumsum(counts[counts > 1])[:-1]
    found = np.split(by_head, cuts) if len(several) else []
    return sorted(found, key=lambda rows: (-len(rows), int(rows[0])))
