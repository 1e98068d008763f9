"""Cosines of a stage's entries with some of them."""

from __future__ import annotations

import torch

from vlmtui.lenses import Context, NotHere, Scalars
from vlmtui.lenses.kernels.cosine import cosine_to_rows
from vlmtui.lenses.kernels.noise import CANNOT, newlines_unknown, shuffled_copy


def similarity_to(context: Context, to: list[int], noise: bool = False) -> Scalars:
    """The cosine of every entry asked about with the mean of the unit vectors of `to`, indices among all of the stage.

    With `noise`, the cosine of those of the image with its pixels shuffled; NaN for newline tokens.
    """
    states = context.states(context.stage)
    wrong = [entry for entry in to if not 0 <= entry < len(states)]
    if wrong or not to:
        raise NotHere(f"{context.stage} has {len(states)} entries, from 0: name one of them")
    if not noise:
        return Scalars(context.model.of_entries(cosine_to_rows(states, torch.tensor(to))))
    copy = shuffled_copy(context)
    if copy is None:
        raise NotHere(CANNOT)
    both = torch.cat([states[torch.tensor(to, device=states.device)], copy.states(context.stage)])
    cosines = cosine_to_rows(both, torch.arange(len(to)))[len(to) :]
    return Scalars(context.model.of_entries(newlines_unknown(context, cosines)))
