"""Clipboard of the terminal: tmux keeps its own, and passes on what a program inside sends only where it is told to."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable

_PATIENCE_S = 2.0


def copy(text: str, send: Callable[[str], object]) -> str:
    """Copy a text; `send` sends it to the terminal (OSC 52). Returns where it went: no terminal says what it took."""
    if os.environ.get("TMUX"):
        # -w passes it on to the terminal around tmux, from tmux 3.2 on
        if tmux("load-buffer", "-w", "-", text=text) is not None:
            return "to tmux' buffer and the terminal"
        send(text)
        return "to the terminal" if tmux("load-buffer", "-", text=text) is None else "to tmux' buffer and the terminal"
    send(text)
    return "to the terminal"


def tmux(*command: str, text: str = "") -> str | None:
    """What a command of tmux prints, None where it fails or there is no tmux."""
    try:
        done = subprocess.run(
            ["tmux", *command], input=text, capture_output=True, text=True, timeout=_PATIENCE_S, encoding="utf-8"
        )
    except (OSError, subprocess.SubprocessError, UnicodeError):
        return None
    return None if done.returncode else done.stdout.strip()
