"""Daemon of the warm session: one for each user of a machine, at a unix socket that only that user can reach."""

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
from urllib.parse import urlsplit

from platformdirs import user_runtime_dir

from vlmtui.errors import SessionError, one_line
from vlmtui.session.endings import why_ended
from vlmtui.session.logs import log_of

if TYPE_CHECKING:
    from filelock import FileLock

ALREADY = 5
"""Exit status of a session that found another one in its place."""
_SOCKET = "session.sock"
_LOCK = "session.lock"
_PATH_LIMIT = 100
"""Bytes of a socket's path: the kernel allows 108 (Linux) or 104 (macOS), with the zero at the end."""


def runtime_folder() -> Path:
    """The folder of the socket, created where it does not exist. `SessionError` where other users have access to it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns of an XDG_RUNTIME_DIR that it cannot use
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
        raise SessionError(f"{runtime} is not a folder, and a warm session needs one: remove it")
    if found.st_uid != os.getuid():
        raise SessionError(
            f"the folder {runtime} belongs to another user ({found.st_uid}), so no warm session is looked for "
            "there: set XDG_RUNTIME_DIR to a folder of your own"
        )
    if found.st_mode & 0o077:
        raise SessionError(
            f"the folder {runtime} can be read by others (mode {stat.S_IMODE(found.st_mode):o}), so no warm "
            f"session is looked for there: run chmod 700 {runtime}"
        )
    _check_places(runtime)
    return runtime


def _check_places(runtime: Path) -> None:
    """Raise `SessionError` where something else has the name of the socket or of the lock."""
    for name, is_right in ((_SOCKET, lambda path: not path.is_dir()), (_LOCK, Path.is_file)):
        path = runtime / name
        if os.path.lexists(path) and not is_right(path):
            what = "a folder" if path.is_dir() else "no regular file"
            raise SessionError(f"{path} is {what}, and a warm session needs the name: remove it")


def socket_path() -> Path:
    """The path of the socket."""
    return runtime_folder() / _SOCKET


def take_lock(runtime: Path) -> FileLock | None:
    """Take the place of the one warm session: the lock, to be kept and released, or None where another holds it.

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
    """The socket at which the warm session accepts front ends; the caller holds the lock.

    Its path appears only when it already listens.
    """
    path = runtime / f"{_SOCKET}.new"
    path.unlink(missing_ok=True)
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)
    try:
        listening.bind(str(path))
    finally:
        os.umask(before)
    listening.listen(16)
    path.replace(runtime / _SOCKET)
    return listening


def connect_socket() -> socket.socket | None:
    """A socket connected to the warm session, None where there is none. The socket of a dead session is removed."""
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
                f"the warm session (process {lock_owner(runtime)}) does not respond ({error.strerror}): end it "
                "with vlmtui session stop"
            ) from None
        path.unlink(missing_ok=True)
        free.release()
        return None
    return connection


def lock_owner(runtime: Path) -> int | None:
    """The id of the process that took the lock last, whether or not it still runs; None where it is not known."""
    try:
        return int((runtime / _LOCK).read_text())
    except (OSError, ValueError):
        return None


def session_environment() -> dict[str, str]:
    """The environment of a session: with docstrings, which transformers reads when it is imported, and without the
    compiled code that transformers would fetch from the hub where the package kernels is installed.

    `SessionError` for an address of the hub that huggingface_hub cannot be imported with.
    """
    endpoint = os.environ.get("HF_ENDPOINT", "")
    try:
        _ = urlsplit(endpoint).port
    except ValueError as error:
        raise SessionError(f"HF_ENDPOINT {endpoint} is no address ({one_line(error)}): correct or unset it") from None
    return {name: value for name, value in os.environ.items() if name != "PYTHONOPTIMIZE"} | {"USE_HUB_KERNELS": "NO"}


def start_daemon(idle: float) -> None:
    """Start a warm session, detached from this terminal, and return when it listens.

    Where another process starts one at the same time, only one of them stays. Raises `SessionError`.
    """
    runtime_folder()
    ready, signal = os.pipe()
    try:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "vlmtui.session", "--listen", str(idle), "--ready", str(signal)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            pass_fds=(signal,),
            env=session_environment(),
            cwd=Path.home() if Path.home().is_dir() else "/",
        )
    except OSError as error:
        os.close(ready)
        raise SessionError(f"the warm session could not be started ({error}): run vlmtui doctor") from error
    finally:
        os.close(signal)
    # the other end is closed once the session has said that it listens, or has ended
    listens = os.read(ready, 1)
    os.close(ready)
    if not listens and process.wait() != ALREADY:
        log = log_of(process.pid)
        reason = (log and why_ended(log)) or ": run vlmtui doctor"
        raise SessionError(f"the warm session ended while starting, with status {process.returncode}{reason}")
    process.returncode = process.returncode or 0  # it outlives this process, which never waits for it
