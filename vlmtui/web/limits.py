"""Queue of the server: a bounded queue for the model, and the rate of one client's requests."""

from __future__ import annotations

import asyncio
import ipaddress
import math
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from vlmtui.web.refusals import RefusedError

_CLIENTS = 10_000


class UploadQueue:
    """Queue in order of arrival. Each request in it may hold an image in memory, so there are at most `places`."""

    def __init__(self, places: int) -> None:
        self.turn = asyncio.Lock()
        """Held by the request that is served; it wakes the others in their order."""
        self._places = places
        self._tickets: list[str] = []

    @contextmanager
    def place(self, ticket: str = "") -> Iterator[str]:
        """Queue until the end of the block: the ticket, new where `ticket` is in use. `RefusedError` when full."""
        if len(self._tickets) >= self._places:
            raise RefusedError(503, f"{self._places} images are waiting already: try again in a moment", retry_after=10)
        if not ticket or ticket in self._tickets:
            ticket = secrets.token_urlsafe(16)
        self._tickets.append(ticket)
        try:
            yield ticket
        finally:
            self._tickets.remove(ticket)

    def before(self, ticket: str) -> int | None:
        """The number of requests before a ticket; None for one that is not in the queue."""
        return self._tickets.index(ticket) if ticket in self._tickets else None


class RateLimit:
    """Token bucket of `a_minute` requests a minute for each client, for a bounded number of clients."""

    def __init__(self, a_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._size, self._clock = float(a_minute), clock
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def count(self, client: str) -> None:
        """Count a request of a client's address; `RefusedError` 429 where there are too many."""
        name, now = client_network(client), self._clock()
        left, since = self._left.pop(name, (self._size, now))
        left = min(self._size, left + (now - since) * self._size / 60.0)
        allowed = left >= 1.0
        self._left[name] = (left - allowed, now)
        if len(self._left) > _CLIENTS:
            self._left.popitem(last=False)
        if not allowed:
            wait = math.ceil((1.0 - left) * 60.0 / self._size)
            raise RefusedError(429, f"more than {self._size:.0f} requests per minute: wait {wait} s", retry_after=wait)


def client_network(client: str) -> str:
    """The name to count by: the address, of IPv6 its /64 network, as one client has 2^64 addresses."""
    try:
        address = ipaddress.ip_address(client)
    except ValueError:
        return client
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((address, 64), strict=False))
    return client
