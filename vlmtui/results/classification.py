"""Classification of an image by a model's classification head. Pure data, the same in the session and its clients."""

from __future__ import annotations

from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from vlmtui.errors import UsageError
from vlmtui.reading import Floats

Ids = NDArray[np.int64]

HeadInput = Literal["class token", "mean of the patches", "class token and mean of the patches"]
"""The input of a classification head."""


def refusal(name: str) -> UsageError:
    """The error for a model that has no classification head."""
    return UsageError(
        f"{name} has no classification head: choose a model with one, such as --model vit-base or demo-vit"
    )


class ClassificationHead(msgspec.Struct, frozen=True, kw_only=True):
    """A classification head: the `labels` of its classes, in order, and what it `reads`.

    `kind` is how its logits become probabilities: over all classes, or for each alone where several may be true. What
    patches say for a class is `exact` where the head reads their mean: then they are parts of its logit.
    """

    labels: tuple[str, ...]
    reads: str
    kind: Literal["softmax", "sigmoid"]
    exact: bool


class TopClasses(msgspec.Struct, frozen=True, kw_only=True):
    """The top classes of an image, with their `logits` and `probabilities` [k], largest first.

    `ids` int64 [k] count classes from 0. `evidence` [k, patches] is the evidence of each vision patch for each of
    these, in the order of `Reading.patch_places`. Where the head reads the patches' mean, it is the patch's share of
    the logit, which is the sum of all shares and `rest` [k]; otherwise, as an approximation, the logit that the head
    gives the patch in place of the class token, and `rest` is None. `first` int64 [patches] is the top class of each
    patch.
    """

    ids: Ids
    logits: Floats
    probabilities: Floats
    evidence: Floats
    first: Ids
    rest: Floats | None = None
    seconds: float = 0.0
