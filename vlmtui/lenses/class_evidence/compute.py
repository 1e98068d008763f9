"""Class evidence per patch: its share of the logit where the head reads the patches' mean; otherwise, as an
approximation, the logit that the head gives the patch."""

from __future__ import annotations

import torch

from vlmtui.errors import UsageError
from vlmtui.lenses import Context, NotHere, Scalars
from vlmtui.lenses.kernels.noise import CANNOT, shuffled_copy


def class_evidence(context: Context, label: str, noise: bool = False) -> Scalars:
    """The evidence of every patch for a class, at the last vision stage; with `noise` that of the image with its pixels
    shuffled."""
    model = shuffled_copy(context) if noise else context.model
    if model is None:
        raise NotHere(CANNOT)
    last = f"vision.{model.info.vision_layers}"
    if context.stage != last:
        raise NotHere(f"class evidence is computed at the last vision stage only: choose {last}")
    classifier = model.vlm.classifier
    wanted = _class_of(classifier.labels, label)
    every = classifier.evidence(model.kept.inputs, model.final(), torch.tensor([wanted]))[0]
    numbers = context.model.of_entries(every)
    name = classifier.labels[wanted]
    if classifier.exact:
        return Scalars(numbers, note=f"each patch's share of the logit of {name}")
    return Scalars(numbers, note=f"approximate: the logit of {name} with the patch in place of the class token")


def _class_of(labels: tuple[str, ...], label: str) -> int:
    """The class with this label, with this name in its label (`tabby` of `tabby, tabby cat`), or of this number."""
    word = " ".join(label.split()).casefold()
    whole = [i for i, known in enumerate(labels) if known.casefold() == word]
    named = [i for i, known in enumerate(labels) if word in (name.strip() for name in known.casefold().split(","))]
    if found := whole or named:
        return found[0]
    if word.isdecimal() and int(word) < len(labels):
        return int(word)
    raise UsageError(
        f"there is no class {label!r}: give one of the model's labels, or a number from 0 to {len(labels) - 1}"
    )
