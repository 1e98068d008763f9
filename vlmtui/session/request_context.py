"""Request context: the context of a lens, as the session implements it, for one request."""

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
from vlmtui.session.built_in_context import ModelAccess
from vlmtui.session.model_state import ModelState
from vlmtui.session.request_control import RequestControl
from vlmtui.session.third_party.guard import GuardedModel
from vlmtui.session.vocabulary_index import VocabularyIndex

T = TypeVar("T")


class RequestContext:
    """The context of one request (see `vlmtui.lenses.Context`). `owner` is the version of the lens that keeps things.

    `guard` is entered by every call: a lens is not interrupted inside of one. Built-in lenses, which change no tensor
    that they are given, get the kept tensors; other lenses get `copies`.
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
        self._access = ModelAccess(state, request.reading, request.stage, control, request.entries, request.answer)
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
                places = self._access.places(self.stage) if self._request.reading else ()
                self._entries = tuple(range(len(places)))
            return self._entries

    @property
    def chosen(self) -> bool:
        """Whether the request names some of the stage's entries."""
        return self._request.entries is not None

    @property
    def model(self) -> Any:
        return GuardedModel(self._access, self._guard) if self._copies else self._access

    def states(self, stage: str | None = None) -> Tensor:
        with self._guard(), torch.no_grad():
            name = self.stage if stage is None else stage
            if name not in self._access.path:
                raise UsageError(f"there is no stage {name!r} in {self._access.info.name}")
            states = self._access.states(name)
            if stage is None and self.chosen:
                return states[torch.tensor(self.entries, dtype=torch.int64, device=states.device)]
            return states.detach().clone() if self._copies else states

    def image(self) -> NDArray[np.uint8]:
        with self._guard():
            file = self._access.kept.file
            assert file is not None, "every image was loaded from a file"
            return np.array(file.picture().rgb)

    def inputs(self) -> dict[str, Tensor]:
        with self._guard():
            return {name: tensor.detach().clone() for name, tensor in self._access.kept.inputs.pixels.items()}

    def boxes(self) -> NDArray[np.float64]:
        with self._guard():
            boxes = np.full((len(self.entries), 4), np.nan)
            for row, place in enumerate(self.tokens()):
                if place.box is not None:
                    boxes[row] = place.box
            return boxes

    def tokens(self) -> tuple[Place, ...]:
        with self._guard():
            places = self._access.places(self.stage)
            return tuple(places[entry] for entry in self.entries)

    def vocabulary(self) -> Vocabulary:
        with self._guard():
            index = self._vocabulary_index()
            return Vocabulary(index.vocabulary.embeddings, index.words, index.tokenizer)

    def unembed(self, states: Tensor) -> Tensor:
        with self._guard(), torch.no_grad():
            self._vocabulary_index()
            return self._access.unembed(states)

    def generation(self) -> Generation | None:
        with self._guard():
            return self._access.generation()

    def other(self) -> RequestContext | None:
        return None

    def progress(self, done: int, total: int) -> None:
        with self._guard():
            self._control.progress(self._doing, done, total)

    def keep(self, key: object, make: Callable[[], T]) -> T:
        if not self._request.reading:
            return make()
        with self._guard():
            kept: dict[Any, Any] = self._access.kept.own
            if (self._owner, key) in kept:
                found: T = kept[self._owner, key]
                return found
        made = make()  # code of the lens, outside of the guard
        with self._guard():
            kept[self._owner, key] = made
        return made

    def _vocabulary_index(self) -> VocabularyIndex:
        try:
            return self._access.index
        except UsageError as error:
            raise NotHere(str(error)) from None

    @property
    def _doing(self) -> str:
        return f"running the lens {self._request.lens.shown}"
