"""`vlmtui session start|stop|status|stdio`: commands for the warm session."""

from __future__ import annotations

import os
import re
import signal
import sys
import time
from typing import Annotated

import typer

from vlmtui.cli.help import MODEL, HelpCommand
from vlmtui.cli.messages import print_json, print_message
from vlmtui.cli.options import Debug, LoadArguments, Quiet, TextOrJson, with_grouped_options
from vlmtui.cli.user_settings import UserSettings
from vlmtui.errors import SessionError, UsageError, VlmtuiError
from vlmtui.query.choices import check_choice

_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
_STOP_S = 5.0
_LOOK_S = 0.05

app = typer.Typer(
    help="The model session that stays warm between commands.",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

IDLE = "30m"
"""How long a warm session waits for the next client before it ends."""
IDLE_OPTION = typer.Option("--idle", metavar="TIME", help="End after so long without clients: 90s, 30m, 2h.")


@app.command(cls=HelpCommand)
@with_grouped_options
def start(
    load_arguments: LoadArguments,
    settings: UserSettings,
    model: Annotated[
        str | None,
        typer.Option("-m", "--model", rich_help_panel=MODEL, metavar="NAME", help="Load this model at once."),
    ] = None,
    idle: Annotated[str | None, IDLE_OPTION] = None,
    quiet: Quiet = False,
    debug: Debug = False,
) -> int:
    """Start a warm session, which later commands use.

    With -m it loads a model at once.
    """
    from vlmtui.catalogue import resolve_model
    from vlmtui.query.options import load_model
    from vlmtui.reports.output.progress import ProgressLine
    from vlmtui.session.client import SessionClient
    from vlmtui.session.discovery import JUST_BEGUN_S, connect_warm, start_warm

    settings.tell()
    seconds = parse_idle(idle or IDLE)
    load_arguments.check()
    if model is None and settings.named:
        unused = next(iter(settings.named.values()))
        raise UsageError(f"{unused} says how a model is loaded: name one with -m, or leave it out")
    if model is not None:
        resolve_model(model)
    link = connect_warm(JUST_BEGUN_S)
    word = "is already running"
    if link is not None and idle is not None and not quiet:
        print_message("--idle is not used, as it is already running: vlmtui session stop, then start it again")
    if link is None:
        word = "started"
        link = start_warm(seconds)
    pid = link.pid
    client = SessionClient(link)
    progress = ProgressLine(quiet)
    try:
        if model is not None:
            loading = load_model(client, load_arguments.load_options(model), progress)
            info = loading.result()
            progress.clear()
            loaded = f"; model: {info.name} on {info.device} in {info.dtype}"
        else:
            client.status().result()
            loaded = ""
    finally:
        progress.clear()
        client.close()
    if not quiet:
        print(f"the warm session (process {pid}) {word}{_shown(loaded)}", file=sys.stderr)
    return 0


@app.command(cls=HelpCommand)
def stop(
    because: Annotated[str | None, typer.Option("--because", metavar="TEXT", hidden=True)] = None,
    quiet: Quiet = False,
    debug: Debug = False,
) -> int:
    """Stop the warm session, for all clients that use it."""
    from vlmtui.session import daemon
    from vlmtui.session.client import SessionClient
    from vlmtui.session.endings import write_end
    from vlmtui.session.logs import log_of
    from vlmtui.session.transport import warm_link

    runtime = daemon.runtime_folder()
    try:
        link = warm_link()
    except SessionError:
        link = None
    pid = daemon.lock_owner(runtime)
    if because and pid is not None and (log := log_of(pid)) is not None:
        write_end(log, because)
    if link is not None:
        client = SessionClient(link)
        client.stop()
    free = _lock_free_within(_STOP_S if link is not None else 0.0)
    if not free and pid is not None:
        # it hangs: the lock shows that this process is still the session
        os.kill(pid, signal.SIGKILL)
        free = _lock_free_within(_STOP_S)
    if link is not None:
        client.close()
    elif pid is None or free:
        if not quiet:
            print("there is no warm session", file=sys.stderr)
        return 0
    if not free:
        raise SessionError(f"the warm session (process {pid}) does not end: kill -9 {pid}")
    if not quiet:
        print(f"the warm session (process {pid}) has ended", file=sys.stderr)
    return 0


@app.command(cls=HelpCommand)
def status(format: TextOrJson = "text", debug: Debug = False) -> int:
    """Show the warm session: its model, memory, clients and log."""
    from vlmtui.display.numbers import format_bytes, format_duration
    from vlmtui.session import daemon
    from vlmtui.session.client import SessionClient
    from vlmtui.session.discovery import connect_warm
    from vlmtui.session.status_json import FORMATS, status_object

    check_choice("--format", format, FORMATS)
    link = connect_warm()
    if link is None:
        raise SessionError("there is no warm session: vlmtui session start")
    client = SessionClient(link)
    try:
        found = client.status().result()
    finally:
        client.close()
    if format == "json":
        print_json(status_object(found, str(daemon.socket_path()), str(client.log)))
        return 0
    model = found.model
    lines = [
        ("process", str(found.pid)),
        ("model", f"{model.name}, {model.dtype} on {model.device}" if model else "none yet"),
        ("memory", format_bytes(found.process_memory) if found.process_memory else "not known yet"),
    ]
    if found.device_total:
        lines.append(("GPU memory", f"{format_bytes(found.device_memory)} of {format_bytes(found.device_total)}"))
    lines += [
        ("clients", str(found.clients)),
        ("current", found.doing or "idle"),
        ("idle for", format_duration(found.idle)),
        ("socket", str(daemon.socket_path())),
        ("log", str(client.log)),
    ]
    for label, what in lines:
        typer.echo(f"{label:<12}{_shown(what)}")
    return 0


@app.command(cls=HelpCommand)
def stdio(idle: Annotated[str, IDLE_OPTION] = IDLE, debug: Debug = False) -> int:
    """Speak the protocol on stdin and stdout.

    This is what --remote runs at the far end.
    """
    from vlmtui.session.ssh_relay import relay

    if sys.stdin.isatty() or sys.stdout.isatty():
        raise UsageError("session stdio speaks to a program, not to a person: vlmtui IMAGE --remote HOST runs it there")
    return relay(parse_idle(idle), _tell)


def parse_idle(word: str) -> float:
    """Seconds of a time such as `30m`, `90s`, `2h` or `1d`."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([smhd]?)", word.strip())
    seconds = float(found[1]) * _UNITS[found[2]] if found else 0.0
    if not 0 < seconds <= 366 * 86400:
        raise UsageError(f"--idle {word!r} is no time: give one such as 90s, 30m or 2h")
    return seconds


def _lock_free_within(seconds: float) -> bool:
    """Whether the lock of the warm session is free, or becomes free within `seconds`."""
    from vlmtui.session import daemon

    deadline = time.monotonic() + seconds
    while (place := daemon.take_lock(daemon.runtime_folder())) is None:
        if time.monotonic() > deadline:
            return False
        time.sleep(_LOOK_S)
    place.release()
    return True


def _tell(error: VlmtuiError) -> None:
    print(_shown(str(error)), file=sys.stderr, flush=True)


def _shown(text: str) -> str:
    from vlmtui.display.pieces import plain

    return plain(text)
