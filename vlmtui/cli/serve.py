"""`vlmtui serve`: the HTTP server."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from vlmtui.cli.messages import print_message
from vlmtui.cli.options import Debug, LoadArguments, Quiet, Version, with_grouped_options
from vlmtui.cli.user_settings import UserSettings


@with_grouped_options
def serve(
    load_arguments: LoadArguments,
    settings: UserSettings,
    model: Annotated[
        list[str] | None,
        typer.Option("-m", "--model", metavar="NAME", help="To choose from; repeatable, the first by default."),
    ] = None,
    host: Annotated[str, typer.Option("--host", metavar="ADDRESS", help="Listen there; not loopback: --token.")] = (
        "127.0.0.1"
    ),
    port: Annotated[int, typer.Option("--port", min=0, max=65535, metavar="N", help="0 takes a free one.")] = 8000,
    token: Annotated[
        str | None, typer.Option("--token", metavar="WORD", help="Who asks must know it [VLMTUI_TOKEN].")
    ] = None,
    max_bytes: Annotated[int, typer.Option("--max-bytes", min=1, metavar="N", help="Of one picture.")] = 20 << 20,
    max_pixels: Annotated[int, typer.Option("--max-pixels", min=1, metavar="N", help="Of one picture.")] = 50_000_000,
    seconds: Annotated[float, typer.Option("--seconds", min=0.1, metavar="N", help="For one picture.")] = 120.0,
    rate: Annotated[int, typer.Option("--rate", min=1, metavar="N", help="Requests a minute of one client.")] = 60,
    queue: Annotated[int, typer.Option("--queue", min=1, metavar="N", help="Pictures that may wait.")] = 32,
    quiet: Quiet = False,
    debug: Debug = False,
    version: Version = False,
) -> int:
    """Serve the page: upload a picture, or give its address, and its words come back. Ctrl-C ends it."""
    from vlmtui.catalogue import resolve_model
    from vlmtui.signals import exit_on_signals
    from vlmtui.web.limits import ServerLimits
    from vlmtui.web.server import run_server

    exit_on_signals()
    settings.tell()
    load_arguments.check()
    models = tuple(dict.fromkeys(model or (settings.model,)))
    for name in models:
        resolve_model(name)
    first = load_arguments.load_options(models[0])
    word = token if token is not None else os.environ.get("VLMTUI_TOKEN") or None
    limits = ServerLimits(max_bytes, max_pixels, seconds, rate, queue)
    return run_server(first, models, host, port, word, limits, lambda line: None if quiet else print_message(line))
