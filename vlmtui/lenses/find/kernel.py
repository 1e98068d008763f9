"""How near the entries of a stage are to a word, whichever way it is written."""

from __future__ import annotations

import torch
from torch import Tensor

from vlmtui.lenses.kernels.cosine import unit_rows


def max_cosine(states: Tensor, words: Tensor) -> Tensor:
    """For every row of `states` [n, hidden] its largest cosine with one of `words` [m, hidden] → float32 [n]."""
    return (unit_rows(states) @ unit_rows(words).T).amax(dim=1)


def mean_cosine(states: Tensor, words: Tensor) -> Tensor:
    """For every row of `states` [n, hidden] the mean of its cosines with all of `words` [m, hidden] → float32 [n].

    What a word that the tokenizer cuts into several pieces is looked for with: no piece alone is the word.
    """
    return (unit_rows(states) @ unit_rows(words).T).mean(dim=1)


def piece_logits(logits: Tensor, ids: Tensor, several: bool) -> Tensor:
    """Of logits [n, rows] those of the rows `ids`: the largest, or with `several` pieces of one word their mean [n]."""
    chosen = logits[:, ids.to(logits.device)]
    return chosen.mean(dim=1) if several else chosen.amax(dim=1)


def id_tensor(ids: list[int]) -> Tensor:
    """Ids as int64 [m]."""
    return torch.tensor(ids, dtype=torch.int64)
