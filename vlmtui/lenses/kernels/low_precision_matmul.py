"""Low-precision matrix product: its two operands, each with the error of rounding it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from vlmtui.lenses.kernels.distances import Measure
from vlmtui.lenses.kernels.norms import row_blocks


@dataclass(frozen=True)
class RoundedVectors:
    """Vectors to be multiplied with rows: `values` [n, hidden] in the dtype of the product, and float64 [n, 1] their
    `offset` in the bounds, the norm `lost` to rounding, and their `size`, an upper bound of the norm."""

    values: Tensor
    offset: Tensor
    lost: Tensor
    size: Tensor

    def __getitem__(self, part: slice) -> RoundedVectors:
        return RoundedVectors(self.values[part], self.offset[part], self.lost[part], self.size[part])


@dataclass(frozen=True)
class ExactVectors:
    """Vectors in float64, `exact` [n, hidden], and their `lengths` [n]."""

    exact: Tensor
    lengths: Tensor

    @classmethod
    def of(cls, vectors: Tensor, device: torch.device) -> ExactVectors:
        """Convert `vectors` [n, hidden] on a device that supports float64."""
        x = vectors.to(device).double()
        return cls(x, torch.linalg.vector_norm(x, dim=-1))

    def __len__(self) -> int:
        return len(self.exact)

    def rounded(self, dtype: torch.dtype, device: torch.device, measure: Measure, budget: int) -> RoundedVectors:
        """Round the measure's operand to a dtype, block by block so that not all of it exists in float64."""
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
    """A block of vocabulary rows: `matrix` [rows, hidden] in the dtype of the product, and the `norms` [rows] before
    rounding, float64 or float32. Rounding changed each row by at most the share `lost` of its norm.
    """

    matrix: Tensor
    norms: Tensor
    lost: float = 0.0


def fast_in_bfloat16(device: torch.device) -> bool:
    """Whether the device multiplies bfloat16 matrices in hardware, accumulating in float32."""
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0) and torch.version.hip is None
    return device.type == "cpu" and bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
