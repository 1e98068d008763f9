"""The server process: socket, uvicorn, and the model that is loaded at the start."""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable
from concurrent.futures import Future

import uvicorn

from vlmtui.errors import VlmtuiError
from vlmtui.query.options import LoadOptions
from vlmtui.web.app import WebApplication
from vlmtui.web.connections import CONNECTIONS, LimitedConnection
from vlmtui.web.guard import Guard
from vlmtui.web.model_holder import ModelHolder
from vlmtui.web.server_limits import ServerLimits


def run_server(
    load: LoadOptions,
    models: tuple[str, ...],
    host: str,
    port: int,
    token: str | None,
    limits: ServerLimits,
    tell: Callable[[str], object],
) -> int:
    """Serve until told to leave. Raises the error of loading the first model, and `KeyboardInterrupt`."""
    guard = Guard(host, token)
    listening = _bind(host, port)
    holder = ModelHolder(load)
    config = uvicorn.Config(
        WebApplication(holder, load, models, guard, limits).app(),
        http=LimitedConnection,
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=CONNECTIONS + 1,
        timeout_keep_alive=5,
        timeout_graceful_shutdown=0,
        ws="none",
    )
    logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)  # a request that is cancelled at the end is no error
    logging.getLogger("python_multipart").setLevel(logging.CRITICAL)  # the client is told what is wrong with its form
    server = uvicorn.Server(config)
    failed: list[VlmtuiError] = []

    def loaded(first: Future[None]) -> None:
        error = None if first.cancelled() else first.exception()
        if isinstance(error, VlmtuiError) and not server.should_exit:
            failed.append(error)
            server.should_exit = True

    try:
        holder.wake().add_done_callback(loaded)
        where = f"[{host}]" if ":" in host else host
        tell(f"listening on http://{where}:{listening.getsockname()[1]} (Ctrl-C stops it)")
        server.run(sockets=[listening])
    finally:
        server.should_exit = True
        holder.close()
        listening.close()
    if failed:
        raise failed[0]
    return 0


def _bind(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    taken = socket.socket(family)
    try:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind((host, port))
    except (OSError, UnicodeError) as error:
        taken.close()
        why = getattr(error, "strerror", None) or error
        raise VlmtuiError(f"cannot listen on {host}, port {port} ({why}): choose another --host or --port") from None
    return taken
