"""A slow line before a TCP port: a proxy that passes bytes on at a rate, both ways, after a delay."""

from __future__ import annotations

import contextlib
import select
import socket
import threading
import time
from collections.abc import Callable, Iterator

from benchmarks.slow_line.slow_terminal import TICK_S, SlowLine
from benchmarks.slow_line.throttle import Throttle

WINDOW = 16_384
"""Bytes that may wait in the proxy, as in the buffer of a router."""


class _Direction:
    """Bytes from one socket to another."""

    def __init__(self, source: socket.socket, sink: socket.socket, line: SlowLine) -> None:
        self.source, self._sink = source, sink
        self.throttle = Throttle(line.rate, line.round_trip / 2, WINDOW)
        self._ended = self.is_over = False

    def wants_bytes(self, now: float) -> bool:
        """Whether there is room for bytes, and more may come."""
        return not self._ended and self.throttle.room(now) > 0

    def read(self, now: float) -> None:
        """Take what has come, as far as there is room."""
        try:
            data = self.source.recv(self.throttle.room(now) or 1)
        except OSError:
            data = b""
        self._ended = not data
        self.throttle.send(data, now)

    def write(self, now: float) -> None:
        """Pass on what has arrived, and the end after all of it."""
        try:
            self._sink.sendall(self.throttle.arrived(now))
            if self._ended and self.throttle.is_empty and not self.is_over:
                self.is_over = True
                self._sink.shutdown(socket.SHUT_WR)
        except OSError:
            self._ended = self.is_over = True


class SlowProxy:
    """A port on the loopback that leads to `port` over a slow line; moved by `step`."""

    def __init__(self, port: int, line: SlowLine, clock: Callable[[], float] = time.monotonic) -> None:
        self._target = port
        self._line = line
        self._clock = clock
        self._listener = socket.create_server(("127.0.0.1", 0))
        # a small window is inherited by connections: what waits shall wait at the sender
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, WINDOW)
        self.directions: list[_Direction] = []
        self.port: int = self._listener.getsockname()[1]

    def step(self, seconds: float = TICK_S) -> None:
        """Move what can be moved, after waiting for bytes for some seconds at most."""
        now = self._clock()
        readable = {way.source: way for way in self.directions if way.wants_bytes(now)}
        ready, _, _ = select.select([self._listener, *readable], [], [], seconds)
        now = self._clock()
        for source in ready:
            if source is self._listener:
                self._connect()
            else:
                readable[source].read(now)
        for way in self.directions:
            way.write(now)

    def close(self) -> None:
        """Close the port and all connections."""
        for connection in (self._listener, *(way.source for way in self.directions)):
            connection.close()

    def _connect(self) -> None:
        near = socket.socket()
        near.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, WINDOW)
        near.connect(("127.0.0.1", self._target))
        far, _ = self._listener.accept()
        for connection in (near, far):
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.directions += [_Direction(near, far, self._line), _Direction(far, near, self._line)]


@contextlib.contextmanager
def running_proxy(port: int, line: SlowLine) -> Iterator[int]:
    """A proxy in a thread of its own; yields its port."""
    proxy = SlowProxy(port, line)
    over = threading.Event()

    def move() -> None:
        while not over.is_set():
            proxy.step()

    thread = threading.Thread(target=move, name="slow line", daemon=True)
    thread.start()
    try:
        yield proxy.port
    finally:
        over.set()
        thread.join()
        proxy.close()
