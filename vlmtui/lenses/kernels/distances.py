"""Distances and similarities: l2, cosine (plain, centred, absolute) and dot product; exact scores and upper bounds.

Bounds come from a matrix product in low precision. For n terms summed in any order, |fl(x·y) - x·y| ≤ γ_n |x|·|y|
≤ γ_n ‖x‖‖y‖ with γ_n = n·u/(1 - n·u) (N. Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed., section 3.1);
rounding the operands before the product adds ‖x - fl(x)‖‖y‖, which is measured.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Literal

import torch
from torch import Tensor

from vlmtui.lenses.kernels.norms import exact_device, row_blocks, row_norms

Near = Literal["l2", "cosine", "|cosine|", "cosine-centred", "dot"]

_LARGEST = 1e15  # the product of two longer vectors may overflow in float32
_SMALLEST = 1e-12  # dividing by a shorter row would magnify what underflows in float32
TOO_SHORT = 1e-30
"""A row shorter than this may round to zero: its rounding error counts as an absolute number, not as a share."""
_NO_DIRECTION = 1e-13  # a row shorter than this, relative to before the mean was subtracted, is rounding error


@dataclass(frozen=True)
class Centre:
    """The mean of some rows, float64 [hidden], and the norm of each row minus it, float64 [rows]; on the CPU."""

    mean: Tensor
    norms: Tensor


@dataclass(frozen=True)
class EmbeddingMatrix:
    """An embedding matrix [rows, hidden] as loaded, with the norm of every row, float64 [rows] on the CPU."""

    embeddings: Tensor
    norms: Tensor
    _centres: list[tuple[Tensor, Centre]] = field(default_factory=list)
    _lost: list[Tensor] = field(default_factory=list)

    @classmethod
    def of(cls, embeddings: Tensor) -> EmbeddingMatrix:
        """Wrap an embedding matrix; reads all of it once for the norms."""
        return cls(embeddings, row_norms(embeddings))

    def lost(self) -> Tensor:
        """Share of its norm that each row loses when rounded to bfloat16, float64 [rows]; cached.

        0 for rows shorter than `TOO_SHORT`, whose error is counted in absolute terms.
        """
        if not self._lost:
            lost = torch.zeros_like(self.norms)
            if self.embeddings.dtype != torch.bfloat16:
                # small enough for the processor's cache: each block is read five times
                for block in row_blocks(len(lost), self.embeddings.shape[1] * 8, 4 << 20):
                    wide = self.embeddings[block].float()
                    apart = torch.linalg.vector_norm(wide - wide.bfloat16(), dim=-1).cpu().double()
                    lost[block] = torch.where(self.norms[block] > TOO_SHORT, apart / self.norms[block], 0.0)
            self._lost.append(lost)
        return self._lost[0]

    def centre(self, rows: Tensor) -> Centre:
        """The mean of these (finite) rows, computed in float64; cached for the last two sets of rows."""
        for known, centre in self._centres:
            if torch.equal(known, rows):
                return centre
        device = exact_device(self.embeddings.device)
        blocks = list(row_blocks(len(rows), self.embeddings.shape[1] * 16))
        mean = torch.zeros(self.embeddings.shape[1], dtype=torch.float64, device=device)
        for block in blocks:
            mean += take_rows(self.embeddings, rows[block]).to(device).double().sum(dim=0)
        mean /= max(1, len(rows))
        norms = torch.empty(len(rows), dtype=torch.float64)
        for block in blocks:
            apart = take_rows(self.embeddings, rows[block]).to(device).double() - mean
            norms[block] = torch.linalg.vector_norm(apart, dim=-1).cpu()
        size = torch.maximum(self.norms[rows], torch.linalg.vector_norm(mean).cpu())
        centre = Centre(mean.cpu(), torch.where(norms > _NO_DIRECTION * size, norms, 0.0))
        self._centres[:] = [*self._centres[-1:], (rows, centre)]
        return centre


@dataclass(frozen=True)
class ProductBlock:
    """A block of products fl(x·e) [n, rows] of vectors x and rows e, in the dtype of the product.

    The error is at most `error` [n, 1] times ‖e‖, plus `share` times the product's magnitude, plus `floor` [n, 1].
    `norms` [rows] are the norms of the rows, `offset` [n, 1] is what the measure subtracts from every product of x, and
    `places` are the positions of the block's rows among the candidates.
    """

    values: Tensor
    offset: Tensor
    error: Tensor
    share: float
    floor: Tensor
    norms: Tensor
    places: slice

    def above(self, values: Tensor | None = None) -> Tensor:
        """Upper bound of x·e, or of the exact values of `values`; takes the place of these."""
        most = self.values if values is None else values
        # few passes over the block: they take as long as the product. v + s|v| is (1 + s) v, or (1 - s) v below zero
        if self.share:
            torch.nn.functional.leaky_relu_(most, (1 - self.share) / (1 + self.share))
        return most.addr_(self.error[:, 0], self.norms, beta=1 + self.share).add_(self.floor)


class Measure(ABC):
    """A way to score rows against vectors.

    Rows are the finite candidates, numbered by their place among them; `norms` are theirs, float64 [rows].
    """

    def __init__(self, norms: Tensor) -> None:
        self.norms = norms

    @abstractmethod
    def operand(self, x: Tensor, lengths: Tensor) -> Tensor:
        """The vectors that rows are multiplied with, float64 [n, hidden], for vectors x of lengths [n, 1]."""

    def offset(self, operand: Tensor) -> Tensor:
        """What is subtracted from every product of an operand, float64 [n]."""
        return torch.zeros(len(operand), dtype=torch.float64, device=operand.device)

    @abstractmethod
    def bounds(self, product: ProductBlock, unit_roundoff: float) -> Tensor:
        """Upper bounds of the rows' keys [n, rows]; keys are in the order of the scores."""

    @abstractmethod
    def scores(self, x: Tensor, rows: Tensor, lengths: Tensor, places: Tensor) -> Tensor:
        """Exact scores of pairs [...], for x and rows float64 [..., hidden], lengths [...] and places [...]."""

    def needed(self, floor: Tensor, lengths: Tensor) -> Tensor:
        """The key of a score, lowered a little for rounding; float64 [n]."""
        return floor - 1e-13 * floor.abs()

    def trusted(self, lengths: Tensor) -> Tensor:
        """Whether float32 neither overflows nor underflows for vectors of these lengths, bool [n]."""
        return (lengths < _LARGEST) & ((lengths == 0) | (lengths > _SMALLEST))

    def untrusted_rows(self, product: ProductBlock) -> Tensor:
        """The rows for which float32 may overflow or underflow, bool [rows]."""
        return product.norms > _LARGEST


class DotProduct(Measure):
    """Dot product x·e."""

    def operand(self, x: Tensor, lengths: Tensor) -> Tensor:
        return x

    def bounds(self, product: ProductBlock, unit_roundoff: float) -> Tensor:
        return product.above()

    def scores(self, x: Tensor, rows: Tensor, lengths: Tensor, places: Tensor) -> Tensor:
        return (x * rows).sum(dim=-1)


class EuclideanDistance(DotProduct):
    """Negative Euclidean distance -‖x - e‖, which has the same order as x·e - ‖e‖²/2."""

    def bounds(self, product: ProductBlock, unit_roundoff: float) -> Tensor:
        return product.above().add_((16 * unit_roundoff - 0.5) * product.norms * product.norms)

    def scores(self, x: Tensor, rows: Tensor, lengths: Tensor, places: Tensor) -> Tensor:
        # 0 - d instead of -d, which is minus zero for a vector equal to a row
        distances: Tensor = torch.linalg.vector_norm(rows - x, dim=-1)
        return 0.0 - distances

    def needed(self, floor: Tensor, lengths: Tensor) -> Tensor:
        # -s = ‖x - e‖ and x·e - ‖e‖²/2 = (‖x‖² - s²)/2, with room for the rounding of this line
        return (lengths**2 - floor**2) / 2 - 1e-13 * (lengths**2 + floor**2)


class CosineSimilarity(Measure):
    """Cosine x·e / (‖x‖‖e‖), 0 where either is zero; with `absolute` its absolute value."""

    def __init__(self, norms: Tensor, absolute: bool = False) -> None:
        super().__init__(norms)
        self.absolute = absolute

    def operand(self, x: Tensor, lengths: Tensor) -> Tensor:
        return x / lengths.clamp(min=1e-300)

    def bounds(self, product: ProductBlock, unit_roundoff: float) -> Tensor:
        most = product.above(product.values.abs() if self.absolute else None)
        return most.div_(torch.where(product.norms == 0, 1, product.norms)).add_(16 * unit_roundoff)

    def scores(self, x: Tensor, rows: Tensor, lengths: Tensor, places: Tensor) -> Tensor:
        both = lengths * self.norms[places].to(x.device)
        cosines = torch.where(both > 0, (x * rows).sum(dim=-1) / both, 0.0)
        return cosines.abs() if self.absolute else cosines

    def trusted(self, lengths: Tensor) -> Tensor:
        return torch.ones_like(lengths, dtype=torch.bool)

    def untrusted_rows(self, product: ProductBlock) -> Tensor:
        return ((product.norms > 0) & (product.norms < _SMALLEST)) | (product.norms > _LARGEST)


class CentredCosine(CosineSimilarity):
    """Cosine of x - c and e - c, where c is the mean of the rows; 0 where either is zero."""

    def __init__(self, norms: Tensor, centre: Centre) -> None:
        super().__init__(norms)
        self.centre = centre
        self._size = float(torch.linalg.vector_norm(centre.mean))

    def _apart(self, x: Tensor) -> tuple[Tensor, Tensor]:
        apart = x - self.centre.mean.to(x.device)
        lengths = torch.linalg.vector_norm(apart, dim=-1)
        # either of the two may be the larger
        size = torch.linalg.vector_norm(x, dim=-1).clamp(min=self._size)
        return apart, torch.where(lengths > _NO_DIRECTION * size, lengths, 0.0)

    def operand(self, x: Tensor, lengths: Tensor) -> Tensor:
        apart, own = self._apart(x)
        return torch.where(own > 0, 1 / own.clamp(min=1e-300), 0.0)[:, None] * apart

    def offset(self, operand: Tensor) -> Tensor:
        return operand @ self.centre.mean.to(operand.device)

    def bounds(self, product: ProductBlock, unit_roundoff: float) -> Tensor:
        own = self.centre.norms[product.places].to(product.norms)
        # the offset is rounded, and subtracted with another rounding; ‖c‖ ≤ ‖e‖ + ‖e - c‖
        most = product.above().sub_(product.offset).add_(16 * unit_roundoff * (product.norms + own))
        bounds = most.div_(torch.where(own == 0, 1, own)).add_(16 * unit_roundoff)
        return bounds.masked_fill_(own == 0, 0)

    def scores(self, x: Tensor, rows: Tensor, lengths: Tensor, places: Tensor) -> Tensor:
        apart, own = self._apart(x)
        both = own * self.centre.norms[places].to(x.device)
        product = (apart * (rows - self.centre.mean.to(x.device))).sum(dim=-1)
        return torch.where(both > 0, product / both, 0.0)

    def untrusted_rows(self, product: ProductBlock) -> Tensor:
        own = self.centre.norms[product.places].to(product.norms)
        return ((own > 0) & (own < _SMALLEST)) | (own > _LARGEST) | (product.norms > _LARGEST)


def measure_for(metric: Near, vocabulary: EmbeddingMatrix, rows: Tensor) -> Measure:
    """The measure for a metric over these (finite) rows of a vocabulary."""
    norms = vocabulary.norms[rows]
    if metric == "cosine-centred":
        return CentredCosine(norms, vocabulary.centre(rows))
    if metric in ("cosine", "|cosine|"):
        return CosineSimilarity(norms, absolute=metric == "|cosine|")
    return EuclideanDistance(norms) if metric == "l2" else DotProduct(norms)


def take_rows(matrix: Tensor, rows: Tensor) -> Tensor:
    """Select rows of a matrix by an index on any device; a view where the index is contiguous."""
    if (
        len(rows)
        and rows.ndim == 1
        and int(rows[-1]) - int(rows[0]) + 1 == len(rows)
        and bool((rows.diff() == 1).all())
    ):
        return matrix[int(rows[0]) : int(rows[-1]) + 1]
    return matrix[rows.to(matrix.device)]
