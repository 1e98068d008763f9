"""Orthogonal matching pursuit: the few words that together make up a vector, over unit-length word vectors.

Y. C. Pati, R. Rezaiifar, P. S. Krishnaprasad, Orthogonal Matching Pursuit, Asilomar 1993. Each step picks the word
whose direction correlates most with the residual, then fits all picked words again by least squares. All tokens of a
block take a step together: one exact search for the nearest direction, and one Gram-Schmidt step in float64, done twice
so that the residual stays orthogonal to the picked words.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from vlmtui.lenses.kernels.distances import EmbeddingMatrix
from vlmtui.lenses.kernels.nearest_neighbours import nearest_rows
from vlmtui.lenses.kernels.norms import BLOCK_BYTES, exact_device, row_blocks

NOTHING_LEFT = 1e-9
"""The pursuit ends when the best correlation with the residual, relative to the vector's norm, is below this."""


@dataclass(frozen=True)
class MatchingPursuit:
    """The picked words in the order picked, all [vectors, k] on the CPU.

    `ids` int64, `coefficients` float64 of the fit with all picked words, `explained` float64 the share of the norm
    explained after each pick, 1 - ‖residual‖/‖vector‖. A pursuit that ended early (no residual, or no word correlates)
    is padded with the id -1 and NaN.
    """

    ids: Tensor
    coefficients: Tensor
    explained: Tensor


def matching_pursuit(
    vectors: Tensor,
    vocabulary: EmbeddingMatrix,
    candidates: Tensor,
    k: int,
    positive: bool = False,
    should_stop: Callable[[], bool] = lambda: False,
    budget: int = BLOCK_BYTES,
) -> MatchingPursuit:
    """At most k words for each of `vectors` [n, hidden], among the rows `candidates` (int64, ascending).

    Words are picked by the absolute value of their correlation, with `positive` by a positive correlation only (the
    coefficients of the fit may still be negative); of those within 1e-6 of the largest the lower id is picked. Word
    vectors are scaled to unit length, the vectors are not. Zero and non-finite rows are never picked, and a non-finite
    vector gets no words. `should_stop` and `budget` are as in `nearest_rows`; the state of a block of vectors takes
    three budgets.
    """
    direction = torch.isfinite(vocabulary.norms[candidates]) & (vocabulary.norms[candidates] > 0)
    rows = candidates[direction]
    k = min(k, len(candidates))
    found = MatchingPursuit(
        torch.full((len(vectors), k), -1, dtype=torch.int64),
        torch.full((len(vectors), k), torch.nan, dtype=torch.float64),
        torch.full((len(vectors), k), torch.nan, dtype=torch.float64),
    )
    if not len(rows):
        return found
    for block in row_blocks(len(vectors), (k + 1) * vectors.shape[1] * 8, 3 * budget):
        whose = torch.nonzero(torch.isfinite(vectors[block]).all(dim=-1).cpu()).flatten() + block.start
        state = _Block(vectors[whose.to(vectors.device)], vocabulary, k)
        while state.steps < k and len(state.going):
            near = nearest_rows(
                state.rest[_straight(state.going)],
                vocabulary,
                rows,
                "cosine" if positive else "|cosine|",
                1,
                should_stop,
                budget,
            )
            state.step(near.ids[:, 0], near.scores[:, 0])
        found.ids[whose] = state.ids
        found.coefficients[whose] = state.coefficients()
        found.explained[whose] = state.explained
    return found


class _Block:
    """The state of a block of vectors: `rest` [n, hidden] are the residuals, `going` the vectors not yet finished."""

    def __init__(self, vectors: Tensor, vocabulary: EmbeddingMatrix, k: int) -> None:
        self.vocabulary = vocabulary
        self.device = exact_device(vectors.device)
        self.rest = vectors.to(self.device).double().clone()
        n, hidden = self.rest.shape
        self.lengths = torch.linalg.vector_norm(self.rest, dim=-1)
        self.going = torch.nonzero(self.lengths > 0).flatten()
        self.steps = 0
        self.ids = torch.full((n, k), -1, dtype=torch.int64)
        self.explained = torch.full((n, k), torch.nan, dtype=torch.float64)
        # words = directions · triangle, with orthonormal directions, one more at each step; the last one is not needed
        self.directions = torch.empty(n, max(0, k - 1), hidden, dtype=torch.float64, device=self.device)
        self.triangle = torch.eye(k, dtype=torch.float64, device=self.device).repeat(n, 1, 1)
        self.along = torch.zeros(n, k, dtype=torch.float64, device=self.device)

    def step(self, ids: Tensor, correlations: Tensor) -> None:
        """Add a word to the fit of each unfinished vector; vectors whose correlation is rounding error are finished."""
        left = torch.linalg.vector_norm(self.rest[self.going], dim=-1)
        worth = (correlations.to(self.device) * left) > NOTHING_LEFT * self.lengths[self.going]
        ids, self.going = ids[worth.cpu()], self.going[worth]
        for part in row_blocks(len(self.going), self.rest.shape[1] * 8 * (self.steps + 6)):
            self._take(_straight(self.going[part]), ids[part])
        self.steps += 1

    def _take(self, whose: Tensor | slice, ids: Tensor) -> None:
        t = self.steps
        embeddings, norms = self.vocabulary.embeddings, self.vocabulary.norms
        word = embeddings[ids.to(embeddings.device)].to(self.device).double() / norms[ids].to(self.device)[:, None]
        before = self.directions[whose, :t]
        shares = torch.zeros(len(ids), t, 1, dtype=torch.float64, device=self.device)
        for _ in range(2):
            again = before @ word[..., None]
            word = word - (before.transpose(1, 2) @ again)[..., 0]
            shares += again
        own = torch.linalg.vector_norm(word, dim=-1)
        direction = word / own[:, None]
        rest = self.rest[whose]
        along = (direction * rest).sum(dim=-1)
        rest = rest - along[:, None] * direction
        # rounding leaves a little of the older directions, whose words would be picked again later
        rest = rest - (before.transpose(1, 2) @ (before @ rest[..., None]))[..., 0]
        self.rest[whose] = rest
        if t < self.directions.shape[1]:
            self.directions[whose, t] = direction
        self.triangle[whose, :t, t] = shares[..., 0]
        self.triangle[whose, t, t] = own
        self.along[whose, t] = along
        where = whose if isinstance(whose, slice) else whose.cpu()
        self.ids[where, t] = ids
        share = 1 - torch.linalg.vector_norm(rest, dim=-1) / self.lengths[whose]
        self.explained[where, t] = share.clamp(min=0).cpu()

    def coefficients(self) -> Tensor:
        """Coefficients of the fit with all picked words, float64 [n, k] on the CPU; NaN where none was picked."""
        found = torch.linalg.solve_triangular(self.triangle, self.along[..., None], upper=True)[..., 0].cpu()
        return torch.where(self.ids >= 0, found, torch.nan)


def _straight(rows: Tensor) -> Tensor | slice:
    """Ascending row numbers (int64 [n]), as a slice where they are contiguous, which avoids a copy."""
    if len(rows) and int(rows[-1]) - int(rows[0]) + 1 == len(rows):
        return slice(int(rows[0]), int(rows[-1]) + 1)
    return rows
