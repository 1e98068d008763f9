"""Attention mask of a prompt and its answer, as the model itself makes it."""

from __future__ import annotations

import numpy as np
import torch

from vlmtui.lenses import Context, Matrix
from vlmtui.lenses.arrays import array
from vlmtui.lenses.kinds import pack_details
from vlmtui.results.answers import IMAGE, SAID, TEXT, AttentionMask, check_number

from .kernel import allowed_shares, mask_pattern

MOST = 256
"""Cells per side of the drawn matrix. The whole mask is sent as packed bits: as float32 numbers it would be 32 times as
large, too large to send for a prompt of thousands of positions."""


def mask_matrix(context: Context, layer: int) -> Matrix:
    """The mask of a layer over the prompt and the reading's latest answer, or over the prompt alone without one."""
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
        # one token after the prompt, which is not part of the mask
        forced, prompt = generator.model.generator.teacher_force(inputs, ids[-1:]), len(ids)
    model.progress("reading the attention mask")
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
    # the answer is read like a prompt: the last positions are the answer's
    return Matrix(
        values, axes=("prompt token", "prompt token"), note=f"{found.pattern}{cells}", own=pack_details(found)
    )
