"""The nearest word-pieces of vectors under l2, cosine and dot: exact, and in bounded memory.

The order is that of float64 on the weights as they are held. A float32 sweep over blocks of the vocabulary keeps, for
each vector, the rows with the largest *upper bound* on their score; these are scored again in float64. A row that was
not kept cannot score above the smallest bound kept, so the shortlist is known to be enough when its k-th exact score
lies above that; vectors for which it does not (many identical rows, extreme values) get a longer list, and in the end
a float64 sweep. tokens × vocabulary never exists as a matrix.

The bound is the textbook one on a dot product of n terms in any order of summation, |fl(x·y) - x·y| ≤ γ_n |x|·|y| ≤
γ_n ‖x‖‖y‖ with γ_n = n·u/(1 - n·u) (N. Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed., section 3.1).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from vlmtui.errors import CancelledError
from vlmtui.lenses.norms import BLOCK_BYTES, exact_device, row_blocks, row_norms
from vlmtui.reading import Metric

TIE = 1e-6  # scores this close, relative to the larger, are ties: the lower id comes first
_SLACK = 24  # rows kept beyond k at first: enough for nearly every vector, cheap to score again
_WIDER = 8  # how much longer the second list is
_LARGEST = 1e15  # the product of two longer vectors may overflow in float32
_SMALLEST = 1e-12  # dividing by a shorter row would magnify what underflows in float32
_UNDERFLOW = 2.0**-125  # more than one product loses where it falls below the normal numbers


@dataclass(frozen=True)
class Vocabulary:
    """An embedding matrix [rows, hidden] as held, with the float64 norm of every row [rows] (on the CPU)."""

    embeddings: Tensor
    norms: Tensor

    @classmethod
    def of(cls, embeddings: Tensor) -> Vocabulary:
        """The vocabulary of an embedding matrix; reads all of it once."""
        return cls(embeddings, row_norms(embeddings))


@dataclass(frozen=True)
class Nearest:
    """`ids` int64 and `scores` float64, both [vectors, k] on the CPU, nearest first.

    A row that holds a number that is not finite comes after all others, and its score is NaN.
    """

    ids: Tensor
    scores: Tensor


def nearest(
    vectors: Tensor,
    vocabulary: Vocabulary,
    candidates: Tensor,
    metric: Metric,
    k: int,
    should_stop: Callable[[], bool] = lambda: False,
    budget: int = BLOCK_BYTES,
) -> Nearest:
    """The k nearest rows of each of `vectors` [n, hidden] among the rows `candidates` (int64, ascending).

    Score: minus the Euclidean distance, the cosine (0 for a zero row) or the dot product. Fewer than k candidates give
    all of them. `should_stop` is asked between blocks: `CancelledError` when it says so. `budget` bounds the bytes of
    a block of intermediate values.
    """
    if vectors.ndim != 2 or vectors.shape[1] != vocabulary.embeddings.shape[1]:
        raise ValueError(f"vectors {tuple(vectors.shape)} do not fit embeddings {tuple(vocabulary.embeddings.shape)}")
    k = min(k, len(candidates))
    ids = torch.empty(len(vectors), k, dtype=torch.int64)
    scores = torch.empty(len(vectors), k, dtype=torch.float64)
    if k == 0 or not len(vectors):
        return Nearest(ids, scores)
    search = _Search(vocabulary, candidates, metric, k, should_stop, budget)

    finite = torch.isfinite(vectors).all(dim=-1).cpu()
    # nothing is near a vector that is not a number: the first rows, without scores
    ids[~finite], scores[~finite] = candidates[:k], torch.nan
    todo = torch.nonzero(finite).flatten()
    for keep in (k + _SLACK, _WIDER * (k + _SLACK)):
        if not len(todo):
            break
        found, right = search.by_shortlist(_take(vectors, todo), keep)
        ids[todo[right]], scores[todo[right]] = found.ids[right], found.scores[right]
        todo = todo[~right]
    for block in row_blocks(len(todo), 3 * 8 * len(candidates), budget):
        found = search.by_whole_rows(_take(vectors, todo[block]))
        ids[todo[block]], scores[todo[block]] = found.ids, found.scores
    return Nearest(ids, scores)


class _Search:
    """One question to a vocabulary. Rows are named by their place among the finite candidates."""

    def __init__(
        self,
        vocabulary: Vocabulary,
        candidates: Tensor,
        metric: Metric,
        k: int,
        should_stop: Callable[[], bool],
        budget: int,
    ) -> None:
        self.embeddings = vocabulary.embeddings
        self.metric = metric
        self.k = k
        self.should_stop = should_stop
        self.budget = budget
        self.exact = exact_device(self.embeddings.device)
        norms = vocabulary.norms[candidates]
        finite = torch.isfinite(norms)
        self.candidates, self.norms = candidates[finite], norms[finite]
        # rows that are not finite never enter the search: they are what is left when it runs out of rows
        self.last_resort: list[int] = candidates[~finite].tolist()

    def by_shortlist(self, vectors: Tensor, keep: int) -> tuple[Nearest, Tensor]:
        """The nearest of each of `vectors` [n, hidden], and bool [n]: whether they are known to be right."""
        if len(self.candidates) <= keep:
            rows = torch.arange(len(self.candidates)).expand(len(vectors), -1)
            return self._ordered(rows, self._scores(vectors, rows)), torch.ones(len(vectors), dtype=torch.bool)
        if not self._float32_is_exact_enough(vectors):
            nothing = torch.empty(len(vectors), self.k)
            return Nearest(nothing.long(), nothing.double()), torch.zeros(len(vectors), dtype=torch.bool)
        rows, ceilings = self._sweep(vectors, keep)
        scores = self._scores(vectors, rows)
        worst = scores.topk(self.k, dim=1).values[:, -1]
        lengths = row_norms(vectors)
        right = ceilings < self._bound_needed(worst, lengths)
        right &= (lengths < _LARGEST) & ((lengths == 0) | (lengths > _SMALLEST))
        return self._ordered(rows, scores), right

    def by_whole_rows(self, vectors: Tensor) -> Nearest:
        """The nearest of each of `vectors`, by bounds in float64 on all candidates: [vectors, candidates] of them."""
        bounds = torch.empty(len(vectors), len(self.candidates), dtype=torch.float64)
        for block, matrix, norms in self._row_blocks(torch.float64, self.exact):
            bounds[:, block] = self._bounds(vectors.to(self.exact).double(), matrix, norms).cpu()
        some = bounds.topk(min(self.k + _SLACK, bounds.shape[1]), dim=1).indices
        worst = self._scores(vectors, some).topk(self.k, dim=1).values[:, -1]
        needed = self._bound_needed(worst, row_norms(vectors))
        found = []
        for i in range(len(vectors)):
            rows = torch.nonzero(bounds[i] >= needed[i]).T
            found.append(self._ordered(rows, self._scores(vectors[i : i + 1], rows)))
        return Nearest(torch.cat([one.ids for one in found]), torch.cat([one.scores for one in found]))

    def _sweep(self, vectors: Tensor, keep: int) -> tuple[Tensor, Tensor]:
        """The `keep` rows with the largest bounds for each vector [n, keep], and the smallest of these bounds [n]."""
        device = self.embeddings.device
        x = vectors.to(device).float()
        best = torch.full((len(x), keep), -torch.inf, device=device)
        rows = torch.zeros((len(x), keep), dtype=torch.int64, device=device)
        for block, matrix, norms in self._row_blocks(torch.float32, device):
            for part in row_blocks(len(x), 4 * 4 * (len(matrix) + keep), self.budget):
                self._check()
                bounds = torch.cat([best[part], self._bounds(x[part], matrix, norms)], dim=1)
                best[part], index = bounds.topk(keep, dim=1)
                held = rows[part].gather(1, index.clamp(max=keep - 1))
                rows[part] = torch.where(index < keep, held, index - keep + block.start)
        return rows.cpu(), best[:, -1].cpu().double()

    def _bounds(self, x: Tensor, matrix: Tensor, norms: Tensor) -> Tensor:
        """What no row of `matrix` [rows, hidden] can exceed for x [n, hidden], rounding included; [n, rows].

        Of the cosine or the dot product itself; of x·e - ‖e‖²/2 for l2, whose order is that of minus the distance.
        """
        unit_roundoff = torch.finfo(x.dtype).eps / 2
        terms = x.shape[1] + 24  # the few roundings around the dot product, counted generously
        if x.dtype == torch.float64:
            terms *= 2  # the scores that the bounds are held against have been rounded as much
        gamma = terms * unit_roundoff / (1 - terms * unit_roundoff)
        if self.metric == "cosine":
            lengths = torch.linalg.vector_norm(x.to(self.exact).double(), dim=-1, keepdim=True)
            # the dtype before the device: Apple's GPUs take no float64
            unit = (x.to(self.exact).double() / lengths.clamp(min=1e-300)).to(x.dtype).to(x.device)
            bounds: Tensor = (unit @ matrix.T) / torch.where(norms == 0, 1, norms) + gamma
            untrusted = ((norms > 0) & (norms < _SMALLEST)) | (norms > _LARGEST)
        else:
            lengths = torch.linalg.vector_norm(x, dim=-1, keepdim=True)
            bounds = x @ matrix.T + gamma * lengths * norms
            bounds += terms * _UNDERFLOW if x.dtype == torch.float32 else 0.0
            if self.metric == "l2":
                bounds += (gamma - 0.5) * norms * norms
            untrusted = norms > _LARGEST
        if x.dtype == torch.float32:
            bounds = bounds.masked_fill(untrusted, torch.inf)
        return bounds

    def _bound_needed(self, scores: Tensor, lengths: Tensor) -> Tensor:
        """The bound below which a row of a vector of this length cannot even tie with `scores`; float64 [n]."""
        floor = scores - TIE * scores.abs()
        if self.metric != "l2":
            return floor - 1e-13 * floor.abs()
        # -s = ‖x - e‖ and x·e - ‖e‖²/2 = (‖x‖² - s²)/2, with room for the rounding of this line
        return (lengths**2 - floor**2) / 2 - 1e-13 * (lengths**2 + floor**2)

    def _scores(self, vectors: Tensor, rows: Tensor) -> Tensor:
        """The float64 scores of the rows [n, m] for `vectors` [n, hidden]; [n, m] on the CPU."""
        x = vectors.to(self.exact).double()
        lengths = torch.linalg.vector_norm(x, dim=-1, keepdim=True)
        scores = torch.empty(rows.shape, dtype=torch.float64)
        width = x.shape[1] * 2 * 8
        for some in row_blocks(len(x), min(rows.shape[1] * width, self.budget), self.budget):
            for part in row_blocks(rows.shape[1], len(x[some]) * width, self.budget):
                self._check()
                chosen = rows[some, part]
                near = _take(self.embeddings, self.candidates[chosen]).to(self.exact).double()
                if self.metric == "l2":
                    near -= x[some, None]
                    # 0 - d rather than -d: no minus zero for a vector that finds itself
                    scores[some, part] = (0.0 - torch.linalg.vector_norm(near, dim=-1)).cpu()
                    continue
                product = torch.einsum("nh,nmh->nm", x[some], near)
                if self.metric == "cosine":
                    both = lengths[some] * self.norms[chosen].to(self.exact)
                    product = torch.where(both > 0, product / both, 0.0)
                scores[some, part] = product.cpu()
        return scores

    def _ordered(self, rows: Tensor, scores: Tensor) -> Nearest:
        """The first k of the rows [n, m] by their scores, ties by their ids."""
        ids = self.candidates[rows]
        k = min(self.k, ids.shape[1])
        places = scores.topk(min(k + 1, ids.shape[1]), dim=1).indices
        best, best_ids = scores.gather(1, places), ids.gather(1, places)
        tied = (best[:, 1:] >= best[:, :-1] - TIE * best[:, :-1].abs()).any(dim=1)
        for i in torch.nonzero(tied).flatten().tolist():
            pairs = in_order(ids[i].tolist(), scores[i].tolist(), k)
            best_ids[i, :k] = torch.tensor([row for row, _ in pairs])
            best[i, :k] = torch.tensor([score for _, score in pairs], dtype=torch.float64)
        short = self.k - k
        last = torch.tensor(self.last_resort[:short], dtype=torch.int64).expand(len(ids), short)
        unknown = torch.full((len(ids), short), torch.nan, dtype=torch.float64)
        return Nearest(torch.cat([best_ids[:, :k], last], dim=1), torch.cat([best[:, :k], unknown], dim=1))

    def _row_blocks(self, dtype: torch.dtype, device: torch.device) -> Iterator[tuple[slice, Tensor, Tensor]]:
        """The candidates in blocks: places, rows of the matrix in `dtype`, and their norms."""
        row_bytes = self.embeddings.shape[1] * dtype.itemsize * 2
        for block in row_blocks(len(self.candidates), row_bytes, self.budget):
            self._check()
            chosen = self.candidates[block]
            first, last = int(chosen[0]), int(chosen[-1]) + 1
            # nearly always all in a row: a view instead of a copy
            rows = self.embeddings[first:last] if last - first == len(chosen) else _take(self.embeddings, chosen)
            matrix = rows.to(device).to(dtype)
            yield block, matrix, self.norms[block].to(dtype).to(device)

    def _float32_is_exact_enough(self, vectors: Tensor) -> bool:
        """Whether float32 holds the numbers as they are, and a product of matrices is computed in it (no TF32)."""
        wide = torch.float64 in (vectors.dtype, self.embeddings.dtype)
        return not wide and torch.get_float32_matmul_precision() == "highest"

    def _check(self) -> None:
        if self.should_stop():
            raise CancelledError("the question was withdrawn")


def in_order(ids: list[int], scores: list[float], k: int) -> list[tuple[int, float]]:
    """The first k (id, score) by falling score; what lies within `TIE` of the best that is left comes by id."""
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


def _take(matrix: Tensor, rows: Tensor) -> Tensor:
    """Rows of a matrix by an index that may live on another device."""
    return matrix[rows.to(matrix.device)]
