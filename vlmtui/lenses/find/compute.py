"""How near entries are to a word, or for a model of two towers to a text.

At a vision stage it is that of the token which the projector makes of the patch there: an early exit.
"""

from __future__ import annotations

import torch
from torch import Tensor

from vlmtui.lenses import Context, NotHere, Scalars
from vlmtui.lenses.kernels.contrastive import cosines
from vlmtui.lenses.kinds import pack_details
from vlmtui.results import early_exit

from . import kernel


def find_text(context: Context, text: str) -> Scalars:
    """Scores of a text at every entry, by the vocabulary of a model with words, or by the text tower."""
    model = context.model
    return _near(context, text) if not model.has_words and model.has_texts else _find(context, text)


def _find(context: Context, text: str) -> Scalars:
    model, stage = context.model, context.stage
    spelling = model.find_spelling(text)
    ids = kernel.id_tensor(spelling.ids)
    if model.of_layers(stage):
        logits = context.unembed(context.states())
        numbers = kernel.piece_logits(logits, ids, spelling.several)
    else:
        vectors = model.projected_tokens(stage) if model.of_patches(stage) else context.states()
        words = context.vocabulary().embeddings[ids.to(vectors.device)]
        numbers = (kernel.mean_cosine if spelling.several else kernel.max_cosine)(vectors, words)
    note = spelling.note
    if model.of_patches(stage):
        numbers = _on_patches(context, numbers)
        note = "; ".join(filter(None, (early_exit.NOTE, note)))
    return Scalars(numbers, note=note, own=pack_details({"pieces": spelling.pieces} if spelling.pieces else {}))


def _on_patches(context: Context, numbers: Tensor) -> Tensor:
    """Spread numbers of tokens [tokens] over vision patches [patches]; NaN for a patch that goes into no token."""
    into = context.model.into_tokens()
    return numbers.cpu()[into.clamp(min=0)].masked_fill(into < 0, torch.nan)


def _near(context: Context, text: str) -> Scalars:
    """The approximate cosine of every patch with a text."""
    model = context.model
    last = f"vision.{model.info.vision_layers}"
    if context.stage != last:
        raise NotHere(f"patches are compared with a text at the last vision stage only: choose {last}")
    dual_encoder = model.text_tower()
    states = context.states(f"vision.{dual_encoder.patch_stage}")
    wanted = model.read_texts((text,))
    note = f"approximate, by {dual_encoder.patch_path}"
    if wanted.lengths[0] > wanted.limit:
        note += f"; the model reads {wanted.limit} of the text's {wanted.lengths[0]} pieces"
    return Scalars(cosines(dual_encoder.patch_vectors(states), wanted.vectors)[:, 0], note=note)
