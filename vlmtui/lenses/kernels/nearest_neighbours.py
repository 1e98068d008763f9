"""Nearest-neighbour search: the nearest vocabulary rows of vectors, exact and in bounded memory.

The order is that of float64 scores on the weights as loaded. A sweep over blocks of the vocabulary in bfloat16 or
float32 keeps, for each vector, the rows with the largest upper bound on their score (see `distances`); those that can
matter are scored again in float64. A row that was not kept cannot score above the smallest bound kept, so the shortlist
is proved sufficient when its k-th exact score lies above that bound. Vectors for which it does not (many identical
rows, extreme values) get a sweep in float32, a longer shortlist, and finally a float64 sweep. A tokens × vocabulary
matrix never exists.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from vlmtui.errors import CancelledError
from vlmtui.lenses.kernels.distances import (
    TOO_SHORT,
    EmbeddingMatrix,
    Measure,
    Near,
    ProductBlock,
    measure_for,
    take_rows,
)
from vlmtui.lenses.kernels.low_precision_matmul import ExactVectors, RoundedRows, RoundedVectors, fast_in_bfloat16
from vlmtui.lenses.kernels.norms import BLOCK_BYTES, exact_device, row_blocks

TIE = 1e-6  # scores this close, relative to the larger, are ties: the lower id comes first
_SLACK = 24  # rows kept beyond k in the first sweep: enough for nearly every vector, cheap to score again
_BLURRED = 32  # further rows kept where rows are rounded for the sweep, since bounds are wider then
_WORTH_ROUNDING = 64  # from this many vectors on, the product takes longer than rounding the rows
_WIDER = 8  # how many times longer the second shortlist is
_NEAR_BY = 16 << 20  # bytes that stay in the processor's cache and are not allocated anew each time
_UNDERFLOW = 2.0**-125  # upper bound of the error of one product that underflows the normal numbers
_BFLOAT16_SHARE = 2.0**-8  # upper bound of the relative error of storing a float32 sum as bfloat16


@dataclass(frozen=True)
class NearestRows:
    """`ids` int64 and `scores` float64, both [vectors, k] on the CPU, nearest first.

    Rows that are not finite come after all others, with NaN scores. A vector that is not finite has no nearest rows:
    the id -1 and NaN.
    """

    ids: Tensor
    scores: Tensor


def nearest_rows(
    vectors: Tensor,
    vocabulary: EmbeddingMatrix,
    candidates: Tensor,
    metric: Near,
    k: int,
    should_stop: Callable[[], bool] = lambda: False,
    budget: int = BLOCK_BYTES,
) -> NearestRows:
    """The k nearest rows of each of `vectors` [n, hidden] among the rows `candidates` (int64, ascending).

    The score is the negative Euclidean distance, the cosine (0 for a zero row) or its absolute value, the cosine after
    subtracting the candidates' mean from both sides, or the dot product. With fewer than k candidates, all are
    returned. `should_stop` is called between blocks; when it returns True, `CancelledError` is raised. `budget` bounds
    the bytes of a block of intermediate values.
    """
    if vectors.ndim != 2 or vectors.shape[1] != vocabulary.embeddings.shape[1]:
        raise ValueError(f"vectors {tuple(vectors.shape)} do not fit embeddings {tuple(vocabulary.embeddings.shape)}")
    k = min(k, len(candidates))
    ids = torch.empty(len(vectors), k, dtype=torch.int64)
    scores = torch.empty(len(vectors), k, dtype=torch.float64)
    if k == 0 or not len(vectors):
        return NearestRows(ids, scores)
    search = _Search(vocabulary, candidates, metric, k, should_stop, budget)

    finite = torch.isfinite(vectors).all(dim=-1).cpu()
    ids[~finite], scores[~finite] = -1, torch.nan
    todo = torch.nonzero(finite).flatten()
    for dtype, keep in search.attempts(len(todo)):
        left = []
        for block in row_blocks(len(todo), 8 * vectors.shape[1], budget):
            some = todo[block]
            found, right = search.by_shortlist(ExactVectors.of(take_rows(vectors, some), search.exact), dtype, keep)
            ids[some[right]], scores[some[right]] = found.ids[right], found.scores[right]
            left.append(some[~right])
        todo = torch.cat([todo[:0], *left])
    for block in row_blocks(len(todo), 3 * 8 * len(candidates), budget):
        found = search.by_whole_rows(ExactVectors.of(take_rows(vectors, todo[block]), search.exact))
        ids[todo[block]], scores[todo[block]] = found.ids, found.scores
    return NearestRows(ids, scores)


class _Search:
    """One search in a vocabulary. Rows are numbered by their place among the finite candidates."""

    def __init__(
        self,
        vocabulary: EmbeddingMatrix,
        candidates: Tensor,
        metric: Near,
        k: int,
        should_stop: Callable[[], bool],
        budget: int,
    ) -> None:
        self.vocabulary, self.embeddings = vocabulary, vocabulary.embeddings
        self.k = k
        self.should_stop = should_stop
        self.budget = budget
        self.exact = exact_device(self.embeddings.device)
        finite = torch.isfinite(vocabulary.norms[candidates])
        self.candidates = candidates[finite]
        # rows that are not finite never enter the search; they follow when it runs out of rows
        self.last_resort: list[int] = candidates[~finite].tolist()
        self.measure: Measure = measure_for(metric, vocabulary, self.candidates)

    def attempts(self, vectors: int) -> Iterator[tuple[torch.dtype, int]]:
        """Precisions to sweep in and numbers of rows to keep, to be tried in turn until every result is proved."""
        keep = self.k + _SLACK
        if len(self.candidates) <= keep:
            yield torch.float64, keep  # all of them are scored exactly
        elif self.embeddings.dtype != torch.float64:
            if fast_in_bfloat16(self.embeddings.device):
                if self.embeddings.dtype == torch.bfloat16:
                    yield torch.bfloat16, keep
                elif vectors >= _WORTH_ROUNDING:
                    yield torch.bfloat16, keep + _BLURRED
            # with TF32 a float32 product does not have float32 precision
            if torch.get_float32_matmul_precision() == "highest":
                yield torch.float32, keep
                yield torch.float32, _WIDER * keep

    def by_shortlist(self, vectors: ExactVectors, dtype: torch.dtype, keep: int) -> tuple[NearestRows, Tensor]:
        """The nearest rows of each vector, and whether they are proved to be right, bool [n]."""
        n, rows = len(vectors), len(self.candidates)
        if rows <= keep:
            everything = torch.arange(rows).expand(n, -1)
            scores = self._scores(vectors, torch.ones(n, rows, dtype=torch.bool), everything)
            return self._ordered(everything, scores), torch.ones(n, dtype=torch.bool)
        shortlist, bounds = self._sweep(vectors, dtype, keep)
        nearest = self._scores_of_each(vectors, shortlist[:, : self.k])
        needed = self._bound_needed(nearest.amin(dim=1), vectors.lengths.cpu())
        others = bounds >= needed[:, None]
        others[:, : self.k] = False
        scores = self._scores(vectors, others, shortlist)
        scores[:, : self.k] = nearest
        right = (bounds[:, -1] < needed) & self.measure.trusted(vectors.lengths.cpu())
        return self._ordered(shortlist, scores), right

    def by_whole_rows(self, vectors: ExactVectors) -> NearestRows:
        """The nearest rows of each vector, by float64 bounds of all candidates [vectors, candidates]."""
        bounds = torch.empty(len(vectors), len(self.candidates), dtype=torch.float64)
        operand = vectors.rounded(torch.float64, self.exact, self.measure, self.budget)
        for block, rows in self._row_blocks(torch.float64, self.exact):
            bounds[:, block] = self._bounds(operand, rows, block).cpu()
        some = bounds.topk(min(self.k + _SLACK, bounds.shape[1]), dim=1).indices
        tried = self._scores(vectors, torch.ones_like(some, dtype=torch.bool), some)
        needed = self._bound_needed(tried.topk(self.k, dim=1).values[:, -1], vectors.lengths.cpu())
        found = []
        for i in range(len(vectors)):
            likely = torch.nonzero(bounds[i] >= needed[i]).T
            one = ExactVectors(vectors.exact[i : i + 1], vectors.lengths[i : i + 1])
            found.append(self._ordered(likely, self._scores(one, torch.ones_like(likely, dtype=torch.bool), likely)))
        return NearestRows(torch.cat([one.ids for one in found]), torch.cat([one.scores for one in found]))

    def _sweep(self, vectors: ExactVectors, dtype: torch.dtype, keep: int) -> tuple[Tensor, Tensor]:
        """The `keep` rows with the largest bounds for each vector, and these bounds, largest first; both [n, keep]."""
        device = self.embeddings.device
        x = vectors.rounded(dtype, device, self.measure, self.budget)
        best = torch.full((len(vectors), keep), -torch.inf, device=device)
        rows = torch.zeros((len(vectors), keep), dtype=torch.int64, device=device)
        for block, some in self._row_blocks(dtype, device):
            for part in row_blocks(len(vectors), 4 * 4 * (len(some.matrix) + keep), min(self.budget, 2 * _NEAR_BY)):
                self.check()
                found = self._bounds(x[part], some, block)
                bounds, index = found.topk(min(keep, found.shape[1]), dim=1)
                both = torch.cat([best[part], bounds], dim=1)
                best[part], order = both.topk(keep, dim=1)
                rows[part] = torch.cat([rows[part], index + block.start], dim=1).gather(1, order)
        return rows.cpu(), best.cpu().double()

    def _bounds(self, operand: RoundedVectors, rows: RoundedRows, places: slice) -> Tensor:
        """Upper bounds of the keys of `rows`, rounding included; [n, rows], float32 or float64.

        Products of bfloat16 numbers are exact in float32 and are summed in float32; the sum is rounded once more when
        stored as bfloat16.
        """
        x, matrix, lost = operand.values, rows.matrix, rows.lost
        terms = x.shape[1] + 24  # with a generous allowance for the roundings around the dot product
        share = 0.0
        if x.dtype == torch.bfloat16 and x.is_cuda:
            # out_dtype keeps partial sums in float32; tensor cores truncate when adding instead of rounding
            values, terms = torch.mm(x, matrix.T, out_dtype=torch.float32), 2 * terms
        elif x.dtype == torch.bfloat16:
            values, share = (x @ matrix.T).float(), _BFLOAT16_SHARE
        else:
            values = x @ matrix.T
        wide = values.dtype
        unit_roundoff = torch.finfo(wide).eps / 2
        if wide == torch.float64:
            terms *= 2  # the scores compared with the bounds are rounded as much
        gamma = terms * unit_roundoff / (1 - terms * unit_roundoff)
        tiny = terms * _UNDERFLOW if wide == torch.float32 else 0.0

        def placed(column: Tensor) -> Tensor:
            return column.to(wide).to(x.device)

        error = (1.0 + 1e-6) * ((1 + lost) * (operand.lost + gamma * operand.size) + lost * operand.size) + tiny
        floor = (tiny + (TOO_SHORT if lost else 0.0)) * (1 + operand.size)
        product = ProductBlock(values, placed(operand.offset), placed(error), share, placed(floor), rows.norms, places)
        bounds = self.measure.bounds(product, unit_roundoff)
        if wide == torch.float32 and bool((untrusted := self.measure.untrusted_rows(product)).any()):
            bounds = bounds.masked_fill_(untrusted, torch.inf)
        return bounds

    def _bound_needed(self, scores: Tensor, lengths: Tensor) -> Tensor:
        """The bound below which a row cannot even tie with `scores`; float64 [n]."""
        return self.measure.needed(scores - TIE * scores.abs(), lengths)

    def _scores(self, vectors: ExactVectors, wanted: Tensor, rows: Tensor) -> Tensor:
        """Float64 scores of the `wanted` (bool) rows [n, m], minus infinity for the others; on the CPU."""
        scores = torch.full(rows.shape, -torch.inf, dtype=torch.float64)
        whose, which = torch.nonzero(wanted, as_tuple=True)
        places = rows[whose, which]
        for part in row_blocks(len(whose), vectors.exact.shape[1] * 8 * 4, min(self.budget, _NEAR_BY)):
            self.check()
            near = self.embeddings[self.candidates[places[part]].to(self.embeddings.device)].to(self.exact).double()
            at = whose[part].to(self.exact)
            found = self.measure.scores(vectors.exact[at], near, vectors.lengths[at], places[part])
            scores[whose[part], which[part]] = found.cpu()
        return scores

    def _scores_of_each(self, vectors: ExactVectors, rows: Tensor) -> Tensor:
        """Float64 scores of as many rows [n, m] for each vector, all of them; on the CPU."""
        row_bytes, limit = rows.shape[1] * vectors.exact.shape[1] * 8 * 2, min(self.budget, _NEAR_BY)
        if row_bytes > limit:  # the rows of one vector alone are too many for a block
            return self._scores(vectors, torch.ones_like(rows, dtype=torch.bool), rows)
        scores = torch.empty(rows.shape, dtype=torch.float64)
        for part in row_blocks(len(vectors), row_bytes, limit):
            self.check()
            near = self.embeddings[self.candidates[rows[part]].to(self.embeddings.device)].to(self.exact).double()
            found = self.measure.scores(vectors.exact[part, None], near, vectors.lengths[part, None], rows[part])
            scores[part] = found.cpu()
        return scores

    def _ordered(self, rows: Tensor, scores: Tensor) -> NearestRows:
        """The first k of the rows [n, m] by score, ties by id."""
        ids = self.candidates[rows]
        k = min(self.k, ids.shape[1])
        places = scores.topk(min(k + 1, ids.shape[1]), dim=1).indices
        best, best_ids = scores.gather(1, places), ids.gather(1, places)
        tied = (best[:, 1:] >= best[:, :-1] - TIE * best[:, :-1].abs()).any(dim=1)
        for i in torch.nonzero(tied).flatten().tolist():
            pairs = rank_with_ties(ids[i].tolist(), scores[i].tolist(), k)
            best_ids[i, :k] = torch.tensor([row for row, _ in pairs])
            best[i, :k] = torch.tensor([score for _, score in pairs], dtype=torch.float64)
        short = self.k - k
        last = torch.tensor(self.last_resort[:short], dtype=torch.int64).expand(len(ids), short)
        unknown = torch.full((len(ids), short), torch.nan, dtype=torch.float64)
        return NearestRows(torch.cat([best_ids[:, :k], last], dim=1), torch.cat([best[:, :k], unknown], dim=1))

    def _row_blocks(self, dtype: torch.dtype, device: torch.device) -> Iterator[tuple[slice, RoundedRows]]:
        """The candidates in blocks, each with its slice of them."""
        wide = torch.promote_types(dtype, torch.float32)
        rounds = dtype == torch.bfloat16 != self.embeddings.dtype
        lost = self.vocabulary.lost() if rounds else self.vocabulary.norms
        for block in row_blocks(len(self.candidates), self.embeddings.shape[1] * wide.itemsize * 2, self.budget):
            self.check()
            matrix = take_rows(self.embeddings, self.candidates[block]).to(device).to(dtype)
            norms = self.measure.norms[block].to(wide).to(device)
            yield block, RoundedRows(matrix, norms, float(lost[self.candidates[block]].max()) if rounds else 0.0)

    def check(self) -> None:
        """Raise `CancelledError` once the request is no longer wanted."""
        if self.should_stop():
            raise CancelledError("the request was cancelled")


def rank_with_ties(ids: list[int], scores: list[float], k: int) -> list[tuple[int, float]]:
    """The first k (id, score) by descending score; scores within `TIE` of the best remaining one are ordered by id."""
    left = sorted(zip(ids, scores, strict=True), key=lambda pair: (-pair[1], pair[0]))
    chosen: list[tuple[int, float]] = []
    start = 0
    while start < len(left) and len(chosen) < k:
        floor = left[start][1] - TIE * abs(left[start][1])
        end = start
        while end < len(left) and left[end][1] >= floor:
            end += 1
        chosen += sorted(left[start:end])
        start = end
    return chosen[:k]
