"""Transport from a front end to a session: pipes to its own, a unix socket to the warm one, ssh to another machine."""

from __future__ import annotations

import contextlib
import errno
import os
import shlex
import signal
import socket
import subprocess
import sys
import threading
import time
from abc import ABC, abstractmethod
from collections import deque
from pathlib import Path
from typing import IO

from vlmtui.display.pieces import plain
from vlmtui.errors import SessionError, UsageError
from vlmtui.session import daemon
from vlmtui.session.endings import why_ended, write_end
from vlmtui.session.logs import new_log

SSH = "VLMTUI_SSH"
"""The environment variable with the ssh command, where it is not `ssh`."""
ENDED = 70
"""Exit status of `session stdio` when the session that it relays to has ended."""
_PATIENCE_S = 5.0
_GOODBYE_S = 0.3
_DYING_S = 0.5
_STOP_S = 60.0
_SIGNALS = {
    signal.SIGKILL: "killed (signal 9), by somebody or by the system, as when memory runs out",
    signal.SIGXCPU: "ended at the limit of processor time (signal 24): raise it, ulimit -t",
    signal.SIGILL: "crashed (signal 4, an instruction that this processor does not have)",
    signal.SIGSEGV: "crashed (signal 11, a fault in native code)",
    signal.SIGBUS: "crashed (signal 7, a fault in native code)",
    signal.SIGABRT: "aborted (signal 6, an error in native code)",
    signal.SIGTERM: "terminated (signal 15)",
}


class Link(ABC):
    """A link to a session. `where` names the session for the user; `pid` and `log` are None until they are known."""

    where: str
    pid: int | None = None
    log: Path | None = None
    at_end = False
    was_cut = False
    """After `why`: whether only the link has ended, and another one may find the session as it was."""
    reason = ""
    """Why this front end has ended the session, where it has."""

    def __init__(self, reads: IO[bytes], writes: IO[bytes]) -> None:
        self._reads, self._writes = reads, writes

    @property
    def alive(self) -> bool:
        """Whether the session may still be there."""
        return True

    def read(self, count: int) -> bytes:
        """Read so many bytes; fewer only at the end."""
        data = self._reads.read(count)
        self.at_end = len(data) < count
        return data

    def write(self, data: bytes) -> None:
        """Send all of it. `OSError` or `ValueError` where the link has ended."""
        self._writes.write(data)
        self._writes.flush()

    def end_of_writing(self) -> None:
        """Close the direction to the session."""
        with contextlib.suppress(OSError, ValueError):
            self._writes.close()

    def end_of_reading(self) -> None:
        """Close the direction from the session."""
        with contextlib.suppress(OSError, ValueError):
            self._reads.close()

    @abstractmethod
    def cut(self) -> None:
        """End the link at once, from any thread; whoever reads sees the end."""

    @abstractmethod
    def end(self, reason: str) -> None:
        """End the session itself, for all front ends, because it does not answer; they are told this reason."""

    def reap(self) -> None:  # noqa: B027
        """Release what is left after `cut`, without waiting long."""

    @abstractmethod
    def why(self, fault: str | None) -> str:
        """Why the link has ended, in a sentence; `fault` says how the other end broke the protocol, where it did."""


class _ProcessLink(Link):
    """A link over the standard streams of a process."""

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
        """Wait for the end of the process, in another thread where that takes long."""
        try:
            self.process.wait(0.2)
        except subprocess.TimeoutExpired:
            # a driver may keep a killed process alive for a while: the user need not wait for that
            threading.Thread(target=self.process.wait, name="session-reaper", daemon=True).start()

    def status(self) -> int | None:
        """The exit status, negative for a signal; None where the process does not end by itself, and is killed."""
        try:
            return self.process.wait(_PATIENCE_S)
        except subprocess.TimeoutExpired:
            self.cut()
            return None


class PipeLink(_ProcessLink):
    """A link to a private session: a child process, which ends with this front end."""

    where = "its own session"

    def __init__(self) -> None:
        try:
            log = new_log()
            # -P: a torch.py in the current folder must not be imported
            command = [sys.executable, "-P", "-m", "vlmtui.session", "--log", str(log)]
            with log.open("ab") as errors:
                process = subprocess.Popen(
                    command,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=errors,
                    start_new_session=True,
                    env=daemon.session_environment(),
                )
        except OSError as error:
            advice = "raise the limit of open files (ulimit -n)" if error.errno == errno.EMFILE else "run vlmtui doctor"
            raise SessionError(f"the model session could not be started ({error}): {advice}") from error
        super().__init__(process)
        self.log: Path = log
        self.pid = process.pid

    def end(self, reason: str) -> None:
        """Kill the process."""
        self.reason = reason
        self.cut()

    def why(self, fault: str | None) -> str:
        """How the process ended, by its exit status and the end of its log."""
        status = self.status()
        if self.reason:
            return f"{self.reason}; its log is {self.log}"
        if fault is not None and not (status or 0) > 0:
            what = f"ended: {fault}"
        elif status is None:
            what = "closed its pipe"
        elif status < 0:
            what = _SIGNALS.get(signal.Signals(-status), f"ended by signal {-status}")
            what = f"was {what}" if not what.startswith("crashed") else what
        else:
            what = f"ended with status {status}{why_ended(self.log)}"
        return f"the model session {what}; its log is {self.log}"


class SocketLink(Link):
    """A link to the warm session of this machine."""

    where = "the warm session"

    def __init__(self, connection: socket.socket) -> None:
        super().__init__(connection.makefile("rb"), connection.makefile("wb"))
        self.connection = connection

    def limit(self, seconds: float) -> None:
        """Have reading and writing raise `TimeoutError` from now on when nothing moves for so long."""
        self.connection.settimeout(seconds)

    def write(self, data: bytes) -> None:
        """Send all of it."""
        self.connection.sendall(data)

    def end_of_writing(self) -> None:
        """Close this direction only: answers may still come."""
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_WR)

    def end_of_reading(self) -> None:
        """Close the socket."""
        super().end_of_reading()
        self.connection.close()

    def cut(self) -> None:
        """Disconnect; the session goes on."""
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)

    def end(self, reason: str) -> None:
        """Kill the process; its other front ends find the reason in its log."""
        if self.pid is None or self.log is None:
            return
        self.reason = reason
        write_end(self.log, reason)
        with contextlib.suppress(OSError):
            os.kill(self.pid, signal.SIGKILL)

    def why(self, fault: str | None) -> str:
        """Why the session ended, by its log: the exit status of a process that is no child cannot be known."""
        if self.reason:
            return f"{self.reason}; its log is {self.log}"
        if fault is not None:
            what = f"cannot be used: {fault}"
        elif self.pid is not None and _listens(self.pid):
            what = f"goes on, but closed this connection: run the command again; its log is {self.log}"
        elif self.log is None:
            what = "has ended"
        else:
            what = f"has ended{why_ended(self.log) or ': run the command again'}; its log is {self.log}"
        return f"the warm session (process {self.pid}) {what}"


class SshLink(_ProcessLink):
    """A link to the warm session of another machine, by the user's own ssh client and its configuration.

    `may_ask` says whether ssh may ask for a password at the terminal: not while a screen is drawn there.
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
        self._stderr_reader = threading.Thread(target=self._read_stderr, name="ssh-stderr", daemon=True)
        self._stderr_reader.start()

    def _read_stderr(self) -> None:
        assert self.process.stderr is not None
        with self.process.stderr as errors:
            while line := errors.readline(4096):
                if words := line.decode(errors="replace").strip():
                    self._lines.append(words)

    def reap(self) -> None:
        """Give ssh a moment to send what it still has, then end it."""
        try:
            self.process.wait(_GOODBYE_S)
        except subprocess.TimeoutExpired:
            self.process.terminate()
            super().reap()

    def end(self, reason: str) -> None:
        """Run `session stop` there over another ssh connection; where that fails, this one is cut."""
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
            words = (
                ("it took too long to respond") if isinstance(error, subprocess.TimeoutExpired) else str(error.strerror)
            )
        if words:
            lens = reason.partition(" and its session")[0]
            self.reason = f"{lens}, and its session on {self.where} could not be ended ({words[:200]})"
            self.reason += f": run {self._command} session stop there"
            self.cut()

    def why(self, fault: str | None) -> str:
        """Why the link has ended, by the exit status of ssh or of the command that it ran."""
        status = self.status()
        if self.reason:
            return self.reason
        self._stderr_reader.join(1)
        last = plain(self._lines[-1]).removeprefix("vlmtui: ") if self._lines else ""
        words = f": {last[:300].rstrip('.')}" if last else ""
        self.was_cut = status == 255 or (fault is None and (status is None or status < 0))
        if status in (126, 127):
            return (
                f"{plain(self._command.split()[0])} cannot be run on {self.where}{words}; give its path there with "
                "--remote-command, such as --remote-command '~/vlmtui/.venv/bin/vlmtui'"
            )
        if self.was_cut:
            return f"{self.where} cannot be reached through ssh{words}; check that `ssh {self.where}` works"
        if status == ENDED:
            return f"the model session on {self.where} has ended{words}"
        if fault is None or (status is not None and status > 0):
            return f"vlmtui on {self.where} ended with status {status}{words}"
        return f"the session on {self.where} cannot be used: {fault}"


def _ssh(host: str, command: str, may_ask: bool) -> list[str]:
    """The command line that runs a command on a host."""
    return [
        *shlex.split(os.environ.get(SSH) or "ssh"),
        "-T",
        *("-o", "ClearAllForwardings=yes", "-o", "RemoteCommand=none"),
        *("-o", "ServerAliveInterval=15", "-o", "ServerAliveCountMax=3", "-o", "ConnectTimeout=20"),
        *(() if may_ask else ("-o", "BatchMode=yes")),
        *("--", host, command),
    ]


_AS_FOR_SSH = "give a name as for ssh, such as gpu-box or me@gpu-box"


def check_host(host: str, command: str) -> None:
    """`UsageError` for what ssh would take for an option, or a shell for another command."""
    if not host or host.startswith("-") or any(c.isspace() or not c.isprintable() for c in host):
        raise UsageError(f"--remote {host!r} is not a host: {_AS_FOR_SSH}")
    scheme, mark, rest = host.rpartition("://")
    user, at, name = rest.rpartition("@")
    port = name.rpartition(":")[2] if name.count(":") == 1 else None  # IPv6 has more
    if (mark and scheme != "ssh") or (at and not user) or name in ("", f":{port}"):
        raise UsageError(f"--remote {host} is not a host: {_AS_FOR_SSH}")
    if port is not None and not (mark and port.isdecimal() and 0 < int(port) <= 65535):
        such = f"ssh://{user and user + '@'}{name.partition(':')[0]}:22"
        raise UsageError(f"--remote {host} is not a host: give a port, from 1 to 65535, as in {such}")
    if not command.strip() or command.startswith("-") or not command.isprintable():
        raise UsageError(f"--remote-command {command!r} is not a command: give the path of vlmtui on {host}")


def _listens(pid: int | None) -> bool:
    """Whether the warm session of this process is still there; one that ends closes its connections just before."""
    end = time.monotonic() + _DYING_S
    there = False
    while time.monotonic() < end:
        there = False
        with contextlib.suppress(SessionError):
            connection = daemon.connect_socket()
            if connection is None:
                return False
            connection.close()
            there = True
        time.sleep(_DYING_S / 10)
    return there and daemon.lock_owner(daemon.runtime_folder()) == pid


def warm_link() -> SocketLink | None:
    """A link to the warm session, None where there is none. `SessionError` where it cannot be used."""
    connection = daemon.connect_socket()
    return SocketLink(connection) if connection is not None else None
