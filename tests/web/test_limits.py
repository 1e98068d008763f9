"""The queue and the rate, without a server."""

from __future__ import annotations

import pytest

from vlmtui.web.limits import RateLimit, UploadQueue
from vlmtui.web.refusals import RefusedError


def test_a_full_queue_refuses_and_a_place_comes_free() -> None:
    queue = UploadQueue(2)
    with queue.place("first"), queue.place("first") as second:
        assert second != "first"
        assert (queue.before("first"), queue.before(second), queue.before("other")) == (0, 1, None)
        with pytest.raises(RefusedError) as refused, queue.place():
            pass
        assert (refused.value.status, refused.value.retry_after) == (503, 10)
    with queue.place() as ticket:
        assert queue.before(ticket) == 0


def test_a_rate_is_of_one_client_and_comes_back() -> None:
    now = [0.0]
    rate = RateLimit(2, lambda: now[0])
    for _ in range(2):
        rate.count("1.2.3.4")
    with pytest.raises(RefusedError) as refused:
        rate.count("1.2.3.4")
    assert (refused.value.status, refused.value.retry_after) == (429, 30)
    rate.count("1.2.3.5")
    now[0] = 30.0
    rate.count("1.2.3.4")


def test_an_ipv6_client_is_its_network() -> None:
    rate = RateLimit(1, lambda: 0.0)
    rate.count("2001:db8::1")
    with pytest.raises(RefusedError):
        rate.count("2001:db8::2")
