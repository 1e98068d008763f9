"""L2 norms of vectors, percentiles among the vocabulary's norms, and row blocks of bounded memory."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

BLOCK_BYTES = 64 << 20


def exact_device(device: torch.device) -> torch.device:
    """The device for float64 work: `device` itself, or the CPU for Apple's GPUs, which have no float64."""
    return torch.device("cpu") if device.type == "mps" else device


def row_blocks(rows: int, row_bytes: int, budget: int = BLOCK_BYTES) -> Iterator[slice]:
    """Split 0 … rows into slices of at most `budget` bytes at `row_bytes` per row, with at least one row each."""
    step = max(1, budget // max(1, row_bytes))
    for start in range(0, rows, step):
        yield slice(start, min(start + step, rows))


def row_norms(matrix: Tensor) -> Tensor:
    """The L2 norm of every row of `matrix` [rows, width], computed in float64; float64 [rows] on the CPU."""
    device = exact_device(matrix.device)
    norms = torch.empty(len(matrix), dtype=torch.float64)
    for block in row_blocks(len(matrix), matrix.shape[1] * 8):
        norms[block] = torch.linalg.vector_norm(matrix[block].to(device).double(), dim=-1).cpu()
    return norms


def percentiles(norms: Tensor, vocabulary: Tensor) -> Tensor:
    """Percentage of the norms `vocabulary` [rows] that are smaller than each of `norms` [n], float64 [n].

    Non-finite norms of the vocabulary are ignored; without finite ones the percentage is NaN.
    """
    known = vocabulary[torch.isfinite(vocabulary)].double().sort().values
    if not len(known):
        return torch.full(norms.shape, torch.nan, dtype=torch.float64)
    below = torch.searchsorted(known, norms.double().nan_to_num(0.0, torch.inf), right=False)
    return torch.where(norms.isnan(), torch.nan, 100.0 * below / len(known))
