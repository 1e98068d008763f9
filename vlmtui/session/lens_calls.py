"""Answering `Compute`: the lens found, its options read, and its result held against what it says it is."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar

import msgspec

from vlmtui.errors import CancelledError, OutOfMemoryError, UsageError, VlmtuiError
from vlmtui.lenses.base import Lens, applies
from vlmtui.lenses.description import Description
from vlmtui.lenses.kinds import LayerWords, Result, Words
from vlmtui.lenses.options import given
from vlmtui.lenses.registry import find
from vlmtui.lenses.source import LensSource
from vlmtui.reading import check_stage
from vlmtui.session import foreign_lenses
from vlmtui.session import protocol as m
from vlmtui.session.foreign_errors import Code
from vlmtui.session.foreign_lenses import Foreign
from vlmtui.session.lens_guard import LensGuard, tidied
from vlmtui.session.request_context import RequestContext
from vlmtui.session.request_progress import Talk
from vlmtui.session.result_check import held, named
from vlmtui.session.vocabulary_index import Namer

if TYPE_CHECKING:
    from vlmtui.session.engine import Engine

T = TypeVar("T")


def compute(engine: Engine, request: m.Compute, talk: Talk) -> m.Computed:
    """What a lens makes of a reading."""
    started = time.perf_counter()
    lens = built_in(request.lens)
    if lens is not None and lens.offer.wordy:
        engine.wordy(request.k)  # a model without words is told so before it is told of its stages
    if request.stage:
        check_stage(request.stage, engine.held()[0].info)
    found = _others(engine, request, talk) if lens is None else _own(engine, lens, request, talk)
    return m.Computed(msgspec.structs.replace(found, seconds=time.perf_counter() - started))


def built_in(source: LensSource) -> Lens | None:
    """The built-in lens that is asked for; None where it is another."""
    return None if source.foreign else find(source.name)


def _own(engine: Engine, lens: Lens, request: m.Compute, talk: Talk) -> Result:
    """What a built-in lens makes of it; its words are named here, as those of any."""
    context = RequestContext(engine, request, talk, lens.name)
    found: Result = lens.function(context, **given(lens, request.options))
    if not (isinstance(found, Words | LayerWords) and found.rows):
        return found
    model, words = engine.held()
    names = (words or Namer.by(model.tokenizer)).names(found.ids[found.ids >= 0])
    return msgspec.structs.replace(found, pieces=names.pieces, strings=names.texts, special=names.special)


def describe(engine: Engine, request: m.Describe, talk: Talk) -> m.Described:
    """What a lens is, and what its options come to; or without one what packages offer, each with its trouble."""
    if request.lens is None:
        return m.Described(tuple(_offered(engine, talk)))
    lens = built_in(request.lens)
    if lens is not None:
        return m.Described((lens.described,), {} if request.options is None else given(lens, request.options))
    found = _loaded(engine, request.lens, talk)
    return m.Described((found.described,), {} if request.options is None else _options(found, request.options))


def _others(engine: Engine, request: m.Compute, talk: Talk) -> Result:
    """What a lens that is not built in makes of it."""
    found = _loaded(engine, request.lens, talk)
    lens, code = found.lens, found.code
    options = _options(found, request.options)
    if request.stage and not applies(lens.stages, request.stage):
        there = ", ".join(lens.stages)
        raise UsageError(f"the lens {lens.name} looks at {there}, not at {request.stage}: choose one of those")
    guard = LensGuard(talk)
    context = RequestContext(engine, request, talk, found.owner, guard, copies=True)
    result = _run(engine, code, guard, lambda: lens.function(context, **options), lens)
    where = code.defined(lens)
    said = context.generation()
    whole = held(lens, result, where, len(context.entries), len(said.ids) if said else None)
    if isinstance(whole, Words | LayerWords):
        words = engine.held()[1]
        rows = len(words.vocabulary.embeddings) if words else 0
        return named(whole, words, rows, lens, where)
    return whole


def _options(found: Foreign, options: dict[str, object]) -> dict[str, object]:
    try:
        return given(found.lens, options)
    except UsageError as error:
        raise found.code.of_options(error, found.lens) from None


def _offered(engine: Engine, talk: Talk) -> list[Description]:
    told: list[Description] = []
    for name, entries in foreign_lenses.installed().items():
        why = foreign_lenses.unusable(name, entries)
        if why:
            told += [Description(name=name, origin=foreign_lenses.origin_of(entry), trouble=why) for entry in entries]
            continue
        try:
            told.append(_loaded(engine, LensSource(name), talk).described)
        except CancelledError:
            raise
        except VlmtuiError as error:
            told.append(Description(name=name, origin=foreign_lenses.origin_of(entries[0]), trouble=str(error)))
    return told


def _loaded(engine: Engine, source: LensSource, talk: Talk) -> Foreign:
    """A lens that is not built in; its file is run where it is not loaded yet."""
    code = foreign_lenses.code_of(source)
    loaded = _run(engine, code, LensGuard(talk), lambda: engine.shelf.load(source))
    return foreign_lenses.found(source, loaded, code)


def _run(engine: Engine, code: Code, guard: LensGuard, work: Callable[[], T], lens: Lens | None = None) -> T:
    """Run a lens's code. Whatever it raises, or that it exits, is one sentence; what it prints is in the log."""
    try:
        with tidied(lambda: engine.network, lambda file: bool(code.named(file))):
            return guard.run(work)
    except CancelledError:
        raise
    except BaseException as error:
        if isinstance(error, Exception) and engine.short_of_memory(error):
            raise OutOfMemoryError(f"{code.where(error) or code.shown}: {engine.explain(error)}") from error
        blamed = code.blamed(error, lens)
        if blamed is error:
            raise
        raise blamed from error
    finally:
        with suppress(Exception):
            sys.stdout.flush()
