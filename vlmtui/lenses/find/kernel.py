"""Similarity of the entries of a stage to a word in any of its spellings."""

from __future__ import annotations

import torch
from torch import Tensor

from vlmtui.lenses.kernels.cosine import unit_rows


def max_cosine(states: Tensor, words: Tensor) -> Tensor:
    """The largest cosine of every row of `states` [n, hidden] with any of `words` [m, hidden], float32 [n]."""
    return (unit_rows(states) @ unit_rows(words).T).amax(dim=1)


def mean_cosine(states: Tensor, words: Tensor) -> Tensor:
    """The mean cosine of every row of `states` [n, hidden] with all of `words` [m, hidden], float32 [n].

    Used for a word that the tokenizer splits into several pieces, none of which alone is the word.
    """
    return (unit_rows(states) @ unit_rows(words).T).mean(dim=1)


def piece_logits(logits: Tensor, ids: Tensor, several: bool) -> Tensor:
    """The largest of the logits [n, rows] of the rows `ids`, or with `several` pieces of one word their mean [n]."""
    chosen = logits[:, ids.to(logits.device)]
    return chosen.mean(dim=1) if several else chosen.amax(dim=1)


def id_tensor(ids: list[int]) -> Tensor:
    """Convert ids to a tensor, int64 [m]."""
    return torch.tensor(ids, dtype=torch.int64)
