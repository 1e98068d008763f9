"""Examination for `vlmtui doctor`: terminal, packages, model, caches, session, GPU, logs, and what to change.

    {"schema", "vlmtui", "python", "platform",                     versions, and the system
     "findings": [{"name", "value", "advice": [...]}]}             as the text has them; advice: what to change

The names of findings and what their values say may change with any release.
"""

from __future__ import annotations

import locale
import os
import platform
import shutil
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

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

SCHEMA = "vlmtui/doctor/1"
FORMATS = ("text", "json")
_PACKAGES = ("torch", "transformers", "safetensors", "huggingface_hub", "textual", "rich", "pillow", "numpy", "msgspec")
_LABEL = 17
_IMPORT_S = 120.0
_SMALLEST = (40, 20)


@dataclass(frozen=True)
class Finding:
    """One thing that was examined, and what was found."""

    name: str
    value: str


@dataclass(frozen=True)
class Advice:
    """What to change about the finding before it."""

    sentence: str


Row = Finding | Advice | None
"""A line; None is a blank one."""


def examine() -> Iterator[str]:
    """Yield the lines as soon as they are known; those that begin with `  → ` say what to change."""
    utf8 = "utf" in (sys.stdout.encoding or "").lower()
    first = f"vlmtui {__version__}, Python {platform.python_version()} on {platform.platform(terse=True)}"
    yield first if utf8 else ascii_only(first)
    for row in _findings():
        line = line_of(row)
        yield line if utf8 else ascii_only(line)


def line_of(row: Row) -> str:
    """A row as text."""
    match row:
        case Finding(name, value):
            return f"{name:<{_LABEL}}{value}"
        case Advice(sentence):
            return f"  → {sentence}"
    return ""


def doctor_object() -> dict[str, Any]:
    """The whole examination as an object of the schema."""
    found: list[dict[str, Any]] = []
    for row in _findings():
        match row:
            case Finding(name, value):
                found.append({"name": name, "value": value, "advice": []})
            case Advice(sentence):
                found[-1]["advice"].append(sentence)
    return {
        "schema": SCHEMA,
        "vlmtui": __version__,
        "python": platform.python_version(),
        "platform": platform.platform(terse=True),
        "findings": found,
    }


def _findings() -> Iterator[Row]:
    yield from terminal_findings()
    yield None
    for name in _PACKAGES:
        yield Finding(name, _version(name))
    yield from _model_findings()
    yield from _session_findings()


def terminal_findings() -> Iterator[Row]:
    """Yield what is found of the terminal: its name, colours and size, and the locale."""
    term, colorterm = os.environ.get("TERM", ""), os.environ.get("COLORTERM", "")
    yield None
    yield Finding("TERM", term or "not set")
    yield Finding("COLORTERM", colorterm or "not set")
    yield Finding("colours", colour_depth(term, colorterm))
    if os.environ.get("NO_COLOR"):
        yield Advice("NO_COLOR is set: the image is drawn in greys; unset it to see colours")
    elif colorterm not in ("truecolor", "24bit"):
        yield Advice("where the terminal can do 16 million colours: export COLORTERM=truecolor, or --color truecolor")
        if os.environ.get("SSH_CONNECTION"):
            yield Advice(
                "ssh does not forward it: `SendEnv COLORTERM` in ~/.ssh/config here,"
                " `AcceptEnv COLORTERM` in sshd_config there"
            )
    if term in ("", "dumb"):
        yield Advice("the explorer needs a terminal that can draw; reports work without: --format text")
    yield from _clipboard_findings()
    yield from _driver_findings()
    size = shutil.get_terminal_size(fallback=(0, 0))
    if not sys.stdout.isatty():
        yield Finding("size", "stdout is no terminal")
    else:
        yield Finding("size", f"{size.columns} columns × {size.lines} lines")
        if size.columns < _SMALLEST[0] or size.lines < _SMALLEST[1]:
            yield Advice(f"make it {_SMALLEST[0]}×{_SMALLEST[1]} or larger; 120×40 shows everything at once")
    encoding = locale.getpreferredencoding(False)
    yield Finding("locale", f"{encoding} ({os.environ.get('LC_ALL') or os.environ.get('LANG') or 'none set'})")
    if "utf" not in encoding.lower():
        yield Advice("words that are not ASCII show as code points: export LANG=C.UTF-8, or another UTF-8 locale")


def _clipboard_findings() -> Iterator[Row]:
    """Yield where a copied text goes, and what tmux is told about the terminal around it."""
    if not os.environ.get("TMUX"):
        yield Finding("clipboard", "y sends to the terminal (OSC 52), which does not say whether it takes it")
        return
    kept = tmux("show-options", "-sv", "set-clipboard")
    if kept is None:
        yield Finding("tmux", "does not answer")
        yield Advice("leave it and attach again: tmux attach")
        return
    yield Finding("tmux", plain((tmux("-V") or "tmux").removeprefix("tmux ")))
    yield Finding("clipboard", f"y fills tmux' buffer; set-clipboard is {plain(kept)}")
    if kept == "off":
        yield Advice("to have tmux pass it on to the terminal: tmux set -s set-clipboard external")
    features = tmux("display-message", "-p", "#{client_termfeatures}") or ""
    rgb = "RGB" in features.split(",")
    yield Finding("tmux' colours", "16 million (RGB)" if rgb else "256: tmux does not know that the terminal has more")
    if not rgb:
        yield Advice("where it has: tmux set -as terminal-features ',*:RGB', and attach again")


def _driver_findings() -> Iterator[Row]:
    """Yield which driver paints the explorer's screen."""
    try:
        name = chosen_driver()
    except UsageError as error:
        yield Finding("driver", plain(str(error)))
        yield Advice(f"unset {DRIVER}, or the explorer does not start")
        return
    if name == "differences":
        yield Finding("driver", f"differences: only cells that change are sent ({DRIVER}=textual: Textual's own)")
    else:
        yield Finding("driver", f"textual: Textual's own, by {DRIVER}")


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


def _model_findings() -> Iterator[Row]:
    """Yield what is found of the default model, the demo models, the caches and their disks."""
    from huggingface_hub.constants import HF_HUB_CACHE

    yield None
    settings = read_settings()
    mistakes = all_mistakes(settings.file)
    number = f"{len(mistakes)} mistake{'s' if len(mistakes) > 1 else ''}" if mistakes else "no mistakes"
    yield Finding("settings", plain(f"{settings.file.shown}, {number if settings.file.there else 'not there'}"))
    if mistakes:
        yield Advice("vlmtui config check lists them")
    model = settings.given("model")
    where = {
        "environment": f"from {model.variable}",
        "profile": f"from the profile {settings.profile}",
        "file": "from the settings",
        "default": "the default",
    }[model.source]
    yield Finding("model", plain(f"{model.value} ({where})"))
    weights = sum(file.stat().st_size for file in demo.WEIGHTS.glob("*/*.safetensors"))
    if weights:
        yield Finding("demo models", f"{numbers.format_bytes(weights)} in {plain(str(demo.WEIGHTS))}")
    else:
        yield Finding("demo models", f"not there: {plain(str(demo.WEIGHTS))} has no weights")
        yield Advice(
            f"make them with `python -m demo_training.train --out {plain(str(demo.WEIGHTS))}` (about an hour), "
            "or name another model with --model"
        )
    for label, place in (("hub cache", Path(HF_HUB_CACHE)), ("vlmtui's cache", cache.folder())):
        there = "" if place.is_dir() else ", not there yet"
        yield Finding(label, f"{plain(str(place))}{there}, {numbers.format_bytes(_free_bytes(place))} free")


def _free_bytes(folder: Path) -> int:
    """Bytes free on the disk of a folder that may not exist yet."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return shutil.disk_usage(folder).free


def _session_findings() -> Iterator[Row]:
    """Yield what is found of torch and the devices, which a new session reports, and about the logs."""
    from vlmtui.session.client import SessionClient, log_folder

    yield None
    # before the log of the session below is the newest
    newest = max(log_folder().glob("*.log"), key=lambda p: p.stat().st_mtime, default=None)
    try:
        client = SessionClient.start()
        try:
            status = _with_torch(client)
        finally:
            client.close()
    except VlmtuiError as error:
        yield Finding("session", plain(str(error)))
    else:
        yield Finding("session", f"starts; {numbers.format_bytes(status.process_memory)} of memory with torch in it")
        yield Finding("devices", ", ".join(status.devices) or "none")
        if status.device_total:
            yield Finding("GPU memory", numbers.format_bytes(status.device_total))
        elif not any(device.startswith(("cuda", "mps")) for device in status.devices):
            yield Advice("no GPU is found: small models run on the CPU; for NVIDIA, check the driver with nvidia-smi")
    yield from _warm_session_findings()
    yield Finding("logs", plain(str(log_folder())))
    if newest is not None:
        yield Finding("newest log", plain(newest.name))


def _warm_session_findings() -> Iterator[Row]:
    """The warm session, if there is one."""
    from vlmtui.session.daemon import socket_path
    from vlmtui.session.discovery import connect_warm

    try:
        link = connect_warm()
        if link is None:
            yield Finding("warm session", f"none; `vlmtui session start` starts one at {plain(str(socket_path()))}")
        else:
            yield Finding("warm session", f"process {link.pid}: commands on this machine use it")
            link.cut()
            link.end_of_reading()
    except VlmtuiError as error:
        yield Finding("warm session", plain(str(error)))


def _with_torch(client: SessionClient) -> Status:
    """Wait until the session has imported torch; its status."""
    deadline = time.monotonic() + _IMPORT_S
    while True:
        status = client.status().result(timeout=_IMPORT_S)
        if status.torch is not None or time.monotonic() > deadline:
            return status
        time.sleep(0.1)
