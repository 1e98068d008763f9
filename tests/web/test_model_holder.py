"""Work that is not wanted any more, at the moments that are hard to meet."""

from __future__ import annotations

import threading
from concurrent.futures import Future

import pytest

from tests.waiting import until
from vlmtui.errors import CancelledError
from vlmtui.query.options import LoadOptions
from vlmtui.session.transport import PipeLink
from vlmtui.web.model_holder import CancellableClient, ModelHolder

DEMO = LoadOptions("demo", device="cpu")


def test_what_is_withdrawn_as_it_begins_is_not_done() -> None:
    holder, started = ModelHolder(DEMO), threading.Event()
    try:
        first = holder.work(DEMO, lambda client: started.wait(60))
        until(first.running)
        done: list[int] = []
        second: Future[object] = holder.work(DEMO, lambda client: done.append(client.status().result().pid))
        # the first ends, and the second is running, but has not come so far as to say so
        until(lambda: holder.ready, 120)
        with holder._lock:
            started.set()
            until(second.running)
            holder.withdraw(second)
        assert isinstance(second.exception(60), CancelledError)
        assert done == []
        assert holder.work(DEMO, lambda client: client.status().result().pid).result(60) == holder.pid
    finally:
        started.set()
        holder.close()


def test_nothing_is_asked_after_a_withdrawal() -> None:
    client = CancellableClient(PipeLink())
    try:
        asked = client.status()
        client.withdraw()
        for future in (asked, client.status()):
            with pytest.raises(CancelledError):
                future.result(60)
        client.begin()
        assert client.status().result(60).pid == client.pid
    finally:
        client.close()
