"""Principal component analysis of a stage's entries, for colours (Jolliffe, Principal Component Analysis, 2002)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

COMPONENTS = 3
_REACH = 0.98  # share of entries whose scores lie within the colours' range
_EXACT = 1536  # larger Gram matrices are decomposed in float32


@dataclass(frozen=True)
class PrincipalComponents:
    """`scores` float32 [n, 3] of the centred entries on the first components; missing components are 0. `explained` [3]
    is the share (0–1) of the variance that each explains."""

    scores: Tensor
    explained: Tensor

    def scaled(self) -> Tensor:
        """The scores divided by the reach of the largest ones of each component [n, 3]."""
        reach = (
            torch.quantile(self.scores.abs(), _REACH, dim=0) if len(self.scores) else self.scores.new_ones(COMPONENTS)
        )
        return self.scores / torch.where(reach > 0, reach, torch.ones_like(reach))


def principal_components(states: Tensor, before: Tensor | None = None) -> PrincipalComponents:
    """The first three principal components of `states` [n, hidden].

    A component's sign is arbitrary. Here it follows `before` [n, 3], the scores of the same entries one stage earlier,
    not-a-number for an entry without: of each component the two are never correlated below 0, so that colours do not
    flip from stage to stage. Without that the entry farthest out lies on the positive side.
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
    return PrincipalComponents(scores * _signs(scores, before), explained)


def pooled(scores: Tensor, into: Tensor, count: int) -> Tensor:
    """The mean score of the patches that go into each token [count, 3]; NaN for a token without patches.

    `scores` are [patches, 3]; `into`, int64 [patches], is the token of each patch, below 0 for a patch without one.
    """
    there = (into >= 0).to(scores.device)
    at = into.to(scores.device)[there]
    sums = scores.new_zeros(count, scores.shape[1]).index_add_(0, at, scores[there])
    many = scores.new_zeros(count, 1).index_add_(0, at, scores.new_ones(len(at), 1))
    return sums / many  # 0 / 0 for tokens without patches


def _signs(scores: Tensor, before: Tensor | None) -> Tensor:
    if not len(scores):
        return scores.new_ones(COMPONENTS)
    farthest = scores.gather(0, scores.abs().argmax(dim=0, keepdim=True))[0]
    if before is None:
        return _sign(farthest)
    assert before.shape == scores.shape
    before = before.to(scores.device)
    known = before.isfinite().all(dim=1)
    earlier = before[known] - before[known].mean(dim=0)
    leading = (scores[known] * earlier).sum(dim=0)
    return _sign(torch.where(leading == 0, farthest, leading))


def _sign(numbers: Tensor) -> Tensor:
    return torch.where(numbers < 0, -1.0, 1.0)
