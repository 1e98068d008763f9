"""What can go wrong, said so that a person can act on it.

Every error that reaches a person is a `VlmtuiError`: one sentence that says what, why, and what to do.
`kind` is the word by which an error crosses the pipe between the session and the front ends.
"""

from __future__ import annotations


class VlmtuiError(Exception):
    """Something could not be done; the message is for the person at the terminal."""

    kind = "error"
    exit_status = 1


class UsageError(VlmtuiError):
    """The words on the command line are off."""

    kind = "usage"
    exit_status = 2


class ImageError(VlmtuiError):
    """A picture could not be read."""

    kind = "image"


class ModelError(VlmtuiError):
    """A model could not be found, loaded or run."""

    kind = "model"


class OutOfMemoryError(ModelError):
    """The device's memory does not suffice; the message gives the numbers and the ways out."""

    kind = "memory"


class SessionError(VlmtuiError):
    """The model session could not be started, or it has died."""

    kind = "session"


class ProtocolError(SessionError):
    """The two ends of the pipe do not understand each other."""

    kind = "protocol"


class ReadingGoneError(SessionError):
    """A reading is not kept any more: the session is well, and reading the picture again helps."""

    kind = "gone"


class CancelledError(VlmtuiError):
    """The question was withdrawn, or a newer one took its place."""

    kind = "cancelled"


class NotHere(UsageError):  # noqa: N818 - a refusal: part of the interface for lenses
    """A lens cannot look there: the message is shown as it is."""


class Cancelled(BaseException):
    """Nobody waits for the result of a lens any more. No `except Exception` of the lens's own stops it."""


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
    """The error that crossed the pipe as (`kind`, `message`)."""
    return _KINDS.get(kind, VlmtuiError)(message)
