"""Places to run the explorer in, each with a slow line before it: a pseudo-terminal, tmux, ssh, tmux within ssh."""

from __future__ import annotations

import contextlib
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.checkouts import PYTHON, surroundings
from benchmarks.slow_line.private_sshd import private_sshd, sshd_path
from benchmarks.slow_line.proxy import running_proxy
from benchmarks.slow_line.slow_terminal import SlowLine, SlowTerminal
from benchmarks.startup import PHOTO

EXPLORER = (*PYTHON, "-m", "vlmtui", str(PHOTO), "-m", "demo")
_TMUX_SETTINGS = """\
set -g default-terminal tmux-256color
set -as terminal-features ",*:RGB"
# a clock would go on writing, and Esc would wait half a second for more
set -g status off
set -g escape-time 20
"""


@dataclass(frozen=True)
class Place:
    """Whether the explorer runs behind ssh, and whether in tmux; `name` says so in the table."""

    name: str
    ssh: bool = False
    tmux: bool = False

    def missing(self) -> str | None:
        """What this machine lacks for it, if anything."""
        if self.tmux and shutil.which("tmux") is None:
            return "tmux"
        if self.ssh and (sshd_path() is None or shutil.which("ssh") is None):
            return "an ssh client or server"
        return None


PTY = Place("pty")
TMUX = Place("tmux", tmux=True)
SSH = Place("ssh", ssh=True)
TMUX_IN_SSH = Place("tmux in ssh", ssh=True, tmux=True)


@contextlib.contextmanager
def warm_checkout(home: Path, driver: str = "") -> Iterator[dict[str, str]]:
    """Environment to run a checkout in, with a choice of driver, and with a warm session that has the demo model."""
    with surroundings(home) as environment:
        environment |= {"VLMTUI_DRIVER": driver} if driver else {}
        _run(environment, "-c", f"import vlmtui; assert vlmtui.__file__.startswith({str(home)!r}), vlmtui.__file__")
        _run(environment, "-m", "vlmtui", "session", "start", "-m", "demo", "--idle", "2h")
        try:
            # compiled, and the image read once
            _run(environment, "-m", "vlmtui", "report", str(PHOTO), "-m", "demo", "--format", "json")
            yield environment
        finally:
            _run(environment, "-m", "vlmtui", "session", "stop")


@contextlib.contextmanager
def explorer(
    place: Place, environment: Mapping[str, str], size: tuple[int, int], line: SlowLine
) -> Iterator[SlowTerminal]:
    """The explorer in a place, seen over a slow line."""
    with (
        tempfile.TemporaryDirectory(prefix="sl-", dir="/tmp", ignore_cleanup_errors=True) as name,
        contextlib.ExitStack() as stack,
    ):
        folder = Path(name)
        command: Sequence[str] = EXPLORER
        if place.tmux:
            (folder / "tmux.conf").write_text(_TMUX_SETTINGS)
            tmux = ["tmux", "-S", str(folder / "tmux"), "-f", str(folder / "tmux.conf")]
            stack.callback(subprocess.run, [*tmux, "kill-server"], capture_output=True)
            command = [*tmux, "new-session", shlex.join(command)]
        if place.ssh:
            server = stack.enter_context(private_sshd(folder))
            port = stack.enter_context(running_proxy(server.port, line))
            command = server.client(port, str(_script(folder / "explorer", environment, command)))
            # the line is before the server, not before the client
            line = SlowLine(answers_after=line.answers_after)
        yield stack.enter_context(SlowTerminal(command, size, line, **environment))


def _script(path: Path, environment: Mapping[str, str], command: Sequence[str]) -> Path:
    """A script that runs a command in an environment: ssh hands none on."""
    kept = {**environment, "COLORTERM": "truecolor"}
    kept.pop("TERM", None)
    exports = [f"export {name}={shlex.quote(value)}" for name, value in kept.items()]
    path.write_text("\n".join(["#!/bin/sh", *exports, f"exec {shlex.join(command)}", ""]))
    path.chmod(0o700)
    return path


def _run(environment: Mapping[str, str], *words: str) -> None:
    """Run Python to its end; RuntimeError where it fails."""
    streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE}
    done = subprocess.run([*PYTHON, *words], env=dict(environment), cwd="/", text=True, **streams)  # type: ignore[call-overload]
    if done.returncode:
        raise RuntimeError(f"{' '.join(words)}: {done.stderr}")
