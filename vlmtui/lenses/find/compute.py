"""How near entries are to a word, or for a model of two towers to a text.

At a vision stage it is that of the token which the projector makes of the patch there: an early exit.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from vlmtui.lenses import Context, NotHere, Scalars
from vlmtui.lenses.kernels.contrastive import cosines
from vlmtui.lenses.kernels.noise import CANNOT, newlines_unknown, random_like, shuffled_copy
from vlmtui.lenses.kinds import pack_details
from vlmtui.results import early_exit

from . import kernel


def find_text(context: Context, text: str, noise: bool = False) -> Scalars:
    """Scores of a text at every entry asked about, by the vocabulary of a model with words, or by the text tower.

    With `noise` they are those of the image with its pixels shuffled or, where they are larger, of random vectors of
    the same norms: all of a shuffled image may point away from a word. NaN for newline tokens.
    """
    model = shuffled_copy(context) if noise else context.model
    if model is None:
        raise NotHere(CANNOT)
    by_texts = not model.has_words and model.has_texts
    return _near(context, model, text, noise) if by_texts else _find(context, model, text, noise)


def _find(context: Context, model: Any, text: str, noise: bool) -> Scalars:
    stage = context.stage
    spelling = model.find_spelling(text)
    ids = kernel.id_tensor(spelling.ids)
    vectors = model.projected_tokens(stage) if model.of_patches(stage) else model.states(stage)

    def scores(of: Tensor) -> Tensor:
        if model.of_layers(stage):
            return kernel.piece_logits(context.unembed(of), ids, spelling.several)
        words = context.vocabulary().embeddings[ids.to(of.device)]
        return (kernel.mean_cosine if spelling.several else kernel.max_cosine)(of, words)

    numbers = scores(vectors)
    if noise:
        numbers = torch.maximum(numbers, scores(random_like(vectors)))
        if not model.of_patches(stage):
            numbers = newlines_unknown(context, numbers)
    note = spelling.note
    if model.of_patches(stage):
        numbers = _on_patches(context, numbers)
        note = "; ".join(filter(None, (early_exit.NOTE, note)))
    numbers = context.model.of_entries(numbers)
    return Scalars(numbers, note=note, own=pack_details({"pieces": spelling.pieces} if spelling.pieces else {}))


def _on_patches(context: Context, numbers: Tensor) -> Tensor:
    """Spread numbers of tokens [tokens] over vision patches [patches]; NaN for a patch that goes into no token."""
    into = context.model.into_tokens()
    return numbers.cpu()[into.clamp(min=0)].masked_fill(into < 0, torch.nan)


def _near(context: Context, model: Any, text: str, noise: bool) -> Scalars:
    """The approximate cosine of every patch with a text."""
    last = f"vision.{model.info.vision_layers}"
    if context.stage != last:
        raise NotHere(f"patches are compared with a text at the last vision stage only: choose {last}")
    dual_encoder = model.text_tower()
    states = model.states(f"vision.{dual_encoder.patch_stage}")
    wanted = model.read_texts((text,))
    note = f"approximate, by {dual_encoder.patch_path}"
    if wanted.lengths[0] > wanted.limit:
        note += f"; the model reads {wanted.limit} of the text's {wanted.lengths[0]} pieces"
    vectors = dual_encoder.patch_vectors(states)
    numbers = cosines(vectors, wanted.vectors)
    if noise:
        numbers = torch.maximum(numbers, cosines(random_like(vectors), wanted.vectors))
    return Scalars(context.model.of_entries(numbers[:, 0]), note=note)
