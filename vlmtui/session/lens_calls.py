"""Lens calls: the lens is found or loaded, its options are checked, it is run, and its result is checked."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

import msgspec

from vlmtui.errors import CancelledError, OutOfMemoryError, UsageError, VlmtuiError, lacks_memory
from vlmtui.lenses.base import Lens, applies_at
from vlmtui.lenses.description import LensDescription
from vlmtui.lenses.kinds import LayerWords, Result, Scalars, Words
from vlmtui.lenses.lens_source import LensSource
from vlmtui.lenses.registry import find_lens
from vlmtui.lenses.validation import checked_options
from vlmtui.reading import check_stage
from vlmtui.session import protocol as m
from vlmtui.session.model_state import ModelState
from vlmtui.session.request_context import RequestContext
from vlmtui.session.request_control import RequestControl
from vlmtui.session.third_party import lenses as foreign_lenses
from vlmtui.session.third_party.errors import LensCode
from vlmtui.session.third_party.guard import LensGuard, torch_state_restored
from vlmtui.session.third_party.lenses import ForeignLens, LensModuleCache
from vlmtui.session.third_party.result_check import check_lengths, checked_result, with_token_names
from vlmtui.session.vocabulary_index import TokenNamer

T = TypeVar("T")


class LensCalls:
    """Answers `Compute` and `Describe` with the lenses that are built in, and with others, which are loaded once."""

    def __init__(self, state: ModelState) -> None:
        self._state = state
        self._modules = LensModuleCache()

    def compute(self, request: m.Compute, control: RequestControl) -> m.Computed:
        """The result of a lens for a reading, or for the model itself."""
        started = time.perf_counter()
        lens = built_in(request.lens)
        if lens is not None and lens.offer.wordy:
            self._state.word_search(request.k)  # a missing vocabulary is reported before a wrong stage is
        if request.stage:
            check_stage(request.stage, self._state.model.info)
        found = self._run_foreign(request, control) if lens is None else self._run_built_in(lens, request, control)
        return m.Computed(msgspec.structs.replace(found, seconds=time.perf_counter() - started))

    def describe(self, request: m.Describe, control: RequestControl) -> m.Described:
        """A lens and all its options; or without one every lens that packages offer, each with its trouble."""
        if request.lens is None:
            return m.Described(tuple(self._offered(control)))
        lens = built_in(request.lens)
        if lens is not None:
            return m.Described(
                (lens.described,), {} if request.options is None else checked_options(lens, request.options)
            )
        found = self._load(request.lens, control)
        return m.Described((found.described,), {} if request.options is None else _options(found, request.options))

    def _run_built_in(self, lens: Lens, request: m.Compute, control: RequestControl) -> Result:
        """The result of a built-in lens; token ids are named here, for every lens alike."""
        state = self._state
        context = RequestContext(state, request, control, lens.name)
        found: Result = lens.function(context, **checked_options(lens, request.options))
        if request.entries is not None and isinstance(found, Scalars):
            check_lengths(lens, found, state.model.info.name, len(request.entries), None)
        if not (isinstance(found, Words | LayerWords) and found.rows):
            return found
        names = (state.vocabulary or TokenNamer.by(state.model.tokenizer)).names(found.ids[found.ids >= 0])
        return msgspec.structs.replace(found, pieces=names.pieces, strings=names.texts, special=names.special)

    def _run_foreign(self, request: m.Compute, control: RequestControl) -> Result:
        """The result of a lens that is not built in."""
        found = self._load(request.lens, control)
        lens, code = found.lens, found.code
        options = _options(found, request.options)
        if request.stage and not applies_at(lens.stages, request.stage):
            there = ", ".join(lens.stages)
            raise UsageError(f"the lens {lens.name} applies to {there}, not to {request.stage}: choose one of those")
        guard = LensGuard(control)
        context = RequestContext(self._state, request, control, found.owner, guard, copies=True)
        result = self._run(code, guard, lambda: lens.function(context, **options), lens)
        where = code.defined(lens)
        said = context.generation()
        whole = checked_result(lens, result, where, len(context.entries), len(said.ids) if said else None)
        if isinstance(whole, Words | LayerWords):
            words = self._state.vocabulary
            rows = len(words.vocabulary.embeddings) if words else 0
            return with_token_names(whole, words, rows, lens, where)
        return whole

    def _offered(self, control: RequestControl) -> list[LensDescription]:
        """Every lens that packages offer; `trouble` says why one cannot be used."""
        told: list[LensDescription] = []
        for name, entries in foreign_lenses.installed_lenses().items():
            why = foreign_lenses.why_unusable(name, entries)
            if why:
                told += [
                    LensDescription(name=name, origin=foreign_lenses.package_of(entry), trouble=why)
                    for entry in entries
                ]
                continue
            try:
                told.append(self._load(LensSource(name), control).described)
            except CancelledError:
                raise
            except VlmtuiError as error:
                told.append(
                    LensDescription(name=name, origin=foreign_lenses.package_of(entries[0]), trouble=str(error))
                )
        return told

    def _load(self, source: LensSource, control: RequestControl) -> ForeignLens:
        """A lens that is not built in; its file is run where that has not been done yet."""
        code = foreign_lenses.lens_code(source)
        loaded = self._run(code, LensGuard(control), lambda: self._modules.load(source))
        return foreign_lenses.choose_lens(source, loaded, code)

    def _run(self, code: LensCode, guard: LensGuard, work: Callable[[], T], lens: Lens | None = None) -> T:
        """Run a lens's own code. Whatever it raises becomes an error of one sentence; what it prints is in the log."""
        state = self._state
        try:
            with torch_state_restored(
                lambda: state.loaded.network if state.loaded else None, lambda file: bool(code.named(file))
            ):
                return guard.run(work)
        except CancelledError:
            raise
        except BaseException as error:
            if isinstance(error, Exception) and lacks_memory(error):
                raise OutOfMemoryError(f"{code.where(error) or code.shown}: {state.explain(error)}") from error
            blamed = code.blamed(error, lens)
            if blamed is error:
                raise
            raise blamed from error
        finally:
            with suppress(Exception):
                sys.stdout.flush()


def built_in(source: LensSource) -> Lens | None:
    """The built-in lens that is asked for; None where it is another."""
    return None if source.foreign else find_lens(source.name)


def _options(found: ForeignLens, options: dict[str, object]) -> dict[str, object]:
    """All options of a lens, where these are given."""
    try:
        return checked_options(found.lens, options)
    except UsageError as error:
        raise found.code.of_options(error, found.lens) from None
