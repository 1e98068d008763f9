"""Idle and slow connections: each client has its bounded share, and what does not speak is closed."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
import uvicorn
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from tests.waiting import until
from vlmtui.web import connections
from vlmtui.web.connections import LimitedConnection

GET = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["path"] == "/slow":
        await asyncio.sleep(1.0)
    await PlainTextResponse("here")(scope, receive, send)


def drip(to: socket.socket, seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        to.sendall(b"G")
        time.sleep(0.05)


@pytest.fixture
def port(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """A server whose limits are small."""
    monkeypatch.setattr(connections, "HEADERS_S", 0.4)
    monkeypatch.setattr(connections, "OF_ONE_CLIENT", 4)
    monkeypatch.setattr(connections, "CONNECTIONS", 6)
    listening = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(app, http=LimitedConnection, lifespan="off", log_config=None, ws="none")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    until(lambda: server.started)
    yield listening.getsockname()[1]
    server.should_exit = True
    thread.join()


def connected(port: int, source: str = "127.0.0.1") -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), 5, (source, 0))


def answer(of: socket.socket) -> bytes:
    """All that comes until the connection is closed; b"" where it is closed without a word."""
    found = b""
    try:
        while data := of.recv(4096):
            found += data
    except ConnectionResetError:
        pass
    return found


def test_idle_connections_of_one_client_leave_room_for_others(port: int) -> None:
    with ExitStack() as stack:
        for _ in range(4):
            stack.enter_context(connected(port))
        with connected(port) as fifth:
            assert answer(fifth).startswith(b"HTTP/1.1 429 ")
        with connected(port, "127.0.0.2") as other:
            other.sendall(GET)
            assert other.recv(4096).startswith(b"HTTP/1.1 200 ")


def test_all_together_have_a_bound(port: int) -> None:
    with ExitStack() as stack:
        for source in ("127.0.0.2", "127.0.0.3"):
            for _ in range(3):
                stack.enter_context(connected(port, source))
        with connected(port, "127.0.0.4") as seventh:
            assert answer(seventh).startswith(b"HTTP/1.1 503 ")


def test_a_burst_of_refused_ones_counts_for_nobody(port: int) -> None:
    with ExitStack() as stack:
        for _ in range(60):
            stack.enter_context(connected(port))
        with connected(port, "127.0.0.2") as other:
            other.sendall(GET)
            assert other.recv(4096).startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize("sent", [b"", b"GET / HT", b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: "], ids=str)
def test_headers_that_do_not_come_are_not_waited_for(port: int, sent: bytes) -> None:
    with connected(port) as slow:
        slow.sendall(sent)
        begun = time.monotonic()
        assert answer(slow).startswith(b"HTTP/1.1 408 ")
        assert 0.2 < time.monotonic() - begun < 3


def test_a_byte_now_and_then_gains_nothing(port: int) -> None:
    with connected(port) as slow:
        begun = time.monotonic()
        with pytest.raises(OSError, match=r"Broken pipe|reset"):
            drip(slow, 5)
        assert time.monotonic() - begun < 3


def test_a_second_request_s_headers_have_the_same_limit(port: int) -> None:
    with connected(port) as kept:
        kept.sendall(GET)
        assert kept.recv(4096).startswith(b"HTTP/1.1 200 ")
        kept.sendall(GET[:9])
        assert b"HTTP/1.1 408 " in answer(kept)


def test_an_answer_that_takes_longer_is_awaited(port: int) -> None:
    with connected(port) as patient:
        patient.sendall(GET.replace(b" / ", b" /slow ").replace(b"Host", b"Connection: close\r\nHost"))
        assert answer(patient).endswith(b"here")
