"""The context that a lens is given, as the session implements it, for one request."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vlmtui.errors import UsageError
from vlmtui.lenses.context import Generation, NotHere, Place, Vocabulary
from vlmtui.session import protocol as m
from vlmtui.session.lens_guard import GuardedModel
from vlmtui.session.model_access import ModelAccess
from vlmtui.session.model_state import ModelState
from vlmtui.session.request_control import RequestControl
from vlmtui.session.vocabulary_index import VocabularyIndex

T = TypeVar("T")


class RequestContext:
    """One request's context (see `vlmtui.lenses.Context`). `owner` is whose what it keeps is: the lens, as it is now.

    `guard` is entered by every call: inside of one a lens is not interrupted. A built-in lens, which changes no
    tensor that it is given, gets them themselves; others get copies.
    """

    def __init__(
        self,
        state: ModelState,
        request: m.Compute,
        control: RequestControl,
        owner: str,
        guard: Callable[[], AbstractContextManager[Any]] = nullcontext,
        copies: bool = False,
    ) -> None:
        self._inside = ModelAccess(state, request.reading, request.stage, control, request.entries, request.answer)
        self._request, self._control, self._owner, self._guard, self._copies = request, control, owner, guard, copies
        self._entries = request.entries

    @property
    def stage(self) -> str:
        return self._request.stage

    @property
    def k(self) -> int:
        return self._request.k

    @property
    def entries(self) -> tuple[int, ...]:
        with self._guard():
            if self._entries is None:
                places = self._inside.places(self.stage) if self._request.reading else ()
                self._entries = tuple(range(len(places)))
            return self._entries

    @property
    def chosen(self) -> bool:
        """Whether only some of the stage's entries are meant."""
        return self._request.entries is not None

    @property
    def model(self) -> Any:
        return GuardedModel(self._inside, self._guard) if self._copies else self._inside

    def states(self, stage: str | None = None) -> Tensor:
        with self._guard(), torch.no_grad():
            at = self.stage if stage is None else stage
            if at not in self._inside.path:
                raise UsageError(f"there is no stage {at!r} in {self._inside.info.name}")
            states = self._inside.states(at)
            if stage is None and self.chosen:
                return states[torch.tensor(self.entries, dtype=torch.int64, device=states.device)]
            return states.detach().clone() if self._copies else states

    def image(self) -> NDArray[np.uint8]:
        with self._guard():
            file = self._inside.kept.file
            assert file is not None, "every reading has come from a file"
            return np.array(file.picture().rgb)

    def inputs(self) -> dict[str, Tensor]:
        with self._guard():
            return {name: tensor.detach().clone() for name, tensor in self._inside.kept.inputs.pixels.items()}

    def boxes(self) -> NDArray[np.float64]:
        with self._guard():
            found = np.full((len(self.entries), 4), np.nan)
            for row, place in enumerate(self.tokens()):
                if place.box is not None:
                    found[row] = place.box
            return found

    def tokens(self) -> tuple[Place, ...]:
        with self._guard():
            places = self._inside.places(self.stage)
            return tuple(places[entry] for entry in self.entries)

    def vocabulary(self) -> Vocabulary:
        with self._guard():
            index = self._wordy()
            return Vocabulary(index.vocabulary.embeddings, index.words, index.tokenizer)

    def unembed(self, states: Tensor) -> Tensor:
        with self._guard(), torch.no_grad():
            self._wordy()
            return self._inside.unembed(states)

    def generation(self) -> Generation | None:
        with self._guard():
            return self._inside.generation()

    def other(self) -> RequestContext | None:
        return None

    def progress(self, done: int, total: int) -> None:
        with self._guard():
            self._control.progress(self._doing, done, total)

    def keep(self, key: object, make: Callable[[], T]) -> T:
        if not self._request.reading:
            return make()
        with self._guard():
            kept: dict[Any, Any] = self._inside.kept.own
            if (self._owner, key) in kept:
                found: T = kept[self._owner, key]
                return found
        made = make()  # the lens's own code
        with self._guard():
            kept[self._owner, key] = made
        return made

    def _wordy(self) -> VocabularyIndex:
        try:
            return self._inside.index
        except UsageError as error:
            raise NotHere(str(error)) from None

    @property
    def _doing(self) -> str:
        return f"looking through {self._request.lens.shown}"
