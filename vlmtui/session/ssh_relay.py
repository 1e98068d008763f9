"""Relay at the far end of `--remote`, `vlmtui session stdio`: from ssh's streams to the warm session, and back."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from collections.abc import Callable

from vlmtui.errors import SessionError, VlmtuiError
from vlmtui.session.discovery import JUST_BEGUN_S, connect_warm, start_warm
from vlmtui.session.endings import why_ended
from vlmtui.session.transport import ENDED

_CHUNK = 1 << 16


def relay(idle: float, say: Callable[[VlmtuiError], object]) -> int:
    """Connect to the warm session, started where there is none, and relay bytes until either end closes.

    Returns the exit status. `say` writes an error to stderr, which the user's ssh client passes on.
    """
    requests, replies = os.dup(0), os.dup(1)
    os.dup2(2, 1)  # only the protocol may go to the front end
    link = connect_warm(JUST_BEGUN_S) or start_warm(idle)
    connection = link.connection
    closed = threading.Event()

    def relay_requests() -> None:
        with contextlib.suppress(OSError):
            while data := os.read(requests, _CHUNK):
                connection.sendall(data)
        closed.set()
        with contextlib.suppress(OSError):
            connection.shutdown(socket.SHUT_WR)  # it answers its requests, and closes

    threading.Thread(target=relay_requests, name="requests", daemon=True).start()
    try:
        while data := connection.recv(_CHUNK):
            view = memoryview(data)
            while view:
                view = view[os.write(replies, view) :]
    except OSError:
        return 0  # the connection to the front end was cut
    if closed.is_set():
        return 0
    words = why_ended(link.log) if link.log else ""
    say(SessionError(f"the warm session (process {link.pid}) has ended{words}; its log is {link.log}"))
    return ENDED
