"""Word finder: the nearest words of vectors by any metric, with the solvers of a vocabulary cached between searches."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from vlmtui.lenses.kernels.distances import EmbeddingMatrix
from vlmtui.lenses.kernels.least_squares import GramMatrix, LeastSquaresSolver, largest_coefficients
from vlmtui.lenses.kernels.nearest_neighbours import nearest_rows
from vlmtui.lenses.kernels.omp import matching_pursuit
from vlmtui.metrics import Metric

_KEPT = 2  # decompositions, each of hidden × hidden float64 numbers


@dataclass(frozen=True)
class NearestWords:
    """`ids` int64 (-1 for no word), `scores` float64, and for matching pursuit the share of the norm `explained` after
    each word; all [tokens, k] on the CPU."""

    ids: Tensor
    scores: Tensor
    explained: Tensor | None = None


class WordFinder:
    """Search for words in one vocabulary, by any metric."""

    def __init__(self, vocabulary: EmbeddingMatrix) -> None:
        self._vocabulary = vocabulary
        self._gram: GramMatrix | None = None
        self._decompositions: dict[float | None, LeastSquaresSolver] = {}

    def find(
        self,
        vectors: Tensor,
        candidates: Tensor,
        metric: Metric,
        k: int,
        ridge: float,
        should_stop: Callable[[], bool],
    ) -> NearestWords:
        """k words for each of `vectors` [n, hidden] among the rows `candidates`; `ridge` is the λ of `ridge`."""
        match metric:
            case "omp" | "omp-positive":
                picked = matching_pursuit(
                    vectors, self._vocabulary, candidates, k, metric == "omp-positive", should_stop
                )
                return NearestWords(picked.ids, picked.coefficients, picked.explained)
            case "ridge" | "pinv":
                solver = self._decomposition(candidates, ridge if metric == "ridge" else None, should_stop)
                found = largest_coefficients(vectors, self._vocabulary, candidates, k, solver, should_stop)
            case _:
                found = nearest_rows(vectors, self._vocabulary, candidates, metric, k, should_stop)
        return NearestWords(found.ids, found.scores)

    def _decomposition(
        self, candidates: Tensor, ridge: float | None, should_stop: Callable[[], bool]
    ) -> LeastSquaresSolver:
        if self._gram is None or not torch.equal(self._gram.candidates, candidates):
            self._gram = GramMatrix(self._vocabulary, candidates)
            self._decompositions.clear()
        gram = self._gram
        if ridge not in self._decompositions:
            made = LeastSquaresSolver.of(gram, ridge, should_stop)
            if gram is not self._gram:
                return made  # another question came in between
            while len(self._decompositions) >= _KEPT:
                del self._decompositions[next(iter(self._decompositions))]
            self._decompositions[ridge] = made
        return self._decompositions[ridge]
