"""The classes of a picture, for models with a classification head."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from vlmtui.classes import Classes, Head
from vlmtui.errors import UsageError
from vlmtui.lenses.kernels.contrast import probabilities
from vlmtui.session import messages as m
from vlmtui.session.arrays import array
from vlmtui.session.final import final_of
from vlmtui.session.talk import Talk

if TYPE_CHECKING:
    from vlmtui.models.model import VisionLanguageModel
    from vlmtui.session.engine import Engine
    from vlmtui.session.readings import Kept


def head(engine: Engine, request: m.AskHead, talk: Talk) -> m.HeadTold:
    """Which classes the model held knows."""
    classifier = engine.held()[0].classifier
    told = Head(labels=classifier.labels, reads=classifier.reads, kind=classifier.kind, exact=classifier.exact)
    return m.HeadTold(told)


def classes(engine: Engine, request: m.FindClasses, talk: Talk) -> m.ClassesFound:
    """The first classes of a reading's picture; of equal logits the lower class comes first."""
    started = time.perf_counter()
    model, _ = engine.held()
    classifier = model.classifier
    if request.k < 1:
        raise UsageError(f"{request.k} classes cannot be looked for: -k must be at least 1")
    kept = engine.readings[request.reading]
    final = final_of(model, kept, talk)
    logits = classifier.logits(kept.inputs, final)
    chosen = logits.sort(descending=True, stable=True).indices[: request.k]
    evidence = classifier.evidence(kept.inputs, final, torch.arange(len(logits)))
    rest = classifier.rest(final, chosen)
    return m.ClassesFound(
        request.reading,
        Classes(
            ids=array(chosen),
            logits=array(logits[chosen]),
            probabilities=array(probabilities(logits, classifier.kind)[chosen]),
            evidence=array(evidence[chosen]),
            first=array(evidence.argmax(dim=0)),
            rest=None if rest is None else array(rest),
            seconds=time.perf_counter() - started,
        ),
    )


def evidence(model: VisionLanguageModel, kept: Kept, label: str, talk: Talk) -> tuple[Tensor, str]:
    """What every patch of a reading [patches] says for a class, by its label or number, and what is to be said with it.

    `UsageError` where there is no such class.
    """
    classifier = model.classifier
    wanted = _class_of(classifier.labels, label)
    numbers = classifier.evidence(kept.inputs, final_of(model, kept, talk), torch.tensor([wanted]))[0]
    name = classifier.labels[wanted]
    if classifier.exact:
        return numbers, f"each patch's share of the logit of {name}"
    return numbers, f"approximate: the logit of {name} with the patch in the place of the class token"


def _class_of(labels: tuple[str, ...], label: str) -> int:
    """The class of this label, of a name in it (`tabby` of `tabby, tabby cat`), or of this number."""
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
