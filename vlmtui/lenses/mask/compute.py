"""The attention mask as the model itself makes it, of a prompt and the answer to it."""

from __future__ import annotations

import numpy as np
import torch

from vlmtui.lenses import Context, Matrix
from vlmtui.lenses.arrays import array
from vlmtui.lenses.kernels.numbered import check_number
from vlmtui.lenses.kinds import pack_details
from vlmtui.results.answers import IMAGE, SAID, TEXT, AttentionMask

from .kernel import allowed_shares, mask_pattern

MOST = 256
"""Cells a side of the matrix, to be drawn. All of a mask is in its packed bits: as numbers it would be 32 times as
large, of a prompt of thousands of positions too large to travel."""


def mask_matrix(context: Context, layer: int) -> Matrix:
    """Of the prompt and the reading's latest answer, or without one of the reading's prompt alone."""
    model = context.model
    generator = model.generator()
    check_number(layer, 1, generator.model.info.llm_layers, f"layer {layer}")
    answered = generator.answered(model.answer) if model.answer else generator.kept.answered
    if answered is not None and answered.said:
        forced, ids = answered.retold(generator.model), [*answered.prompt, *answered.ids[:-1]]
        prompt = len(answered.prompt)
    else:
        inputs = generator.model.prompted(generator.kept.inputs, generator.tokens, generator.kept.prompt)
        ids = inputs.input_ids[0].tolist()
        # whatever it would say first is after the prompt, and not looked at
        forced, prompt = generator.model.generator.teacher_force(inputs, ids[-1:]), len(ids)
    model.progress("asking for the mask")
    allowed = forced.mask(layer)
    kinds = np.full(len(ids), TEXT, np.uint8)
    kinds[prompt:] = SAID
    kinds[forced.places.cpu().numpy()] = IMAGE
    named = generator.namer.names(np.array(ids))
    pieces = tuple(None if kind == IMAGE else named.pieces[i] for i, kind in zip(ids, kinds, strict=True))
    found = AttentionMask(
        layer=layer,
        kinds=kinds,
        bits=np.packbits(array(allowed), axis=1),
        pieces=pieces,
        pattern=mask_pattern(allowed, torch.from_numpy(kinds)),
    )
    values, side = allowed_shares(array(allowed), MOST)
    cells = "" if side == 1 else f"; shares of {side} × {side} positions"
    # what has been said is read like a prompt: the last positions are the answer's
    return Matrix(
        values, axes=("prompt token", "prompt token"), note=f"{found.pattern}{cells}", own=pack_details(found)
    )
