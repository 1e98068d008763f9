"""Pictures against texts, for models of two towers."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import torch

from vlmtui.errors import UsageError
from vlmtui.lenses.arrays import array
from vlmtui.lenses.kernels.contrast import cosines, pair_loss, probabilities
from vlmtui.matching import Loss, Match, Texts
from vlmtui.models.contrastive import Contrastive
from vlmtui.models.contrastive import Texts as Vectors
from vlmtui.session import messages as m
from vlmtui.session.final import final_of
from vlmtui.session.talk import Talk

if TYPE_CHECKING:
    from vlmtui.session.engine import Engine


def texts(engine: Engine, request: m.ReadTexts, talk: Talk) -> m.TextsRead:
    """Read texts, and tell how the model compares them."""
    model = engine.matching(talk.progress)
    contrastive = model.contrastive
    found = vectors_of(contrastive, request.texts, talk)
    told = Texts(
        texts=request.texts,
        lengths=found.lengths,
        limit=found.limit,
        kind=contrastive.kind,
        scale=contrastive.scale,
        bias=contrastive.bias,
        patch_stage=f"vision.{model.info.vision_layers}",
        patch_path=contrastive.path,
    )
    return m.TextsRead(told)


def match(engine: Engine, request: m.FindMatch, talk: Talk) -> m.MatchFound:
    """A reading's picture against texts."""
    started = time.perf_counter()
    model = engine.matching(talk.progress)
    contrastive = model.contrastive
    kept = engine.readings[request.reading]
    wanted = vectors_of(contrastive, request.texts, talk)
    near = cosines(contrastive.picture(final_of(model, kept, talk)), wanted.vectors)
    logits = near * contrastive.scale + contrastive.bias
    return m.MatchFound(
        request.reading,
        Match(
            cosines=array(near[0]),
            logits=array(logits[0]),
            probabilities=array(probabilities(logits, contrastive.kind)[0]),
            seconds=time.perf_counter() - started,
        ),
    )


def loss(engine: Engine, request: m.FindLoss, talk: Talk) -> m.LossFound:
    """The loss of pictures with their own texts."""
    shape = request.logits.shape
    if len(shape) != 2 or shape[0] != shape[1] or not shape[0]:
        raise UsageError(f"a loss is of as many pictures as texts, not of {' × '.join(map(str, shape))}")
    found = pair_loss(torch.tensor(request.logits), request.kind)
    return m.LossFound(
        Loss(
            kind=request.kind,
            pairs=shape[0],
            value=found.value,
            image_to_text=found.image_to_text,
            text_to_image=found.text_to_image,
        )
    )


def vectors_of(contrastive: Contrastive, wanted: tuple[str, ...], talk: Talk) -> Vectors:
    """The vectors of texts, which are read where they are not kept."""
    if not wanted:
        raise UsageError("there is no text to match: give one or more with --text")
    return contrastive.texts(wanted, lambda done, total: talk.progress("reading the texts", done, total))
