"""Least-squares decomposition of vectors over all unit-length word vectors at once (ridge and pseudoinverse).

With the word vectors e_j as the rows of E, each scaled to length one, the coefficients are

    ridge:  w = argmin ‖x - Eᵀw‖² + λ·s·‖w‖²  =  E (EᵀE + λ·s·I)⁻¹ x,   s = trace(EᵀE) / hidden = rows / hidden
    pinv:   w = the shortest of all w that minimise ‖x - Eᵀw‖  =  E (EᵀE)⁺ x

λ is relative to s, the mean eigenvalue of EᵀE, so that a λ has the same meaning for every vocabulary. A word's
coefficient is the dot product of its direction with y = (…)⁻¹ x, so the words with the largest coefficients are the
nearest words of y by cosine. They are found exactly, without a tokens × vocabulary matrix. EᵀE [hidden, hidden] is
computed once, in float64.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from vlmtui.errors import CancelledError
from vlmtui.lenses.kernels.distances import EmbeddingMatrix, take_rows
from vlmtui.lenses.kernels.nearest_neighbours import NearestRows, nearest_rows
from vlmtui.lenses.kernels.norms import BLOCK_BYTES, exact_device, row_blocks

_PANELS = 4  # of columns: the half below the diagonal is enough
_INDEPENDENT = 1e-5
"""Eigenvectors are used where the Cholesky factor's smallest diagonal entry, relative to its largest, is below this."""


class GramMatrix:
    """EᵀE [hidden, hidden] of the rows `candidates` at unit length, in float64; computed in blocks on first use.

    Zero and non-finite rows are left out. The computation can be stopped after any block and resumes from there.
    """

    def __init__(self, vocabulary: EmbeddingMatrix, candidates: Tensor) -> None:
        norms = vocabulary.norms[candidates]
        there = torch.isfinite(norms) & (norms > 0)
        self.candidates = candidates
        self._rows, self._norms = candidates[there], norms[there]
        self._embeddings = vocabulary.embeddings
        hidden = self._embeddings.shape[1]
        self._device = exact_device(self._embeddings.device)
        self._below = torch.zeros(hidden, hidden, dtype=torch.float64, device=self._device)
        self._done = 0

    def whole(self, should_stop: Callable[[], bool], budget: int = BLOCK_BYTES) -> Tensor:
        """A copy of the full matrix. `should_stop` may itself call this method, which then leaves less to do here."""
        hidden = len(self._below)
        width = -(-hidden // _PANELS)
        step = max(1, budget // (hidden * 8))
        while self._done < len(self._rows):
            if should_stop():
                raise CancelledError("the request was cancelled")
            block = slice(self._done, self._done + step)
            rows = take_rows(self._embeddings, self._rows[block])
            units = rows.to(self._device).double() / self._norms[block].to(self._device)[:, None]
            for start in range(0, hidden, width):
                panel = slice(start, start + width)
                self._below[start:, panel].addmm_(units[:, start:].T, units[:, panel])
            self._done += len(units)
        return self._below.tril() + self._below.tril(-1).T


@dataclass(frozen=True)
class LeastSquaresSolver:
    """Solver of (EᵀE + λ·s·I) y = x for the rows of a vocabulary, by its Cholesky factor or by eigenvectors."""

    triangle: Tensor | None
    inverse: Tensor | None

    @classmethod
    def of(
        cls,
        gram: GramMatrix,
        ridge: float | None,
        should_stop: Callable[[], bool] = lambda: False,
        budget: int = BLOCK_BYTES,
    ) -> LeastSquaresSolver:
        """Factorise for λ = `ridge`, or for the pseudoinverse without one; costs hidden³ besides computing `gram`.

        The pseudoinverse treats eigenvalues below hidden · 2⁻⁵² of the largest as zero.
        """
        matrix = gram.whole(should_stop, budget)
        hidden = len(matrix)
        if ridge is not None:
            mean = matrix.diagonal().sum() / hidden
            matrix.diagonal().add_(ridge * mean)
        triangle, failed = torch.linalg.cholesky_ex(matrix)
        diagonal = triangle.diagonal()
        if not int(failed) and hidden and float(diagonal.min()) > _INDEPENDENT * float(diagonal.max()):
            return cls(triangle, None)
        values, vectors = torch.linalg.eigh(matrix)
        there = values > hidden * torch.finfo(torch.float64).eps * values.max().clamp(min=0)
        return cls(None, vectors[:, there] / values[there].sqrt())

    def solve(self, vectors: Tensor) -> Tensor:
        """Solve for each of `vectors` [n, hidden]; float64 [n, hidden]."""
        if self.triangle is not None:
            x = vectors.to(self.triangle.device).double()
            found: Tensor = torch.cholesky_solve(x.T, self.triangle).T
            return found.contiguous()
        assert self.inverse is not None
        return vectors.to(self.inverse.device).double() @ self.inverse @ self.inverse.T


def largest_coefficients(
    vectors: Tensor,
    vocabulary: EmbeddingMatrix,
    candidates: Tensor,
    k: int,
    decomposition: LeastSquaresSolver,
    should_stop: Callable[[], bool] = lambda: False,
    budget: int = BLOCK_BYTES,
) -> NearestRows:
    """The k words with the largest coefficients for each of `vectors` [n, hidden], as in `nearest_rows`.

    `decomposition` must be of the same vocabulary and candidates.
    """
    found = []
    for block in row_blocks(len(vectors), vectors.shape[1] * 8, 2 * budget):
        y = decomposition.solve(vectors[block])
        near = nearest_rows(y.to(vectors.device), vocabulary, candidates, "cosine", k, should_stop, budget)
        lengths = torch.linalg.vector_norm(y, dim=-1).cpu()
        found.append(NearestRows(near.ids, near.scores * lengths[:, None]))
    if not found:
        return nearest_rows(vectors, vocabulary, candidates, "cosine", k)
    return NearestRows(torch.cat([one.ids for one in found]), torch.cat([one.scores for one in found]))
