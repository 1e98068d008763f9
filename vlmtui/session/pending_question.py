"""A question without an answer yet, and the future of whoever waits for it. Whatever the answer is, the future ends."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from concurrent.futures import Future, InvalidStateError
from dataclasses import dataclass
from typing import Any

from vlmtui.catalogue import named_by
from vlmtui.errors import ModelError, ProtocolError, error_from_kind
from vlmtui.session import protocol as m


@dataclass(frozen=True)
class PendingQuestion:
    """A question; `unpack` makes the future's result of the answer. The callbacks are called with its notes."""

    body: m.Question
    future: Future[Any]
    unpack: Callable[[Any], Any]
    on_progress: Callable[[m.Progress], None] | None
    on_token: Callable[[m.AnswerProgress], None] | None = None

    def notify(self, note: m.Note) -> None:
        """Pass a note on. Raises what the callback raises."""
        match note:
            case m.Progress():
                if self.on_progress is not None:
                    self.on_progress(note)
            case m.AnswerProgress():
                if self.on_token is not None:
                    self.on_token(note)

    def settle(self, answer: Any) -> None:
        """End the future with an answer of the session, or with an error.

        Raises `ProtocolError` where a greeting is not as it must be: with that session nothing else can be said.
        """
        try:
            value = self._value(answer)
        except Exception as error:
            self.fail(error)
            if isinstance(error, ProtocolError) and isinstance(self.body, m.Hello):
                raise
            return
        with contextlib.suppress(InvalidStateError):  # the caller has cancelled it
            self.future.set_result(value)

    def fail(self, error: Exception) -> None:
        """End the future with an error."""
        fail_future(self.future, error)

    def _value(self, answer: Any) -> Any:
        if isinstance(answer, m.Failed):
            message = answer.message
            if isinstance(self.body, m.Load | m.Verify) and answer.kind == ModelError.kind:
                message += named_by(self.body.model)  # the session is told no more than the name
            error = error_from_kind(answer.kind, message)
            if answer.detail:
                error.add_note(answer.detail)
            raise error
        if isinstance(answer, Exception):
            raise answer
        try:
            return self.unpack(answer)
        except ProtocolError:
            raise
        except Exception as error:  # an answer of another kind, or one that contradicts itself
            raise ProtocolError(
                f"the session's answer {type(answer).__name__} could not be understood ({type(error).__name__}: "
                f"{error}): the two ends may have different versions"
            ) from error


def fail_future(future: Future[Any], error: Exception) -> None:
    """End a future with an error, unless the caller has cancelled it."""
    with contextlib.suppress(InvalidStateError):
        future.set_exception(error)
