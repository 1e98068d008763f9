"""How a front end reaches a session: a pipe to its own, a unix socket to the warm one, ssh to another machine's."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import threading
from abc import ABC, abstractmethod
from collections import deque
from pathlib import Path
from typing import IO

from vlmtui.display.pieces import plain
from vlmtui.errors import SessionError, UsageError
from vlmtui.session import daemon as warm
from vlmtui.session.logs import new_log

SSH = "VLMTUI_SSH"
"""The environment variable with the ssh command, where it is not `ssh`."""
ENDED = 70
"""Exit status of `session stdio` when the session it speaks for has ended."""
_PATIENCE_S = 5.0
_GOODBYE_S = 0.3
_STOP_S = 60.0
_ENDED = "vlmtui session: ended by a front end: "
_SIGNALS = {
    signal.SIGKILL: "killed (signal 9): often the system ran out of memory",
    signal.SIGSEGV: "crashed (signal 11, a fault in native code)",
    signal.SIGBUS: "crashed (signal 7, a fault in native code)",
    signal.SIGABRT: "aborted (signal 6, an error in native code)",
    signal.SIGTERM: "ended by somebody (signal 15)",
}


class Link(ABC):
    """A line to a session. `where` names the session for a person; `pid` and `log` are None until they are known."""

    where: str
    pid: int | None = None
    log: Path | None = None
    at_end = False
    was_cut = False
    """After `why`: whether only the line has ended, and another one may find the session as it was."""
    reason = ""
    """Why this front end has ended the session, where it has."""

    def __init__(self, reads: IO[bytes], writes: IO[bytes]) -> None:
        self._reads, self._writes = reads, writes

    @property
    def alive(self) -> bool:
        """Whether the other end may still be there."""
        return True

    def read(self, count: int) -> bytes:
        """So many bytes; fewer only at the end."""
        data = self._reads.read(count)
        self.at_end = len(data) < count
        return data

    def write(self, data: bytes) -> None:
        """Send all of it. `OSError` or `ValueError` where the line has ended."""
        self._writes.write(data)
        self._writes.flush()

    def end_of_writing(self) -> None:
        """Nothing more will be written."""
        with contextlib.suppress(OSError, ValueError):
            self._writes.close()

    def end_of_reading(self) -> None:
        """Nothing more will be read."""
        with contextlib.suppress(OSError, ValueError):
            self._reads.close()

    @abstractmethod
    def cut(self) -> None:
        """End it at once, from any thread: whoever reads sees the end."""

    @abstractmethod
    def end(self, reason: str) -> None:
        """End the session itself, which does not answer, for everybody: this is what they are told of it."""

    def reap(self) -> None:  # noqa: B027
        """After `cut`: leave nothing behind, and wait for nothing long."""

    @abstractmethod
    def why(self, said: str | None) -> str:
        """After its end, a sentence on how it came; `said` is known where it no longer spoke the protocol."""


class _ProcessLink(Link):
    """A line that is the standard streams of a process."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        super().__init__(process.stdout, process.stdin)
        self.process = process

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self.process.poll() is None

    def cut(self) -> None:
        """Kill the process."""
        with contextlib.suppress(OSError):
            self.process.kill()

    def reap(self) -> None:
        """Take note of the process's end."""
        try:
            self.process.wait(0.2)
        except subprocess.TimeoutExpired:
            # a driver may hold a killed process for a while: nobody at a terminal waits for that
            threading.Thread(target=self.process.wait, name="session-reaper", daemon=True).start()

    def status(self) -> int | None:
        """Its exit status, minus the signal, or None where it does not end by itself."""
        try:
            return self.process.wait(_PATIENCE_S)
        except subprocess.TimeoutExpired:
            self.cut()
            return None


class PipeLink(_ProcessLink):
    """A private session: a process of this front end, that goes when this one goes."""

    where = "its own session"

    def __init__(self) -> None:
        try:
            log = new_log()
            # -P: a torch.py in the folder where somebody looks at pictures must not be imported
            command = [sys.executable, "-P", "-m", "vlmtui.session", "--log", str(log)]
            with log.open("ab") as errors:
                process = subprocess.Popen(
                    command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, start_new_session=True
                )
        except OSError as error:
            raise SessionError(f"the model session could not be started ({error}): run vlmtui doctor") from error
        super().__init__(process)
        self.log: Path = log
        self.pid = process.pid

    def end(self, reason: str) -> None:
        """Kill it."""
        self.reason = reason
        self.cut()

    def why(self, said: str | None) -> str:
        """Killed, crashed, or what it said last."""
        status = self.status()
        if self.reason:
            return f"{self.reason}; its log is {self.log}"
        if said is not None:
            what = f"ended: {said}"
        elif status is None:
            what = "closed its pipe"
        elif status < 0:
            what = _SIGNALS.get(signal.Signals(-status), f"ended by signal {-status}")
            what = f"was {what}" if not what.startswith("crashed") else what
        else:
            what = f"ended with status {status}{why_ended(self.log)}"
        return f"the model session {what}; its log is {self.log}"


class SocketLink(Link):
    """The warm session of this machine."""

    where = "the warm session"

    def __init__(self, connection: socket.socket) -> None:
        super().__init__(connection.makefile("rb"), connection.makefile("wb"))
        self.connection = connection

    def limit(self, seconds: float) -> None:
        """From now on reading and writing raise `TimeoutError` when nothing moves for so long."""
        self.connection.settimeout(seconds)

    def write(self, data: bytes) -> None:
        """Send all of it."""
        self.connection.sendall(data)

    def end_of_writing(self) -> None:
        """Only this direction: answers may yet come."""
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_WR)

    def end_of_reading(self) -> None:
        """Let go of the socket."""
        super().end_of_reading()
        self.connection.close()

    def cut(self) -> None:
        """Hang up; the session goes on."""
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)

    def end(self, reason: str) -> None:
        """Kill its process; its other front ends read in its log why."""
        if self.pid is None or self.log is None:
            return
        self.reason = reason
        write_end(self.log, reason)
        with contextlib.suppress(OSError):
            os.kill(self.pid, signal.SIGKILL)

    def why(self, said: str | None) -> str:
        """What it said last: nobody tells how a process of somebody else's ended."""
        if self.reason:
            return f"{self.reason}; its log is {self.log}"
        if said is not None:
            what = f"cannot be used: {said}"
        elif self.log is None:
            what = "has ended"
        else:
            what = f"has ended{why_ended(self.log)}; its log is {self.log}"
        return f"the warm session (process {self.pid}) {what}"


class SshLink(_ProcessLink):
    """A warm session on another machine, by the person's own ssh client and its configuration.

    `may_ask`: ssh may ask for a password at the terminal; not so where a screen is on it.
    """

    def __init__(self, host: str, command: str, may_ask: bool = True) -> None:
        check_host(host, command)
        self._host = host
        self._command = command
        words = _ssh(host, f"{command} session stdio", may_ask)
        try:
            process = subprocess.Popen(
                words,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=not may_ask,
            )
        except OSError as error:
            raise SessionError(
                f"the ssh client {plain(words[0])!r} cannot be run ({error.strerror}): --remote needs one"
            ) from None
        super().__init__(process)
        self.where = plain(host)
        self._lines: deque[str] = deque(maxlen=20)
        self._hearing = threading.Thread(target=self._hear, name="ssh-stderr", daemon=True)
        self._hearing.start()

    def _hear(self) -> None:
        assert self.process.stderr is not None
        with self.process.stderr as errors:
            while line := errors.readline(4096):
                if words := line.decode(errors="replace").strip():
                    self._lines.append(words)

    def reap(self) -> None:
        """It may have something to pass on yet: it has a moment for that."""
        try:
            self.process.wait(_GOODBYE_S)
        except subprocess.TimeoutExpired:
            self.process.terminate()
            super().reap()

    def end(self, reason: str) -> None:
        """Run `session stop` there, by a line of its own; where that does not help, this line is cut."""
        stop = f"{self._command} session stop --quiet --because {shlex.quote(reason)}"
        words, self.reason = "", reason
        try:
            subprocess.run(
                _ssh(self._host, stop, may_ask=False), check=True, capture_output=True, timeout=_STOP_S, text=True
            )
        except subprocess.CalledProcessError as error:
            lines = error.stderr.strip().splitlines() or [f"status {error.returncode}"]
            words = plain(lines[-1]).removeprefix("vlmtui: ").rstrip(".")
        except (OSError, subprocess.TimeoutExpired) as error:
            words = "it took too long" if isinstance(error, subprocess.TimeoutExpired) else str(error.strerror)
        if words:
            lens = reason.partition(" and its session")[0]
            self.reason = f"{lens}, and its session on {self.where} could not be ended ({words[:200]})"
            self.reason += f": run {self._command} session stop there"
            self.cut()

    def why(self, said: str | None) -> str:
        """By ssh's exit status, or that of what it ran."""
        status = self.status()
        if self.reason:
            return self.reason
        self._hearing.join(1)
        last = plain(self._lines[-1]).removeprefix("vlmtui: ") if self._lines else ""
        words = f": {last[:300].rstrip('.')}" if last else ""
        self.was_cut = status == 255 or (said is None and (status is None or status < 0))
        if status in (126, 127):
            return (
                f"{plain(self._command.split()[0])} cannot be run on {self.where}{words}; "
                "add --remote-command with its path there, such as --remote-command '~/vlmtui/.venv/bin/vlmtui'"
            )
        if self.was_cut:
            return f"{self.where} cannot be reached through ssh{words}; see that `ssh {self.where}` works"
        if status == ENDED:
            return f"the model session on {self.where} has ended{words}"
        if said is None or (status is not None and status > 0):
            return f"vlmtui on {self.where} ended with status {status}{words}"
        return f"the session on {self.where} cannot be used: {said}"


def _ssh(host: str, command: str, may_ask: bool) -> list[str]:
    """The words that run a command on a host."""
    return [
        *shlex.split(os.environ.get(SSH) or "ssh"),
        "-T",
        *("-o", "ClearAllForwardings=yes", "-o", "RemoteCommand=none"),
        *("-o", "ServerAliveInterval=15", "-o", "ServerAliveCountMax=3", "-o", "ConnectTimeout=20"),
        *(() if may_ask else ("-o", "BatchMode=yes")),
        *("--", host, command),
    ]


def check_host(host: str, command: str) -> None:
    """`UsageError` for what ssh would take for an option, or a shell for something else."""
    if not host or host.startswith("-") or any(c.isspace() or not c.isprintable() for c in host):
        raise UsageError(f"--remote {host!r} is no host: give a name as for ssh, such as gpu-box or me@gpu-box")
    if not command.strip() or command.startswith("-") or not command.isprintable():
        raise UsageError(f"--remote-command {command!r} is no command: give the path of vlmtui on {host}")


def warm_link() -> SocketLink | None:
    """A line to the warm session, or None where there is none. `SessionError` where it cannot be used."""
    connection = warm.connect_socket()
    return SocketLink(connection) if connection is not None else None


def write_end(log: Path, reason: str) -> None:
    """Write into a session's log why a front end ends it."""
    with contextlib.suppress(OSError), log.open("a") as file:
        file.write(f"\n{_ENDED}{reason}\n")


def why_ended(log: Path) -> str:
    """Why a front end has ended the session, or the last line of the log where that is Python saying why it stopped;
    "" where neither is there."""
    try:
        with log.open("rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(0, file.tell() - 4096))
            lines = file.read().decode(errors="replace").strip().splitlines()
    except OSError:
        return ""
    if ended := next((line for line in reversed(lines) if line.startswith(_ENDED)), ""):
        return f" ({ended.removeprefix(_ENDED).strip()[:200]})"
    said = lines[-1].strip()[:200] if lines else ""
    # what was noted before somebody killed it is no reason
    return f" ({said})" if re.match(r"[\w.]*(Error|Exception|Interrupt|Exit)\b", said) else ""
