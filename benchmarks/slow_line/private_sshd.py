"""A real ssh server on the loopback, with keys and settings of its own."""

from __future__ import annotations

import contextlib
import getpass
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

HOST = "far"
_PRIVILEGE_SEPARATION = Path("/run/sshd")
_START_S = 10.0


def sshd_path() -> str | None:
    """The server's program, if there is one; it is often in no user's path."""
    return shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")


@dataclass(frozen=True)
class PrivateSshd:
    """A server that runs: its port, and the folder with its keys."""

    port: int
    folder: Path

    def client(self, port: int, program: str) -> list[str]:
        """Command that runs a program in a terminal over there, through another port that leads to the server's."""
        config = self.folder / f"client-{port}"
        config.write_text(
            f"Host {HOST}\n HostName 127.0.0.1\n Port {port}\n User {getpass.getuser()}\n HostKeyAlias {HOST}\n"
            f" IdentityFile {self.folder / 'client'}\n IdentitiesOnly yes\n StrictHostKeyChecking yes\n"
            f" UserKnownHostsFile {self.folder / 'known_hosts'}\n GlobalKnownHostsFile none\n LogLevel ERROR\n"
        )
        return ["ssh", "-F", str(config), "-tt", HOST, program]


@contextlib.contextmanager
def private_sshd(folder: Path) -> Iterator[PrivateSshd]:
    """A server with its files in a folder; RuntimeError where it does not start."""
    program = sshd_path()
    if program is None:
        raise RuntimeError("there is no sshd on this machine: install openssh-server")
    for name in ("host", "client"):
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(folder / name)]
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    (folder / "known_hosts").write_text(f"{HOST} {(folder / 'host.pub').read_text()}")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    (folder / "config").write_text(
        f"ListenAddress 127.0.0.1:{port}\nHostKey {folder / 'host'}\nPidFile none\nStrictModes no\nUsePAM no\n"
        f"AuthorizedKeysFile {folder / 'client.pub'}\nPasswordAuthentication no\nPermitRootLogin prohibit-password\n"
        "UseDNS no\nPrintMotd no\nPrintLastLog no\nLogLevel ERROR\n"
    )
    if os.geteuid() == 0:
        _PRIVILEGE_SEPARATION.mkdir(mode=0o755, exist_ok=True)
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(
            [program, "-D", "-e", "-f", str(folder / "config")], stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
    try:
        end = time.monotonic() + _START_S
        while not _listens(port):
            if server.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"sshd did not start: {(folder / 'log').read_text().strip()}")
            time.sleep(0.05)
        yield PrivateSshd(port, folder)
    finally:
        server.terminate()
        server.wait()


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1.0).close()
    except OSError:
        return False
    return True
