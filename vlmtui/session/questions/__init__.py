"""Questions about readings, one module a matter: each function answers one kind of message.

They are given the engine, which holds the model and what is kept of readings, and the talk with whoever asks.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from vlmtui.session import computing, generation
from vlmtui.session import messages as m
from vlmtui.session.questions import (
    anatomy,
    classifying,
    many,
    matching,
    vocabulary,
)
from vlmtui.session.talk import Talk

if TYPE_CHECKING:
    from vlmtui.session.engine import Engine

ANSWERS: dict[type, Callable[[Engine, Any, Talk], m.Answer]] = {
    m.ReadMany: many.many,
    m.Compute: computing.compute,
    m.Describe: computing.describe,
    m.FindPatch: anatomy.patch,
    m.Ask: generation.ask,
    m.ReadTexts: matching.texts,
    m.FindMatch: matching.match,
    m.FindLoss: matching.loss,
    m.AskHead: classifying.head,
    m.FindClasses: classifying.classes,
    m.FindVocabulary: vocabulary.vocabulary,
    m.FindNear: vocabulary.near,
}
