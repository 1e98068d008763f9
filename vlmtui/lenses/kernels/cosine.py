"""Cosine similarity between the entries of a stage."""

from __future__ import annotations

import torch
from torch import Tensor


def unit_rows(vectors: Tensor) -> Tensor:
    """Scale rows [n, hidden] to unit length, in float32; a zero row stays zero."""
    wide = vectors.float()
    lengths = torch.linalg.vector_norm(wide, dim=-1, keepdim=True)
    return wide / torch.where(lengths > 0, lengths, torch.ones_like(lengths))


def cosine_to_rows(states: Tensor, to: Tensor) -> Tensor:
    """Cosine of every row of `states` [n, hidden] with the rows numbered `to` (int64 [m]), float32 [n].

    With several rows, the cosine with the mean of their unit vectors. 0 for a zero row.
    """
    rows = unit_rows(states)
    return rows @ unit_rows(rows[to.to(rows.device)].mean(dim=0, keepdim=True))[0]
