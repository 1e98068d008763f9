"""Vocabulary rows compared with each other: identical rows, and exact scores against a few vectors."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import blake2b

import torch
from torch import Tensor

from vlmtui.lenses.kernels.distances import EmbeddingMatrix, Near, measure_for, take_rows
from vlmtui.lenses.kernels.norms import exact_device, row_blocks

Stop = Callable[[], None]


def identical_rows(matrix: Tensor, check: Stop = lambda: None) -> Tensor:
    """For every row of `matrix` [rows, width] the lowest row with the same numbers, int64 [rows].

    Minus zero equals zero. `check` is called between blocks and may raise.
    """
    first = torch.arange(len(matrix))
    seen: dict[bytes, int] = {}
    for block in row_blocks(len(matrix), matrix.shape[1] * matrix.element_size()):
        check()
        rows = (matrix[block] + 0.0).cpu().contiguous().view(torch.uint8).numpy()
        for row, data in enumerate(rows, block.start):
            first[row] = seen.setdefault(blake2b(data, digest_size=16).digest(), row)
    return first


def exact_scores(
    vectors: Tensor, vocabulary: EmbeddingMatrix, rows: Tensor, metric: Near, check: Stop = lambda: None
) -> Tensor:
    """Exact scores of the `rows` (int64, finite) against each of `vectors` [n, hidden], float64 [n, rows].

    Every pair is computed in float64, block by block, which suits a handful of vectors.
    """
    by = measure_for(metric, vocabulary, rows)
    device = exact_device(vocabulary.embeddings.device)
    x = vectors.to(device).double()
    lengths = torch.linalg.vector_norm(x, dim=-1)
    found = torch.empty(len(x), len(rows), dtype=torch.float64)
    for block in row_blocks(len(rows), x.shape[1] * 8 * 3):
        check()
        near = take_rows(vocabulary.embeddings, rows[block]).to(device).double()
        places = torch.arange(block.start, block.stop)
        for i in range(len(x)):
            found[i, block] = by.scores(x[i : i + 1], near, lengths[i : i + 1], places).cpu()
    return found
