"""Classification: the top classes of an image, with the evidence of its patches."""

from __future__ import annotations

import math

import msgspec
import numpy as np
import torch

from vlmtui.errors import UsageError
from vlmtui.lenses import Context, Scores
from vlmtui.lenses.arrays import array
from vlmtui.lenses.kernels.contrastive import probabilities
from vlmtui.lenses.kinds import pack_details
from vlmtui.results.classification import ClassificationHead, TopClasses


def class_labels(context: Context) -> Scores:
    """The labels of the head without scores, for no image; `own` is a `ClassificationHead` without labels."""
    classifier = context.model.vlm.classifier
    told = ClassificationHead(labels=(), reads=classifier.reads, kind=classifier.kind, exact=classifier.exact)
    return Scores(classifier.labels, [math.nan] * len(classifier.labels), note="of no image", own=pack_details(told))


def top_classes(context: Context) -> Scores:
    """The probabilities of the top `k` classes, the lower class first among equals; `own` is a `TopClasses`."""
    model, k = context.model, context.k
    classifier = model.vlm.classifier
    if k < 1:
        raise UsageError(f"the {k} top classes cannot be listed: -k must be at least 1")
    inputs, final = model.kept.inputs, model.final()
    logits = classifier.logits(inputs, final)
    chosen = logits.sort(descending=True, stable=True).indices[:k]
    evidence = classifier.evidence(inputs, final, torch.arange(len(logits)))
    rest = classifier.rest(final, chosen)
    found = TopClasses(
        ids=array(chosen),
        logits=array(logits[chosen]),
        probabilities=array(probabilities(logits, classifier.kind)[chosen]),
        evidence=array(evidence[chosen]),
        first=array(evidence.argmax(dim=0)),
        rest=None if rest is None else array(rest),
    )
    labels = [classifier.labels[i] for i in found.ids.tolist()]
    besides = msgspec.structs.replace(found, probabilities=np.zeros(0, np.float32))
    return Scores(labels, found.probabilities, own=pack_details(besides))
