"""Errors with messages a person can act on.

Every error that reaches a person is a `VlmtuiError`: one sentence that says what failed, why, and what to do. `kind`
identifies the class on the wire between the session and its clients.
"""

from __future__ import annotations


class VlmtuiError(Exception):
    """An operation failed; the message is for the person at the terminal."""

    kind = "error"
    exit_status = 1


class UsageError(VlmtuiError):
    """A usage error: wrong options or arguments."""

    kind = "usage"
    exit_status = 2


class ImageError(VlmtuiError):
    """An image could not be read."""

    kind = "image"


class ModelError(VlmtuiError):
    """A model could not be found, loaded or run."""

    kind = "model"


class OutOfMemoryError(ModelError):
    """The device has too little memory; the message gives the numbers and remedies."""

    kind = "memory"


class SessionError(VlmtuiError):
    """The model session could not be started or has died."""

    kind = "session"


class ProtocolError(SessionError):
    """The session and its client do not understand each other."""

    kind = "protocol"


class ReadingGoneError(SessionError):
    """A reading is no longer cached; the session works, and reading the image again helps."""

    kind = "gone"


class CancelledError(VlmtuiError):
    """The request was cancelled or replaced by a newer one."""

    kind = "cancelled"


class NotHere(UsageError):  # noqa: N818 - a refusal: part of the interface for lenses
    """A lens does not apply there; the message is shown unchanged."""


class Cancelled(BaseException):
    """Nobody waits for the result of a lens any more. Not an `Exception`, so that a lens does not catch it."""


_KINDS: dict[str, type[VlmtuiError]] = {
    cls.kind: cls
    for cls in (
        VlmtuiError,
        UsageError,
        ImageError,
        ModelError,
        OutOfMemoryError,
        SessionError,
        ProtocolError,
        ReadingGoneError,
        CancelledError,
    )
}


def error_from_kind(kind: str, message: str) -> VlmtuiError:
    """Restore the error that was sent as (`kind`, `message`)."""
    return _KINDS.get(kind, VlmtuiError)(message)
