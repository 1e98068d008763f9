"""Connections of the server: bounded for each client and in all, and closed where a request's headers do not come.

All this is before the token: whoever can connect could otherwise hold every place with connections that say nothing.
"""

from __future__ import annotations

import asyncio
from typing import cast

from uvicorn.protocols.http.h11_impl import H11Protocol

from vlmtui.web.limits import client_network

CONNECTIONS = 512
"""Of all clients together."""
OF_ONE_CLIENT = 64
"""Of one address, or of one /64 network of IPv6. A proxy is one client: it may have these in use at once."""
HEADERS_S = 10.0
"""For the whole headers of a request, counted from their first byte, or from the beginning of the connection."""


class LimitedConnection(H11Protocol):
    """uvicorn's connection with these limits."""

    network = ""
    _deadline: asyncio.TimerHandle | None = None
    _refused = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin; refuse one connection too many."""
        super().connection_made(transport)
        self.network = client_network(self.client[0] if self.client else "")
        # those refused are about to be closed, and must not count in a burst of them
        there = cast("set[LimitedConnection]", self.connections)
        others = [one for one in there if one is not self and not one._refused]
        if len(others) >= CONNECTIONS:
            self._refuse(503, "Service Unavailable", "the server has too many connections: try again in a moment")
        elif sum(one.network == self.network for one in others) >= OF_ONE_CLIENT:
            self._refuse(429, "Too Many Requests", "your address has too many connections here: close some")
        else:
            self._await_headers()

    def data_received(self, data: bytes) -> None:
        """Take what came, and wait for headers only where none are complete."""
        if self._refused:
            return
        super().data_received(data)
        if self.cycle is not None and not self.cycle.response_complete:
            self._stop_waiting()
        else:
            self._await_headers()

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        self._stop_waiting()
        super().connection_lost(exc)

    def _await_headers(self) -> None:
        if self._deadline is None:
            self._deadline = self.loop.call_later(HEADERS_S, self._late)

    def _stop_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _late(self) -> None:
        self._deadline = None
        if not self.transport.is_closing():
            sentence = f"the headers of a request did not come within {HEADERS_S:g} s: send them again"
            self._refuse(408, "Request Timeout", sentence)

    def _refuse(self, status: int, reason: str, sentence: str) -> None:
        self._refused = True
        body = f"{sentence}\n".encode()
        head = f"HTTP/1.1 {status} {reason}\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n"
        self.transport.write(f"{head}Retry-After: 10\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
        self.transport.close()
