"""Cosines of a stage's entries with some of them."""

from __future__ import annotations

import torch

from vlmtui.lenses import Context, NotHere, Scalars
from vlmtui.lenses.kernels.cosine import cosine_to_rows


def similarity_to(context: Context, to: list[int]) -> Scalars:
    """The cosine of every entry with the mean of the unit vectors of `to`."""
    states = context.states()
    wrong = [entry for entry in to if not 0 <= entry < len(states)]
    if wrong or not to:
        raise NotHere(f"{context.stage} has {len(states)} entries, from 0: name one of them")
    return Scalars(cosine_to_rows(states, torch.tensor(to)))
