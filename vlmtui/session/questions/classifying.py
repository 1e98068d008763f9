"""The classes of a picture, for models with a classification head."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import torch

from vlmtui.classes import Classes, Head
from vlmtui.errors import UsageError
from vlmtui.lenses.arrays import array
from vlmtui.lenses.kernels.contrast import probabilities
from vlmtui.session import messages as m
from vlmtui.session.final import final_of
from vlmtui.session.talk import Talk

if TYPE_CHECKING:
    from vlmtui.session.engine import Engine


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
