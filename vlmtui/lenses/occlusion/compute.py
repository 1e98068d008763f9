"""Occlusion: each block of image tokens replaced in turn, and the drop of the answer's log-probability."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from vlmtui.errors import UsageError
from vlmtui.lenses import Context, TokenMaps
from vlmtui.lenses.ablation.compute import TokenAblation, no_pixels_error
from vlmtui.lenses.kinds import pack_details
from vlmtui.results.answers import Occlusion
from vlmtui.results.replacement import Replacement

from .kernel import drop_by_group, token_blocks


def occlusion_drops(context: Context, block: int, by: Replacement) -> TokenMaps:
    """The drop of each answer token's log-probability without the block of each image token [answer tokens, tokens]."""
    model = context.model
    without = TokenAblation.of(context, by)
    if block < 1:
        raise UsageError(f"blocks of {block} tokens a side are not possible: choose at least 1")
    spots = [
        None if at.grid is None or at.row is None or at.col is None else (at.grid, at.row, at.col)
        for at in without.generator.kept.places
    ]
    groups = token_blocks(spots, block)
    if by == "blur":  # tokens without a place have no pixels to blur
        groups = [group for group in groups if without.boxes(group)]
        if not groups:
            raise no_pixels_error()

    def on_group(done: int, total: int, drop: Tensor) -> None:
        model.progress("replacing patches", done, total)

    model.progress("replacing patches", 0, len(groups))
    by_group = drop_by_group(without.each, groups, on_group, model.should_stop)
    found = torch.zeros(by_group.shape[1], without.generator.tokens)
    for group, drop in zip(groups, by_group, strict=True):
        found[:, group] = drop[:, None]
    more = Occlusion(
        answer=without.answered.id,
        block=block,
        by=by,
        drops=np.zeros((0, 0), np.float32),  # they are the maps
        blocks=len(groups),
    )
    return TokenMaps(found, own=pack_details(more))
