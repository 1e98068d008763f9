"""Which status an error of the tool becomes, and whether trying again is advised."""

from __future__ import annotations

import pytest
from starlette.requests import Request

from vlmtui.errors import (
    CancelledError,
    ImageError,
    ModelError,
    OutOfMemoryError,
    SessionError,
    UsageError,
    VlmtuiError,
)
from vlmtui.web import app
from vlmtui.web.refusals import RefusedError, as_refusal


@pytest.mark.parametrize(
    ("error", "status", "again"),
    [
        (ImageError("no picture"), 400, False),
        (UsageError("no such stage"), 400, False),
        (ModelError("the model cannot take it"), 422, False),
        (OutOfMemoryError("2 GB are needed"), 503, True),
        (SessionError("it was killed"), 503, True),
        (CancelledError("it was closed"), 503, True),
        (VlmtuiError("the disk is full"), 503, True),
    ],
)
def test_statuses(error: VlmtuiError, status: int, again: bool) -> None:
    refused = as_refusal(error)
    assert (refused.status, refused.retry_after is not None) == (status, again)
    assert str(error) in str(refused)


def test_a_name_in_a_refusal_cannot_control_a_terminal() -> None:
    request = Request({"type": "http", "method": "POST", "headers": []})
    said = app._refusal_response(request, RefusedError(400, "\x1b[31ma.png is not an image")).body
    assert said == b"U+001B[31ma.png is not an image\n"
