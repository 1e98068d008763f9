"""Nearest words of image tokens."""

from __future__ import annotations

import torch

from vlmtui.lenses import Context, Words
from vlmtui.lenses.kernels.stage_words import WordQuery, check_words, search_words
from vlmtui.lenses.kinds import pack_details
from vlmtui.metrics import Metric, check_ridge
from vlmtui.reading import of_layers, of_patches


def nearest_words(context: Context, metric: Metric, all_tokens: bool, ridge: float, projected: bool) -> Words:
    """Nearest words of the requested tokens, or of all; at a vision stage of the tokens the projector makes from it.

    `detail` is the share (0–1) of the norm that matching pursuit explains after each word.
    """
    model, stage = context.model, context.stage
    which = torch.tensor(model.tokens_asked(), dtype=torch.int64)
    if not of_layers(stage):
        check_ridge(ridge)
    check_words(context, projected)
    tokens = model.exit_at(stage) if of_patches(stage) else context.states(stage)
    search = WordQuery.at(context, metric, all_tokens, ridge)
    searched = search_words(context, tokens[which.to(tokens.device)], search)
    found = searched.found
    return Words(found.ids, found.scores, found.explained, own=pack_details(search.said(searched)))
