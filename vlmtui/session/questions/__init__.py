"""Questions about readings, one module a matter: each function answers one kind of message.

They are given the engine, which holds the model and what is kept of readings, and the talk with whoever asks.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from vlmtui.session import computing
from vlmtui.session import messages as m
from vlmtui.session.questions import (
    ablating,
    asking,
    believing,
    layers,
    looking,
    many,
    words,
)
from vlmtui.session.talk import Talk

if TYPE_CHECKING:
    from vlmtui.session.engine import Engine

ANSWERS: dict[type, Callable[[Engine, Any, Talk], m.Answer]] = {
    m.ReadMany: many.many,
    m.FindWords: words.words,
    m.FindLayerWords: words.layer_words,
    m.ReadLayers: layers.layers,
    m.Compute: computing.compute,
    m.Describe: computing.describe,
    m.FindNull: believing.null,
    m.FindAgreement: believing.agreement,
    m.Ask: asking.ask,
    m.FindAttention: looking.attention,
    m.FindGradient: looking.gradient,
    m.FindMask: looking.mask,
    m.Ablate: ablating.ablate,
    m.Occlude: ablating.occlude,
}
