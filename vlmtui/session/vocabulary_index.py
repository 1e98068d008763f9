"""Index of a model's vocabulary: the rows that words are searched in, and the names of tokens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from vlmtui.lenses.kernels.distances import EmbeddingMatrix
from vlmtui.models.loading.token_ids import candidate_ids, named_ids, special_ids, token_names
from vlmtui.models.vlm import VisionLanguageModel


@dataclass(frozen=True)
class TokenNames:
    """Pieces and texts of some token ids, None where the tokenizer has no name for one; and which are special."""

    pieces: dict[int, str | None]
    texts: dict[int, str | None]
    special: frozenset[int]

    def of(self, ids: NDArray[np.int64]) -> TokenNames:
        """The names of some of these ids."""
        some = np.unique(ids).tolist()
        return TokenNames(
            {i: self.pieces[i] for i in some}, {i: self.texts[i] for i in some}, self.special.intersection(some)
        )


@dataclass(frozen=True)
class TokenNamer:
    """Names of a tokenizer's tokens: which ids have a name at all, and which are special."""

    tokenizer: Any
    named: frozenset[int]
    special: frozenset[int]

    @classmethod
    def by(cls, tokenizer: Any) -> TokenNamer:
        """Read the vocabulary of a tokenizer."""
        return TokenNamer(tokenizer, named_ids(tokenizer), special_ids(tokenizer))

    def names(self, ids: NDArray[np.int64]) -> TokenNames:
        """The names of these ids, each once."""
        occurring: list[int] = np.unique(ids).tolist()
        pieces, texts = token_names(self.tokenizer, self.named, occurring)
        return TokenNames(pieces, texts, frozenset(i for i in occurring if i in self.special))


@dataclass(frozen=True)
class VocabularyIndex(TokenNamer):
    """A model's vocabulary: its embedding matrix, and which rows of it are words, int64 ascending."""

    vocabulary: EmbeddingMatrix
    words: Tensor

    @classmethod
    def of(cls, model: VisionLanguageModel) -> VocabularyIndex | None:
        """Read the vocabulary of a model; None for a model without one."""
        if model.embeddings is None:
            return None
        return cls(
            model.tokenizer,
            named_ids(model.tokenizer),
            special_ids(model.tokenizer),
            EmbeddingMatrix.of(model.embeddings),
            candidate_ids(model.tokenizer, len(model.embeddings), all_tokens=False),
        )

    def candidates(self, rows: int, all_tokens: bool) -> Tensor:
        """The rows that words are searched in, of a matrix with so many rows; int64 ascending."""
        return candidate_ids(self.tokenizer, rows, True) if all_tokens else self.words[self.words < rows]
