"""The two sides of a product of matrices in low precision, each with what it lost by that."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from vlmtui.lenses.kernels.distances import Measure
from vlmtui.lenses.kernels.norms import row_blocks


@dataclass(frozen=True)
class RoundedVectors:
    """What rows are multiplied with [n, hidden] in the dtype of the product; its `offset` in the bounds, the norm of
    what it `lost` by that dtype, and its `size`, float64 [n]."""

    values: Tensor
    offset: Tensor
    lost: Tensor
    size: Tensor

    def __getitem__(self, part: slice) -> RoundedVectors:
        return RoundedVectors(self.values[part], self.offset[part], self.lost[part], self.size[part])


@dataclass(frozen=True)
class ExactVectors:
    """`exact` float64 [n, hidden] and their lengths [n]."""

    exact: Tensor
    lengths: Tensor

    @classmethod
    def of(cls, vectors: Tensor, device: torch.device) -> ExactVectors:
        """Of `vectors` [n, hidden], on a device that has float64."""
        x = vectors.to(device).double()
        return cls(x, torch.linalg.vector_norm(x, dim=-1))

    def __len__(self) -> int:
        return len(self.exact)

    def rounded(self, dtype: torch.dtype, device: torch.device, measure: Measure, budget: int) -> RoundedVectors:
        """What rows are multiplied with, in this dtype; never all of it in float64."""
        n, hidden = self.exact.shape
        values = torch.empty(n, hidden, dtype=dtype, device=device)
        offset, lost, size = torch.zeros(3, n, 1, dtype=torch.float64, device=self.exact.device)
        for part in row_blocks(n, 4 * 8 * hidden, budget):
            operand = measure.operand(self.exact[part], self.lengths[part, None])
            # the dtype before the device: Apple's GPUs take no float64
            some = operand.to(dtype)
            values[part] = some.to(device)
            # double() is the operand itself where there is nothing to round
            lost[part] = torch.linalg.vector_norm(operand - some.double(), dim=-1, keepdim=True)
            size[part] = torch.linalg.vector_norm(operand, dim=-1, keepdim=True) + lost[part]
            offset[part] = measure.offset(operand)[:, None]
        return RoundedVectors(values, offset, lost, size)


@dataclass(frozen=True)
class RoundedRows:
    """A block of a vocabulary: `matrix` [rows, hidden] in the dtype of the product, and the `norms` [rows] of its rows
    as they were, float64 or else float32. Each `lost` at most this share of its norm by the dtype.
    """

    matrix: Tensor
    norms: Tensor
    lost: float = 0.0


def fast_in_bfloat16(device: torch.device) -> bool:
    """Whether the device multiplies bfloat16 matrices itself, summing in float32."""
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0) and torch.version.hip is None
    return device.type == "cpu" and bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
