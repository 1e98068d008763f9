"""Where the warm session is: one for each person on a machine, behind a unix socket that only that person can reach."""

from __future__ import annotations

import contextlib
import hashlib
import os
import socket
import stat
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from platformdirs import user_runtime_dir

from vlmtui.errors import SessionError

if TYPE_CHECKING:
    from filelock import FileLock

IDLE_S = 30 * 60.0
ALREADY = 5
"""Exit status of a session that found another one in its place."""
_SOCKET = "session.sock"
_LOCK = "session.lock"
_PATH_LIMIT = 100
"""Bytes of a socket's path: the kernel takes 108 (Linux) or 104 (macOS), with the zero at the end."""


def runtime_folder() -> Path:
    """The folder of the socket, made where it is not there. `SessionError` where others could reach into it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns of an XDG_RUNTIME_DIR that it passes over
        try:
            runtime = Path(user_runtime_dir("vlmtui", appauthor=False))
        except OSError as error:
            raise SessionError(f"there is no safe folder for a warm session: {error}") from None
    if len(os.fsencode(runtime / _SOCKET)) > _PATH_LIMIT:
        short = hashlib.sha256(os.fsencode(runtime)).hexdigest()[:12]
        runtime = Path("/tmp" if len(tempfile.gettempdir()) > 40 else tempfile.gettempdir()) / f"vlmtui-{short}"
    try:
        runtime.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            runtime.mkdir(mode=0o700)
        found = runtime.lstat()
    except OSError as error:
        raise SessionError(
            f"the folder {runtime} for a warm session cannot be made ({error.strerror}): "
            "set XDG_RUNTIME_DIR to a folder that only you can read"
        ) from None
    if not stat.S_ISDIR(found.st_mode):
        raise SessionError(f"{runtime} is no folder, and a warm session needs one: take it away")
    if found.st_uid != os.getuid():
        raise SessionError(
            f"the folder {runtime} belongs to somebody else (user {found.st_uid}): "
            "no warm session is looked for there, set XDG_RUNTIME_DIR to a folder of your own"
        )
    if found.st_mode & 0o077:
        raise SessionError(
            f"the folder {runtime} can be reached by others (mode {stat.S_IMODE(found.st_mode):o}): "
            f"no warm session is looked for there, chmod 700 {runtime}"
        )
    return runtime


def socket_path() -> Path:
    """The path of the socket."""
    return runtime_folder() / _SOCKET


def take_lock(runtime: Path) -> FileLock | None:
    """Take the place of the one warm session: a lock to keep and to release, or None where it is taken.

    The system releases it when the process ends, however it ends: a socket without its lock is a dead session's.
    """
    from filelock import FileLock, Timeout  # not needed to find a session that runs

    taken = FileLock(runtime / _LOCK, mode=0o600, thread_local=False)
    try:
        taken.acquire(timeout=0)
    except Timeout:
        return None
    (runtime / _LOCK).write_text(str(os.getpid()), encoding="ascii")  # for `holder`
    return taken


def listening_socket(runtime: Path) -> socket.socket:
    """The socket that a warm session answers at, there as soon as it does so; the caller holds the lock."""
    path = runtime / f"{_SOCKET}.new"
    path.unlink(missing_ok=True)
    answering = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)
    try:
        answering.bind(str(path))
    finally:
        os.umask(before)
    answering.listen(16)
    path.replace(runtime / _SOCKET)
    return answering


def connect_socket() -> socket.socket | None:
    """A connection to the warm session, or None where there is none. What a dead one has left is cleared away."""
    runtime = runtime_folder()
    path = runtime / _SOCKET
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.connect(str(path))
    except FileNotFoundError:
        connection.close()
        return None
    except OSError as error:
        connection.close()
        free = take_lock(runtime)
        if free is None:
            raise SessionError(
                f"the warm session (process {lock_owner(runtime)}) does not answer ({error.strerror}): "
                "end it with vlmtui session stop"
            ) from None
        path.unlink(missing_ok=True)
        free.release()
        return None
    return connection


def lock_owner(runtime: Path) -> int | None:
    """The process that says it is the warm session, whether or not it still runs."""
    try:
        return int((runtime / _LOCK).read_text())
    except (OSError, ValueError):
        return None


def start_daemon(idle: float) -> None:
    """Start a warm session, detached from this terminal, and come back when it listens.

    No harm is done where somebody else is quicker: theirs is the one. Raises `SessionError`.
    """
    runtime_folder()
    ready, told = os.pipe()
    try:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "vlmtui.session", "--listen", str(idle), "--ready", str(told)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            pass_fds=(told,),
            cwd=Path.home() if Path.home().is_dir() else "/",
        )
    except OSError as error:
        os.close(ready)
        raise SessionError(f"the warm session could not be started ({error}): run vlmtui doctor") from error
    finally:
        os.close(told)
    # the other end is closed when it listens and has said so, or when it has ended
    listens = os.read(ready, 1)
    os.close(ready)
    if not listens and process.wait() != ALREADY:
        raise SessionError(f"the warm session ended as it started, with status {process.returncode}: run vlmtui doctor")
    process.returncode = process.returncode or 0  # it outlives this process: nobody waits for it
