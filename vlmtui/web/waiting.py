"""One queue for the model, of bounded length, and how often one client may ask."""

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


class Queue:
    """First come, first served: whoever is in here may hold a picture in memory, so there are at most `places`."""

    def __init__(self, places: int) -> None:
        self.turn = asyncio.Lock()
        """Held by the one who is served; it wakes those who wait in their order."""
        self._places = places
        self._tickets: list[str] = []

    @contextmanager
    def place(self, ticket: str = "") -> Iterator[str]:
        """A place until the end of the block: its ticket, new where `ticket` is taken. `RefusedError` when full."""
        if len(self._tickets) >= self._places:
            raise RefusedError(503, f"{self._places} pictures wait already: try again in a moment", retry_after=10)
        if not ticket or ticket in self._tickets:
            ticket = secrets.token_urlsafe(16)
        self._tickets.append(ticket)
        try:
            yield ticket
        finally:
            self._tickets.remove(ticket)

    def before(self, ticket: str) -> int | None:
        """How many came before and are not served yet; None for a ticket that is not in the queue."""
        return self._tickets.index(ticket) if ticket in self._tickets else None


class Rate:
    """At most so many requests a minute of one client, all at once or spread; remembers a bounded number of clients."""

    def __init__(self, a_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._size, self._clock = float(a_minute), clock
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def count(self, client: str) -> None:
        """One more request of a client's address; `RefusedError` where that is too many."""
        name, now = _network(client), self._clock()
        left, since = self._left.pop(name, (self._size, now))
        left = min(self._size, left + (now - since) * self._size / 60.0)
        allowed = left >= 1.0
        self._left[name] = (left - allowed, now)
        if len(self._left) > _CLIENTS:
            self._left.popitem(last=False)
        if not allowed:
            wait = math.ceil((1.0 - left) * 60.0 / self._size)
            raise RefusedError(429, f"more than {self._size:.0f} requests a minute: wait {wait} s", retry_after=wait)


def _network(client: str) -> str:
    """Whose address it is: with IPv6 a household has 2^64 of them."""
    try:
        address = ipaddress.ip_address(client)
    except ValueError:
        return client
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((address, 64), strict=False))
    return client
