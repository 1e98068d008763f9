"""A model's words: the rows they are looked for in, and what they are called."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from vlmtui.lenses.kernels.distances import EmbeddingMatrix
from vlmtui.models.loading.processor import candidate_ids, named_ids, special_ids, token_names
from vlmtui.models.vlm import VisionLanguageModel


@dataclass(frozen=True)
class TokenNames:
    """Pieces and texts of some ids (None where the tokenizer has no name for a row), and which of them are special."""

    pieces: dict[int, str | None]
    texts: dict[int, str | None]
    special: frozenset[int]

    def of(self, ids: NDArray[np.int64]) -> TokenNames:
        """Those of some of the ids."""
        some = np.unique(ids).tolist()
        return TokenNames(
            {i: self.pieces[i] for i in some}, {i: self.texts[i] for i in some}, self.special.intersection(some)
        )


@dataclass(frozen=True)
class TokenNamer:
    """What a tokenizer calls ids: which have a name at all, and which are special."""

    tokenizer: Any
    named: frozenset[int]
    special: frozenset[int]

    @classmethod
    def by(cls, tokenizer: Any) -> TokenNamer:
        """Reads a tokenizer's vocabulary."""
        return TokenNamer(tokenizer, named_ids(tokenizer), special_ids(tokenizer))

    def names(self, ids: NDArray[np.int64]) -> TokenNames:
        """What the tokenizer calls these ids, each once."""
        occurring: list[int] = np.unique(ids).tolist()
        pieces, texts = token_names(self.tokenizer, self.named, occurring)
        return TokenNames(pieces, texts, frozenset(i for i in occurring if i in self.special))


@dataclass(frozen=True)
class VocabularyIndex(TokenNamer):
    """A model's vocabulary: its rows, and which of them are words."""

    vocabulary: EmbeddingMatrix
    words: Tensor

    @classmethod
    def of(cls, model: VisionLanguageModel) -> VocabularyIndex | None:
        """Reads a model's vocabulary; None where it has none."""
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
        """The rows of a matrix with so many that words are looked for in, int64 ascending."""
        return candidate_ids(self.tokenizer, rows, True) if all_tokens else self.words[self.words < rows]
