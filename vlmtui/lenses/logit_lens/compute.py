"""Logit lens of image tokens after every layer of the language model."""

from __future__ import annotations

import torch

from vlmtui.lenses import Context, LayerWords
from vlmtui.lenses.kernels.stage_words import WordQuery, search_words
from vlmtui.lenses.kinds import pack_details
from vlmtui.lenses.token_words import stable_from
from vlmtui.metrics import RIDGE


def words_by_layer(context: Context, all_tokens: bool) -> LayerWords:
    """Words by layer of the requested tokens, or of all. Details: the `entropy` of each layer's softmax over all rows
    [layers, entries], in nats, and the layer from which on each token's top-1 is the last layer's (`settled`)."""
    which = context.model.tokens_asked()
    states = context.model.after_every_layer(which)
    layers, entries = len(states), len(which)
    search = WordQuery("logit", context.k, all_tokens, RIDGE)
    searched = search_words(context, torch.cat(states), search)
    ids, scores = (part.view(layers, entries, -1) for part in (searched.found.ids, searched.found.scores))
    assert searched.entropy is not None
    said = {
        **search.said(searched),
        "entropy": searched.entropy.view(layers, entries).tolist(),
        "settled": [stable_from(ids[:, row].numpy(), scores[:, row].numpy()) for row in range(entries)],
    }
    return LayerWords(ids, scores, own=pack_details(said))
