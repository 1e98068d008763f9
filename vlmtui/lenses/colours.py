"""Principal components of a stage's entries, to be seen as colours (Jolliffe, Principal Component Analysis, 2002)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

COMPONENTS = 3
_REACH = 0.98  # the share of entries whose scores lie within the colours' range
_EXACT = 1536  # the larger Gram matrices are taken apart in float32


@dataclass(frozen=True)
class Components:
    """`scores` float32 [n, 3] of the centred entries on the first components, of which there may be fewer; the missing
    ones are 0. `explained` [3] is the share (0–1) of the variance in each."""

    scores: Tensor
    explained: Tensor

    def scaled(self) -> Tensor:
        """The scores as multiples of what the largest of each component reach [n, 3]."""
        reach = (
            torch.quantile(self.scores.abs(), _REACH, dim=0) if len(self.scores) else self.scores.new_ones(COMPONENTS)
        )
        return self.scores / torch.where(reach > 0, reach, torch.ones_like(reach))


def components(states: Tensor, before: Components | None = None) -> Components:
    """The first three principal components of `states` [n, hidden].

    A component's sign is arbitrary. Here it follows `before`, the same entries one stage earlier, so that colours do
    not flip from stage to stage; without that the entry farthest out lies on the positive side.
    """
    count = len(states)
    wide = torch.float64 if min(states.shape) <= _EXACT and states.device.type != "mps" else torch.float32
    centred = states.to(wide)
    centred = centred - centred.mean(dim=0) if count else centred
    total = centred.square().sum()
    few = count <= centred.shape[1]
    gram = centred @ centred.T if few else centred.T @ centred
    values, vectors = torch.linalg.eigh(gram)
    values, vectors = values.flip(0)[:COMPONENTS].clamp_min(0), vectors.flip(1)[:, :COMPONENTS]
    found = vectors * values.sqrt() if few else centred @ vectors
    scores = torch.zeros(count, COMPONENTS, dtype=torch.float32, device=states.device)
    scores[:, : found.shape[1]] = found.float()
    explained = torch.zeros(COMPONENTS, dtype=torch.float64, device=states.device)
    if total > 0:
        explained[: len(values)] = (values / total).double()
    return Components(scores * _signs(scores, before), explained)


def _signs(scores: Tensor, before: Components | None) -> Tensor:
    if not len(scores):
        return scores.new_ones(COMPONENTS)
    if before is not None and len(before.scores) == len(scores):
        leading = (scores * before.scores.to(scores.device)).sum(dim=0)
    else:
        leading = scores.gather(0, scores.abs().argmax(dim=0, keepdim=True))[0]
    return torch.where(leading < 0, -1.0, 1.0)
