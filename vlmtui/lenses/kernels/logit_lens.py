"""Logit lens: the words a language model would predict if a layer were its last one.

The residual stream after any layer is passed through the final norm and the unembedding, which the caller provides as
one function (nostalgebraist, "interpreting GPT: the logit lens", 2020).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from vlmtui.errors import CancelledError
from vlmtui.lenses.kernels.nearest_neighbours import TIE, rank_with_ties
from vlmtui.lenses.kernels.norms import BLOCK_BYTES, row_blocks

Unembed = Callable[[Tensor], Tensor]

_SLACK = 24  # rows kept beyond k, so that ties at the end of the list can be ordered
_COPIES = 3  # of a block of logits in memory: all of them, those of the candidates, the softmax


@dataclass(frozen=True)
class LogitLensWords:
    """`ids` int64 and `scores` float64 [n, k], the largest logit first; `entropy` float64 [n], in nats. On the CPU.

    A state whose logits are not finite has no words: the id -1 and NaN.
    """

    ids: Tensor
    scores: Tensor
    entropy: Tensor


def logit_lens(
    states: Tensor,
    unembed: Unembed,
    rows: int,
    candidates: Tensor,
    k: int,
    should_stop: Callable[[], bool] = lambda: False,
    budget: int = BLOCK_BYTES,
) -> LogitLensWords:
    """The k rows with the largest logits for each of `states` [n, hidden], among `candidates` (int64, ascending).

    `unembed` maps states to logits [n, rows]. The entropy is that of the softmax over all rows. Logits within `TIE` of
    each other are ties, and the lower id comes first. `should_stop` is called between blocks; when it returns True,
    `CancelledError` is raised. `budget` bounds the bytes of a block, which has at least one state.
    """
    k = min(k, len(candidates))
    ids = torch.empty(len(states), k, dtype=torch.int64)
    scores = torch.empty(len(states), k, dtype=torch.float64)
    entropy = torch.empty(len(states), dtype=torch.float64)
    for block in row_blocks(len(states), rows * 4 * _COPIES, budget):
        if should_stop():
            raise CancelledError("the request was cancelled")
        logits = unembed(states[block]).float()
        assert logits.shape == (block.stop - block.start, rows), "one logit for every row of the head"
        entropy[block] = torch.special.entr(torch.softmax(logits, dim=-1)).sum(dim=-1).cpu().double()
        ids[block], scores[block] = _largest(logits, candidates, k)
    return LogitLensWords(ids, scores, entropy)


def _largest(logits: Tensor, candidates: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """Ids and scores [n, k] of the k candidates with the largest logits [n, rows]; ties are ordered by id."""
    chosen = logits if len(candidates) == logits.shape[1] else logits[:, candidates.to(logits.device)]
    finite = torch.isfinite(chosen).all(dim=-1).cpu()
    kept = min(k + _SLACK, chosen.shape[1])
    best, places = (part.cpu() for part in chosen.topk(kept, dim=-1))
    best = best.double()
    ids, scores = candidates[places[:, :k]], best[:, :k].clone()
    if not k:
        return ids, scores
    floor = best[:, k - 1] - TIE * best[:, k - 1].abs()
    tied = (best[:, 1:] >= best[:, :-1] - TIE * best[:, :-1].abs())[:, :k].any(dim=-1) & finite
    for i in torch.nonzero(tied).flatten().tolist():
        own, values = places[i], best[i]
        if values[-1] >= floor[i]:  # more rows tie than were kept
            everything = chosen[i].cpu().double()
            own = torch.nonzero(everything >= floor[i]).flatten()
            values = everything[own]
        pairs = rank_with_ties(candidates[own].tolist(), values.tolist(), k)
        ids[i] = torch.tensor([row for row, _ in pairs])
        scores[i] = torch.tensor([score for _, score in pairs], dtype=torch.float64)
    ids[~finite], scores[~finite] = -1, torch.nan
    return ids, scores
