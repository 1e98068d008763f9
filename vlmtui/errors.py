"""Errors whose messages tell the user what to do.

Every error shown to the user is a `VlmtuiError`: one sentence that says what failed, why, and what to do. `kind`
identifies the class in messages between the session and its clients.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from typing import Any


class VlmtuiError(Exception):
    """An operation failed; the message is shown to the user."""

    kind = "error"
    exit_status = 1


class UsageError(VlmtuiError):
    """A usage error: wrong options or arguments."""

    kind = "usage"
    exit_status = 2


class ArgumentTypeError(UsageError, TypeError):
    """An argument of another type, which the message names; in Python also a `TypeError`."""


def type_name(given: Any) -> str:
    """The type of a value, for the user."""
    return "None" if given is None else type(given).__name__


def check_text(name: str, given: Any) -> None:
    """Raise `ArgumentTypeError` for an argument that is no text."""
    if not isinstance(given, str):
        raise ArgumentTypeError(f"{name} must be str, not {type_name(given)}")


class ImageError(VlmtuiError):
    """An image could not be read."""

    kind = "image"


class ModelError(VlmtuiError):
    """A model could not be found, loaded or run."""

    kind = "model"


class OutOfMemoryError(ModelError):
    """The device has too little memory; the message gives sizes and remedies."""

    kind = "memory"


_NO_MEMORY = ("not enough memory", "can't allocate memory", "out of memory", "can't start new thread")


def lacks_memory(error: BaseException) -> bool:
    """Whether an error says that there was not enough memory: ours, Python's, or torch's on a GPU or the CPU."""
    # torch's own class is named, for clients do not import torch
    if isinstance(error, MemoryError | OutOfMemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    return isinstance(error, RuntimeError) and any(words in str(error) for words in _NO_MEMORY)


class SessionError(VlmtuiError):
    """The session could not be started, or has ended unexpectedly."""

    kind = "session"


class ProtocolError(SessionError):
    """The session and its client do not use the same protocol, or a message violates it."""

    kind = "protocol"


class ReadingGoneError(SessionError):
    """A reading is no longer cached; the session still works, and the image can be read again."""

    kind = "gone"


class CancelledError(VlmtuiError):
    """The request was cancelled or replaced by a newer one."""

    kind = "cancelled"


class NotHere(UsageError):  # noqa: N818 - a refusal: part of the interface for lenses
    """The lens does not apply to the stage or model; the message is shown unchanged."""


class Cancelled(BaseException):
    """The result of the lens is no longer wanted. Not an `Exception`, so that a lens does not catch it by accident."""


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
    """Restore an error that was sent as (`kind`, `message`)."""
    return _KINDS.get(kind, VlmtuiError)(message)


def nearest_name(word: Any, names: Iterable[str]) -> str | None:
    """The name that was probably meant."""
    small = {name.lower(): name for name in reversed(list(names))}
    found = difflib.get_close_matches(str(word).lower(), small, 1)
    return small[found[0]] if found else None


def one_line(error: object, most: int = 160) -> str:
    """What an error says, on one line of at most `most` characters; the name of its type where it says nothing."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= most else f"{text[: most - 3]}..."


def permission_denied(error: object) -> str:
    """What to do where the user may not read, or write, a file or folder; "" for other errors, or without a path."""
    if not isinstance(error, PermissionError) or error.filename is None:
        return ""
    return f"{error.filename}: permission denied; check the permissions of this user"


_TLS = re.compile(r"(?:\[[\w: ]*\] ?)?(.*?) ?\(_ssl\.c:\d+\)")


def connection_reason(error: object) -> str:
    """Why a connection failed, on one line; where it is about TLS, in words for somebody who gave an address."""
    text = one_line(error)
    if "WRONG_VERSION_NUMBER" in text or "record layer failure" in text:
        return "it does not speak https: http:// may do"
    found = _TLS.fullmatch(text)
    return found[1] if found else text
