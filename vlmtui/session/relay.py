"""`vlmtui session stdio`, the far end of `--remote`: passes bytes between ssh's streams and the warm session here."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from collections.abc import Callable

from vlmtui.errors import SessionError, VlmtuiError
from vlmtui.session.discovery import JUST_BEGUN_S, connect_warm, start_warm
from vlmtui.session.transport import ENDED, why_ended

_CHUNK = 1 << 16


def relay(idle: float, say: Callable[[VlmtuiError], object]) -> int:
    """Connect to the warm session, started where there is none, and pass bytes until either end goes; the status.

    `say` tells the person, whose ssh client passes on what stands on stderr.
    """
    requests, replies = os.dup(0), os.dup(1)
    os.dup2(2, 1)  # nothing but the protocol may go to the front end
    link = connect_warm(JUST_BEGUN_S) or start_warm(idle)
    connection = link.connection
    gone = threading.Event()

    def inwards() -> None:
        with contextlib.suppress(OSError):
            while data := os.read(requests, _CHUNK):
                connection.sendall(data)
        gone.set()
        with contextlib.suppress(OSError):
            connection.shutdown(socket.SHUT_WR)  # it answers what it has been asked, and hangs up

    threading.Thread(target=inwards, name="requests", daemon=True).start()
    try:
        while data := connection.recv(_CHUNK):
            view = memoryview(data)
            while view:
                view = view[os.write(replies, view) :]
    except OSError:
        return 0  # the line to the front end was cut
    if gone.is_set():
        return 0
    words = why_ended(link.log) if link.log else ""
    say(SessionError(f"the warm session (process {link.pid}) has ended{words}; its log is {link.log}"))
    return ENDED
