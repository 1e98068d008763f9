"""Which status an error of the tool becomes, and whether trying again is advised."""

from __future__ import annotations

import pytest

from vlmtui.errors import (
    CancelledError,
    ImageError,
    ModelError,
    OutOfMemoryError,
    SessionError,
    UsageError,
    VlmtuiError,
)
from vlmtui.web.refusals import as_refusal


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
