"""`vlmtui serve`: the HTTP server."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from vlmtui.cli.help import LIMITS, MODEL
from vlmtui.cli.messages import print_message
from vlmtui.cli.options import Debug, LoadArguments, Quiet, Version, with_grouped_options
from vlmtui.cli.user_settings import UserSettings
from vlmtui.errors import UsageError
from vlmtui.web.server_limits import ServerLimits

_DEFAULT = ServerLimits()


@with_grouped_options
def serve(
    load_arguments: LoadArguments,
    settings: UserSettings,
    model: Annotated[
        list[str] | None,
        typer.Option(
            "-m",
            "--model",
            rich_help_panel=MODEL,
            metavar="NAME",
            help="A model to choose; repeatable, the first is the default.",
        ),
    ] = None,
    host: Annotated[
        str, typer.Option("--host", metavar="ADDRESS", help="Listen there; beyond loopback --token is needed.")
    ] = ("127.0.0.1"),
    port: Annotated[
        int, typer.Option("--port", min=0, max=65535, metavar="N", help="Listen on this port; 0 takes a free one.")
    ] = 8000,
    token: Annotated[
        str | None, typer.Option("--token", metavar="WORD", help="Clients must send this token [VLMTUI_TOKEN].")
    ] = None,
    max_bytes: Annotated[
        int,
        typer.Option("--max-bytes", rich_help_panel=LIMITS, min=1, metavar="N", help="Bytes of one image, at most."),
    ] = _DEFAULT.bytes,
    max_pixels: Annotated[
        int,
        typer.Option("--max-pixels", rich_help_panel=LIMITS, min=1, metavar="N", help="Pixels of one image, at most."),
    ] = _DEFAULT.pixels,
    seconds: Annotated[
        float,
        typer.Option("--seconds", rich_help_panel=LIMITS, min=0.1, metavar="N", help="Time for one image, at most."),
    ] = _DEFAULT.seconds,
    rate: Annotated[
        int,
        typer.Option("--rate", rich_help_panel=LIMITS, min=1, metavar="N", help="Requests per minute and client."),
    ] = _DEFAULT.rate,
    queue: Annotated[
        int, typer.Option("--queue", rich_help_panel=LIMITS, min=1, metavar="N", help="Images that may wait.")
    ] = _DEFAULT.places,
    quiet: Quiet = False,
    debug: Debug = False,
    version: Version = False,
) -> int:
    """Serve the web page, where anyone may upload an image.

    Ctrl-C stops the server.
    """
    from vlmtui.catalogue import resolve_model
    from vlmtui.signals import exit_on_signals
    from vlmtui.web.server import run_server

    exit_on_signals()
    settings.tell()
    load_arguments.check()
    if not host.strip() or "://" in host or host.startswith("["):
        raise UsageError(f"--host {host or 'is empty'}: give a name or an address alone, such as 127.0.0.1 or ::1")
    models = tuple(dict.fromkeys(model or (settings.model,)))
    for name in models:
        resolve_model(name)
    first = load_arguments.load_options(models[0])
    word = token if token is not None else os.environ.get("VLMTUI_TOKEN") or None
    limits = ServerLimits(max_bytes, max_pixels, seconds, rate, queue)
    return run_server(first, models, host, port, word, limits, lambda line: None if quiet else print_message(line))
