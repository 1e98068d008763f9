"""Refusals of requests: an HTTP status and one sentence."""

from __future__ import annotations

from vlmtui.errors import (
    CancelledError,
    ImageError,
    ModelError,
    OutOfMemoryError,
    SessionError,
    UsageError,
    VlmtuiError,
)
from vlmtui.images.decoding import OR_RAISE


class RefusedError(VlmtuiError):
    """A request that is not served; `retry_after` in seconds, where trying again helps."""

    kind = "refused"

    def __init__(self, status: int, sentence: str, retry_after: int | None = None) -> None:
        super().__init__(sentence)
        self.status, self.retry_after = status, retry_after


def as_refusal(error: VlmtuiError) -> RefusedError:
    """The refusal that an error becomes.

    400 where the request is wrong, 422 where it does not suit the model, 503 where the model cannot serve it now.
    """
    match error:
        case RefusedError():
            return error
        case ImageError() | UsageError():
            return RefusedError(400, str(error).removesuffix(OR_RAISE))  # the limit is the server's
        case CancelledError() | SessionError():
            return RefusedError(503, f"the model's session ended ({error}): send the image again", retry_after=5)
        case ModelError() if not isinstance(error, OutOfMemoryError):
            return RefusedError(422, str(error))
        case _:
            return RefusedError(503, str(error), retry_after=60)
