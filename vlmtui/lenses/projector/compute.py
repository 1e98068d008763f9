"""Projector lens: vision patches get the words of the token they go into, projected from an earlier vision stage."""

from __future__ import annotations

import torch
from torch import Tensor

from vlmtui.lenses import Context, NotHere, Words
from vlmtui.lenses.kernels.stage_words import WordQuery, search_words
from vlmtui.lenses.kinds import pack_details
from vlmtui.metrics import Metric
from vlmtui.reading import of_patches
from vlmtui.results import early_exit


def projected_words(context: Context, metric: Metric, all_tokens: bool, ridge: float) -> Words:
    """Words of the requested patches; a patch that goes into no token has none. Each token is searched once."""
    model, stage = context.model, context.stage
    if not of_patches(stage):
        raise NotHere(f"the projector lens applies to a vision stage, not to {stage}: choose one, such as vision.1")
    tokens = model.projected_tokens(stage)
    into = model.into_tokens()[torch.tensor(context.entries, dtype=torch.int64)]
    which, row = torch.unique(into.clamp(min=0), return_inverse=True)
    search = WordQuery.at(context, metric, all_tokens, ridge)
    searched = search_words(context, tokens[which.to(tokens.device)], search)
    found, none = searched.found, into < 0

    def spread(values: Tensor, empty: float) -> Tensor:
        return values[row].masked_fill(none[:, None], empty)

    return Words(
        spread(found.ids, early_exit.NONE),
        spread(found.scores, torch.nan),
        None if found.explained is None else spread(found.explained, torch.nan),
        note=early_exit.NOTE,
        own=pack_details(search.said(searched)),
    )
