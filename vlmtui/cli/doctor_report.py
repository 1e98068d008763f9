"""Examination to paste into an issue: no paths, and no names of the person or the machine."""

from __future__ import annotations

import getpass
import os
import platform
import re
from pathlib import Path

from vlmtui import cache, demo

PATH, USER, HOST = "PATH", "USER", "HOST"
"""What is written in their place."""
_ANY_PATH = re.compile(r"(?<![\w/.~-])(?:~|\.{1,2}|[A-Za-z]:)?[/\\\\](?:[^\s,;:'\"`()]|:(?=\S))+")
"""What begins as a path does, up to a blank or the end of a clause."""


def without_names(line: str) -> str:
    """A line of the examination without paths, and without the names of user and host."""
    for folder in sorted(_folders(), key=len, reverse=True):
        line = re.sub(rf"{re.escape(folder)}(?![\w-])[^\s,;'\"`()]*", PATH, line)
    line = _ANY_PATH.sub(PATH, line)
    for names, mark in ((_user_names(), USER), (_host_names(), HOST)):
        for name in sorted(names, key=len, reverse=True):
            line = re.sub(rf"(?<![A-Za-z0-9]){re.escape(name)}(?![A-Za-z0-9])", mark, line, flags=re.IGNORECASE)
    return line


def _folders() -> set[str]:
    """Folders that the examination names, which may have blanks in their names; the model's among them."""
    from huggingface_hub.constants import HF_HUB_CACHE

    from vlmtui.session.daemon import socket_path
    from vlmtui.session.logs import log_folder
    from vlmtui.settings.in_force import read_settings
    from vlmtui.settings.location import config_path

    model = str(read_settings().given("model").value)
    found = (Path.home(), demo.WEIGHTS, HF_HUB_CACHE, cache.folder(), socket_path(), log_folder(), config_path())
    named = {model} if model.startswith(("/", "~", ".")) else set()
    return {str(path) for path in found if len(str(path)) > 1} | named


def _user_names() -> set[str]:
    try:
        user = getpass.getuser()
    except (OSError, KeyError):
        user = ""
    names = {user, Path.home().name, *(os.environ.get(name, "") for name in ("USER", "LOGNAME", "SUDO_USER"))}
    return names - {""}


def _host_names() -> set[str]:
    host = platform.node()
    return {host, host.partition(".")[0], os.environ.get("HOSTNAME", "")} - {"", "localhost"}
