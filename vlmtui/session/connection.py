"""Connection of a session to a front end: requests are read, and replies wait in a queue of their own to be sent."""

from __future__ import annotations

import contextlib
import os
import queue
import socket
import threading
from collections.abc import Callable

MANY = 64
"""Messages that may wait for a front end that does not read; beyond, it gets no notes."""


class Connection:
    """Two directions of bytes. A front end that does not read, stopped or far away, holds up nobody but itself."""

    def __init__(
        self, read: Callable[[int], bytes], write: Callable[[memoryview], int], close: Callable[[], None]
    ) -> None:
        self.read = read
        self.close = close
        self._write = write
        self._outbox: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._writer = threading.Thread(target=self._send_all, name="replies", daemon=True)
        self._writer.start()

    @classmethod
    def over_pipes(cls, requests: int, replies: int, lost: Callable[[], None]) -> Connection:
        """A connection over two file descriptors; `lost` is called when nobody reads the replies any more."""
        return cls(os.fdopen(requests, "rb").read, lambda data: os.write(replies, data), lost)

    @classmethod
    def over_socket(cls, connected: socket.socket) -> Connection:
        """A connection over a connected socket."""

        def close() -> None:
            with contextlib.suppress(OSError):
                connected.shutdown(socket.SHUT_RDWR)

        return cls(connected.makefile("rb").read, connected.send, close)

    @property
    def crowded(self) -> bool:
        """Whether many messages wait to be sent."""
        return self._outbox.qsize() > MANY

    def send(self, data: bytes) -> None:
        """Send these bytes after those that wait."""
        self._outbox.put(data)

    def finish(self, seconds: float) -> None:
        """Send what waits, and nothing after it; return when it is sent, or after so many seconds."""
        self._outbox.put(None)
        self._writer.join(seconds)

    def _send_all(self) -> None:
        try:
            while (data := self._outbox.get()) is not None:
                view = memoryview(data)
                while view:
                    view = view[self._write(view) :]
        except OSError:
            self.close()
