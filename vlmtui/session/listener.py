"""Listener of the warm session: accepts front ends at a unix socket until it is stopped, or has been idle too long."""

from __future__ import annotations

import contextlib
import os
import socket
import sys
import threading
import time
from collections.abc import Callable

from vlmtui.errors import VlmtuiError
from vlmtui.session import daemon
from vlmtui.session.connection import Connection
from vlmtui.session.server import SessionServer, write_log

_RETRY_S = 0.02


def listen(log: str, idle: float, ready: int) -> None:
    """Run as the warm session; never returns. A byte is written to the descriptor `ready` once front ends may connect.

    `idle` is after how many seconds without a question it ends.
    """
    try:
        runtime = daemon.runtime_folder()
    except VlmtuiError as error:
        print(error, file=sys.stderr, flush=True)
        os._exit(1)
    while (place := daemon.take_lock(runtime)) is None:  # noqa: F841 - held until the process ends
        # its owner listens, is about to, or is about to end
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as other:
            other.connect(str(daemon.socket_path()))
            os._exit(daemon.ALREADY)
        time.sleep(_RETRY_S)
    listening = daemon.listening_socket(runtime)
    path = daemon.socket_path()

    def end(status: int) -> None:
        with contextlib.suppress(OSError):
            path.unlink()
        os._exit(status)

    server = SessionServer(log, private=False, end=end)
    write_log(f"listening at {path}, ends after {idle:g} s without requests")
    os.write(ready, b"1")
    os.close(ready)
    threading.Thread(target=_accept, args=(server, listening), name="accept", daemon=True).start()
    threading.Thread(target=_watch, args=(server, idle, end), name="idle", daemon=True).start()
    server.work()


def _accept(server: SessionServer, listening: socket.socket) -> None:
    while True:
        try:
            connection, _ = listening.accept()
        except OSError as error:
            write_log(f"no client could be accepted: {error}")
            time.sleep(0.1)  # too many open files, most often: some will be closed
            continue
        threading.Thread(target=_serve, args=(server, connection), name="requests", daemon=True).start()


def _serve(server: SessionServer, connection: socket.socket) -> None:
    with connection:
        server.serve(Connection.over_socket(connection))


def _watch(server: SessionServer, idle: float, end: Callable[[int], None]) -> None:
    while (rest := idle - server.quiet()) > 0:
        time.sleep(rest)
    write_log(f"ended: no requests for {idle:g} s")
    end(0)
