"""Cosines of a stage's entries with some of them."""

from __future__ import annotations

import torch

from vlmtui.lenses import Context, NotHere, Scalars
from vlmtui.lenses.kernels.cosine import cosine_to_rows
from vlmtui.lenses.kernels.noise import CANNOT, shuffled_copy


def similarity_to(context: Context, to: list[int], noise: bool = False) -> Scalars:
    """The cosine of every entry with the mean of the unit vectors of `to`; with `noise` of every entry of the image
    with its pixels shuffled."""
    states = context.states()
    wrong = [entry for entry in to if not 0 <= entry < len(states)]
    if wrong or not to:
        raise NotHere(f"{context.stage} has {len(states)} entries, from 0: name one of them")
    if not noise:
        return Scalars(cosine_to_rows(states, torch.tensor(to)))
    copy = shuffled_copy(context)
    if copy is None:
        raise NotHere(CANNOT)
    both = torch.cat([states[torch.tensor(to, device=states.device)], copy.states(context.stage)])
    return Scalars(cosine_to_rows(both, torch.arange(len(to)))[len(to) :])
