"""Waiting for what the session was asked."""

from __future__ import annotations

from concurrent.futures import Future
from typing import TypeVar

from vlmtui.api.progress import Bars
from vlmtui.session.client import SessionClient

_T = TypeVar("_T")


def result(client: SessionClient, future: Future[_T]) -> _T:
    """What was asked for, when it is there; the question is withdrawn where the person does not wait for it."""
    try:
        if isinstance(client.on_progress, Bars):
            client.on_progress.until(future)
        return future.result()
    except KeyboardInterrupt:
        client.cancel(future)
        if client.shared:
            client.leave_lenses()
        raise
