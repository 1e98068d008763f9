"""Images against texts: cosines, logits, probabilities, and the loss of pairs."""

from __future__ import annotations

import math

import msgspec
import numpy as np
import torch

from vlmtui.errors import UsageError
from vlmtui.lenses import Context, Facts, Scores
from vlmtui.lenses.arrays import array
from vlmtui.lenses.kernels.contrastive import cosines, pair_loss, probabilities
from vlmtui.lenses.kinds import pack_details
from vlmtui.results.image_text import ImageTextMatch, PairLoss, ProbabilityKind, TextsRead


def match_texts(context: Context, texts: tuple[str, ...]) -> Scores:
    """The probabilities of texts for a reading's image; `own` is the rest of an `ImageTextMatch`."""
    model = context.model
    dual_encoder = model.text_tower()
    image = dual_encoder.image_vector(model.final())
    near = cosines(image, model.read_texts(texts).vectors)
    logits = near * dual_encoder.scale + dual_encoder.bias
    found = ImageTextMatch(
        cosines=array(near[0]),
        logits=array(logits[0]),
        probabilities=array(probabilities(logits, dual_encoder.kind)[0]),
    )
    rest = msgspec.structs.replace(found, probabilities=np.zeros(0, np.float32))
    return Scores(texts, found.probabilities, own=pack_details(rest))


def encode_texts(context: Context, texts: tuple[str, ...]) -> Scores:
    """The texts without scores, for no image; `own` is a `TextsRead` without the texts themselves."""
    model = context.model
    dual_encoder = model.text_tower()
    found = model.read_texts(texts)
    told = TextsRead(
        texts=(),
        lengths=found.lengths,
        limit=found.limit,
        kind=dual_encoder.kind,
        scale=dual_encoder.scale,
        bias=dual_encoder.bias,
        patch_stage=f"vision.{model.info.vision_layers}",
        patch_path=dual_encoder.patch_path,
    )
    return Scores(texts, [math.nan] * len(texts), note="read, and compared with no image", own=pack_details(told))


def loss_facts(logits: list[list[float]], kind: ProbabilityKind) -> Facts:
    """The loss of `logits` [n, n], where the i-th text belongs to the i-th image; `own` is a `PairLoss`."""
    wide = {len(row) for row in logits} or {0}
    if wide != {len(logits)} or not logits:
        texts = " or ".join(map(str, sorted(wide)))
        raise UsageError(f"the loss needs as many images as texts, not {len(logits)} × {texts}")
    found = pair_loss(torch.tensor(logits, dtype=torch.float64), kind)
    told = PairLoss(
        kind=kind,
        pairs=len(logits),
        value=found.value,
        image_to_text=found.image_to_text,
        text_to_image=found.text_to_image,
    )
    rows = [
        ("pairs", told.pairs),
        ("loss", told.value),
        ("image to text", told.image_to_text),
        ("text to image", told.text_to_image),
    ]
    return Facts(rows, note="in nats", own=pack_details(told))
