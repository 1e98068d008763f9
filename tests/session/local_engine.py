"""The engine in this process, asked without a pipe."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from vlmtui.session import protocol as m
from vlmtui.session.engine import Engine
from vlmtui.session.image_read import read_image
from vlmtui.session.request_control import RequestControl
from vlmtui.session.typed_lenses import TypedQuestion

T = TypeVar("T")


def never() -> bool:
    return False


def quiet(*_: object) -> None:
    pass


class Desk(Engine):
    """Answers whatever kind of question with the type that the caller knows it has."""

    def ask(
        self, body: m.Question, should_stop: Callable[[], bool] = never, progress: Callable[..., None] = quiet
    ) -> Any:
        return self.answer(body, RequestControl(progress, should_stop))

    def load(self, request: m.Load, progress: Callable[..., None] = quiet) -> m.Loaded:
        return self.state.load(request, progress)

    def read(self, request: m.Read, progress: Callable[..., None] = quiet) -> m.ReadDone:
        return read_image(self.state, request, progress)

    def typed(self, question: TypedQuestion[T], should_stop=never, progress=quiet) -> T:
        """A built-in lens, asked by its own name and answered with its own type."""
        return question.unpack(self.ask(question.body, should_stop, progress))
