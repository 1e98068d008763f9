"""Examination for `vlmtui doctor`: terminal, packages, model, caches, session, GPU, logs, and what to change."""

from __future__ import annotations

import locale
import os
import platform
import shutil
import sys
import time
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

from vlmtui import cache, demo
from vlmtui._version import __version__
from vlmtui.display import numbers
from vlmtui.display.pieces import ascii_only, plain
from vlmtui.errors import UsageError, VlmtuiError
from vlmtui.settings.in_force import all_mistakes, read_settings
from vlmtui.tui.terminal.clipboard import tmux
from vlmtui.tui.terminal.driver_choice import ENVIRONMENT as DRIVER
from vlmtui.tui.terminal.driver_choice import chosen_driver

if TYPE_CHECKING:
    from vlmtui.session.client import SessionClient
    from vlmtui.session.protocol import Status

_PACKAGES = ("torch", "transformers", "safetensors", "huggingface_hub", "textual", "rich", "pillow", "numpy", "msgspec")
_LABEL = 17
_IMPORT_S = 120.0
_SMALLEST = (40, 20)


def examine() -> Iterator[str]:
    """Yield the lines as soon as they are known; those that begin with `  → ` say what to change."""
    utf8 = "utf" in (sys.stdout.encoding or "").lower()
    for line in _lines():
        yield line if utf8 else ascii_only(line)


def _lines() -> Iterator[str]:
    yield f"vlmtui {__version__}, Python {platform.python_version()} on {platform.platform(terse=True)}"
    yield from terminal_lines()
    yield ""
    for name in _PACKAGES:
        yield _row(name, _version(name))
    yield from _model_lines()
    yield from _session_lines()


def terminal_lines() -> Iterator[str]:
    """Yield the lines about the terminal: its name, colours and size, and the locale."""
    term, colorterm = os.environ.get("TERM", ""), os.environ.get("COLORTERM", "")
    yield ""
    yield _row("TERM", term or "not set")
    yield _row("COLORTERM", colorterm or "not set")
    yield _row("colours", colour_depth(term, colorterm))
    if os.environ.get("NO_COLOR"):
        yield _advice("NO_COLOR is set: the image is drawn in greys; unset it to see colours")
    elif colorterm not in ("truecolor", "24bit"):
        yield _advice("where the terminal can do 16 million colours: export COLORTERM=truecolor, or --color truecolor")
        if os.environ.get("SSH_CONNECTION"):
            yield _advice(
                "ssh does not forward it: `SendEnv COLORTERM` in ~/.ssh/config here,"
                " `AcceptEnv COLORTERM` in sshd_config there"
            )
    if term in ("", "dumb"):
        yield _advice("the explorer needs a terminal that can draw; reports work without: --format text")
    yield from _clipboard_lines()
    yield from _driver_lines()
    size = shutil.get_terminal_size(fallback=(0, 0))
    if not sys.stdout.isatty():
        yield _row("size", "stdout is no terminal")
    else:
        yield _row("size", f"{size.columns} columns × {size.lines} lines")
        if size.columns < _SMALLEST[0] or size.lines < _SMALLEST[1]:
            yield _advice(f"make it {_SMALLEST[0]}×{_SMALLEST[1]} or larger; 120×40 shows everything at once")
    encoding = locale.getpreferredencoding(False)
    yield _row("locale", f"{encoding} ({os.environ.get('LC_ALL') or os.environ.get('LANG') or 'none set'})")
    if "utf" not in encoding.lower():
        yield _advice("words that are not ASCII show as code points: export LANG=C.UTF-8, or another UTF-8 locale")


def _clipboard_lines() -> Iterator[str]:
    """Yield where a copied text goes, and what tmux is told about the terminal around it."""
    if not os.environ.get("TMUX"):
        yield _row("clipboard", "y sends to the terminal (OSC 52), which does not say whether it takes it")
        return
    kept = tmux("show-options", "-sv", "set-clipboard")
    if kept is None:
        yield _row("tmux", "does not answer")
        yield _advice("leave it and attach again: tmux attach")
        return
    yield _row("tmux", plain((tmux("-V") or "tmux").removeprefix("tmux ")))
    yield _row("clipboard", f"y fills tmux' buffer; set-clipboard is {plain(kept)}")
    if kept == "off":
        yield _advice("to have tmux pass it on to the terminal: tmux set -s set-clipboard external")
    features = tmux("display-message", "-p", "#{client_termfeatures}") or ""
    rgb = "RGB" in features.split(",")
    yield _row("tmux' colours", "16 million (RGB)" if rgb else "256: tmux does not know that the terminal has more")
    if not rgb:
        yield _advice("where it has: tmux set -as terminal-features ',*:RGB', and attach again")


def _driver_lines() -> Iterator[str]:
    """Yield which driver paints the explorer's screen."""
    try:
        name = chosen_driver()
    except UsageError as error:
        yield _row("driver", plain(str(error)))
        yield _advice(f"unset {DRIVER}, or the explorer does not start")
        return
    if name == "differences":
        yield _row("driver", f"differences: only cells that change are sent ({DRIVER}=textual: Textual's own)")
    else:
        yield _row("driver", f"textual: Textual's own, by {DRIVER}")


def colour_depth(term: str, colorterm: str) -> str:
    """How many colours a terminal is assumed to show, by TERM and COLORTERM."""
    if term in ("", "dumb"):
        return "none"
    if colorterm in ("truecolor", "24bit") or term.endswith("-direct"):
        return "16 million"
    return "256" if "256" in term or "kitty" in term else "16: too few for an image"


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def _model_lines() -> Iterator[str]:
    """Yield the lines about the default model, the demo models, the caches and their disks."""
    from huggingface_hub.constants import HF_HUB_CACHE

    yield ""
    settings = read_settings()
    mistakes = all_mistakes(settings.file)
    number = f"{len(mistakes)} mistake{'s' if len(mistakes) > 1 else ''}" if mistakes else "no mistakes"
    yield _row("settings", plain(f"{settings.file.shown}, {number if settings.file.there else 'not there'}"))
    if mistakes:
        yield _advice("vlmtui config check lists them")
    model = settings.given("model")
    where = {
        "environment": f"from {model.variable}",
        "profile": f"from the profile {settings.profile}",
        "file": "from the settings",
        "default": "the default",
    }[model.source]
    yield _row("model", plain(f"{model.value} ({where})"))
    weights = sum(file.stat().st_size for file in demo.WEIGHTS.glob("*/*.safetensors"))
    if weights:
        yield _row("demo models", f"{numbers.format_bytes(weights)} in {plain(str(demo.WEIGHTS))}")
    else:
        yield _row("demo models", f"not there: {plain(str(demo.WEIGHTS))} has no weights")
        yield _advice(
            f"make them with `python -m demo_training.train --out {plain(str(demo.WEIGHTS))}` (about an hour), "
            "or name another model with --model"
        )
    for label, place in (("hub cache", Path(HF_HUB_CACHE)), ("vlmtui's cache", cache.folder())):
        there = "" if place.is_dir() else ", not there yet"
        yield _row(label, f"{plain(str(place))}{there}, {numbers.format_bytes(_free_bytes(place))} free")


def _free_bytes(folder: Path) -> int:
    """Bytes free on the disk of a folder that may not exist yet."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return shutil.disk_usage(folder).free


def _session_lines() -> Iterator[str]:
    """Yield the lines about torch and the devices, which a new session reports, and about the logs."""
    from vlmtui.session.client import SessionClient, log_folder

    yield ""
    # before the log of the session below is the newest
    newest = max(log_folder().glob("*.log"), key=lambda p: p.stat().st_mtime, default=None)
    try:
        client = SessionClient.start()
        try:
            status = _with_torch(client)
        finally:
            client.close()
    except VlmtuiError as error:
        yield _row("session", plain(str(error)))
    else:
        yield _row("session", f"starts; {numbers.format_bytes(status.process_memory)} of memory with torch in it")
        yield _row("devices", ", ".join(status.devices) or "none")
        if status.device_total:
            yield _row("GPU memory", numbers.format_bytes(status.device_total))
        elif not any(device.startswith(("cuda", "mps")) for device in status.devices):
            yield _advice("no GPU is found: small models run on the CPU; for NVIDIA, check the driver with nvidia-smi")
    yield from _warm_session_lines()
    yield _row("logs", plain(str(log_folder())))
    if newest is not None:
        yield _row("newest log", plain(newest.name))


def _warm_session_lines() -> Iterator[str]:
    """The warm session, if there is one."""
    from vlmtui.session.daemon import socket_path
    from vlmtui.session.discovery import connect_warm

    try:
        link = connect_warm()
        if link is None:
            yield _row("warm session", f"none; `vlmtui session start` starts one at {plain(str(socket_path()))}")
        else:
            yield _row("warm session", f"process {link.pid}: commands on this machine use it")
            link.cut()
            link.end_of_reading()
    except VlmtuiError as error:
        yield _row("warm session", plain(str(error)))


def _with_torch(client: SessionClient) -> Status:
    """Wait until the session has imported torch; its status."""
    deadline = time.monotonic() + _IMPORT_S
    while True:
        status = client.status().result(timeout=_IMPORT_S)
        if status.torch is not None or time.monotonic() > deadline:
            return status
        time.sleep(0.1)


def _row(label: str, what: str) -> str:
    return f"{label:<{_LABEL}}{what}"


def _advice(what: str) -> str:
    return f"  → {what}"
