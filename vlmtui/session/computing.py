"""Answering `Compute`: the lens found, its options read, and its result held against what it says it is."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import msgspec

from vlmtui.errors import UsageError
from vlmtui.lenses.base import Lens
from vlmtui.lenses.kinds import LayerWords, Words
from vlmtui.lenses.options import given
from vlmtui.lenses.registry import find
from vlmtui.reading import check_stage
from vlmtui.session import messages as m
from vlmtui.session.lexicon import Namer
from vlmtui.session.request_context import RequestContext
from vlmtui.session.talk import Talk

if TYPE_CHECKING:
    from vlmtui.session.engine import Engine


def compute(engine: Engine, request: m.Compute, talk: Talk) -> m.Computed:
    """What a lens makes of a reading."""
    started = time.perf_counter()
    lens = known(request)
    if lens.offer.wordy:
        engine.wordy(request.k)
    if request.stage:
        check_stage(request.stage, engine.held()[0].info)
    context = RequestContext(engine, request, talk, lens.name)
    found = lens.function(context, **given(lens, request.options))
    if isinstance(found, Words | LayerWords) and found.rows:
        found = named(engine, lens, found)
    return m.Computed(msgspec.structs.replace(found, seconds=time.perf_counter() - started))


def known(request: m.Compute) -> Lens:
    """The lens that is asked for; `UsageError` where there is none of that name."""
    lens = find(request.lens.name)
    if lens is None:
        raise UsageError(f"there is no lens {request.lens.name!r} here: vlmtui lenses lists them")
    return lens


def named(engine: Engine, lens: Lens, found: Words | LayerWords) -> Words | LayerWords:
    """Words with names for their ids, which are rows of the vocabulary; `UsageError` for a model without one."""
    model, words = engine.held()
    if words is None and model.info.embeddings is None:
        raise UsageError(f"the lens {lens.name} finds words by their ids, and {model.name} has none: give texts")
    names = (words or Namer.by(model.tokenizer)).names(found.ids[found.ids >= 0])
    return msgspec.structs.replace(found, pieces=names.pieces, strings=names.texts, special=names.special)


def describe(engine: Engine, request: m.Describe, talk: Talk) -> m.Described:
    """What a lens is."""
    if request.lens is None:
        return m.Described(())
    found = find(request.lens.name)
    if found is None:
        raise UsageError(f"there is no lens {request.lens.name!r} here: vlmtui lenses lists them")
    return m.Described((found.described,))
