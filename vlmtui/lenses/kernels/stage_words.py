"""Words of a stage's vectors, for the lenses that search for words.

At a layer of the language model words are ordered by their logits (logit lens), whatever the metric; at other stages by
the metric. A vision stage has words only when it is sent through the projector.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from vlmtui.errors import UsageError
from vlmtui.lenses.context import Context
from vlmtui.lenses.kernels.logit_lens import logit_lens
from vlmtui.lenses.kernels.word_finder import NearestWords
from vlmtui.metrics import Metric, WordOrder, check_ridge
from vlmtui.reading import of_layers, of_patches


@dataclass(frozen=True)
class WordQuery:
    """A search for words: its order, the number of words, whether all rows are candidates or words only, and λ."""

    order: WordOrder
    k: int
    all_tokens: bool
    ridge: float

    @classmethod
    def at(cls, context: Context, metric: Metric, all_tokens: bool, ridge: float) -> WordQuery:
        """The search at the context's stage."""
        return cls("logit" if of_layers(context.stage) else metric, context.k, all_tokens, ridge)

    def said(self, searched: StageWords) -> dict[str, object]:
        """The details a lens reports besides its words: how they were found, and among how many rows."""
        return {
            "metric": self.order,
            "all_tokens": self.all_tokens,
            "candidates": searched.candidates,
            "left_out": searched.left_out,
            "ridge": self.ridge if self.order == "ridge" else None,
        }


@dataclass(frozen=True)
class StageWords:
    """The words found among `candidates` rows, with `left_out` others not searched; for the logit lens also the
    `entropy` in nats, float64 [n]."""

    found: NearestWords
    candidates: int
    left_out: int
    entropy: Tensor | None = None


def check_words(context: Context, projected: bool) -> None:
    """Raise `UsageError` for a vision stage whose states are not `projected`: it has no words."""
    if of_patches(context.stage) and not projected:
        there = "choose tokens, a layer such as llm.1, or the lens projector"
        raise UsageError(f"there are no words at {context.stage}: {there}")


def search_words(context: Context, vectors: Tensor, search: WordQuery) -> StageWords:
    """Search for the words of `vectors` [n, width], which are states of the context's stage or equally wide."""
    model = context.model
    if search.order == "logit":
        rows = model.head_rows
        candidates = model.candidates(rows, search.all_tokens)
        logits = logit_lens(vectors, context.unembed, rows, candidates, search.k, model.should_stop)
        return StageWords(
            NearestWords(logits.ids, logits.scores), len(candidates), rows - len(candidates), entropy=logits.entropy
        )
    check_ridge(search.ridge)
    rows = model.embedding_rows
    candidates = model.candidates(rows, search.all_tokens)
    found = model.finder.find(vectors, candidates, search.order, search.k, search.ridge, model.should_stop)
    return StageWords(found, len(candidates), rows - len(candidates))
