"""Image files: the bytes of a path, an address or standard input, and their hash.

Clients read the bytes and send them; see `vlmtui.images.decoding`.
"""

from __future__ import annotations

import errno
import glob
import hashlib
import os
import select
import stat
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from vlmtui.errors import ImageError, one_line
from vlmtui.files import expand_path
from vlmtui.images.paths import check_is_path, images_in, is_address, is_windows_path, local_name, without_password

MAX_BYTES = 1 << 30
PIPE_S = 10.0
"""Seconds that a pipe without a writer is waited for, and a file that gives nothing, as some of the kernel's do."""
SILENT_S = 300.0
"""Seconds that the writer of a pipe may take for each part."""
_BLOCK = 1 << 20


@dataclass(frozen=True)
class ImageFile:
    """An image file as read: its source, its bytes, and their sha256 in hex."""

    source: str
    data: bytes
    sha256: str


def read_source(source: str) -> ImageFile:
    """Read a path, an http(s) address, or `-` for standard input.

    Raises `ImageError` with one sentence when there is nothing to read.
    """
    if not source:
        raise ImageError("the name of the image is empty: give a path, an http(s) address, or -")
    if source == "-":
        if sys.stdin is None:
            raise ImageError("standard input is closed: pipe an image's bytes into it, or name a file")
        data = _read_limited(sys.stdin.buffer.read, "standard input")
        if not data:
            raise ImageError("standard input is empty: pipe an image's bytes into it, or name a file")
    elif is_address(source := local_name(source)):
        from vlmtui.images.download import download  # takes half of the import time and is rarely needed

        data = download(source, MAX_BYTES)
    else:
        check_is_path(source)
        data = _read_file(Path(expand_path(source)), source)
    return ImageFile(source=shown_name(source), data=data, sha256=hashlib.sha256(data).hexdigest())


def shown_name(source: str) -> str:
    """A name as it can be sent, written and shown: without bytes that are not UTF-8, and without a password."""
    return without_password(source.encode("utf-8", "replace").decode("utf-8"))


def _read_file(path: Path, name: str) -> bytes:
    try:
        if path.is_dir():
            os.scandir(path).close()  # raises for one that may not be read
            if next(images_in(str(path)), None) is not None:
                raise ImageError(f"{name} is a folder: name one image file in it, or run vlmtui report FOLDER")
            some = "name a folder with PNG, JPEG or WebP files or the like, or name a file directly"
            raise ImageError(f"{name} contains no images: {some}")
        with open(path, "rb", buffering=0, opener=_open_file) as file:
            return _read_limited(_Waiting(file.fileno(), name).read, name)
    except FileNotFoundError:
        if glob.has_magic(name):
            matches = sum(not os.path.isdir(match) for match in glob.iglob(str(path), recursive=True))
            files = "no file" if not matches else "1 file" if matches == 1 else f"{matches:,} files"
            advice = "name one, or give them to vlmtui report" if matches else "check the pattern"
            raise ImageError(f"{name} matches {files}: {advice}") from None
        raise ImageError(_why_missing(path, name)) from None
    except NotADirectoryError:
        above = next(str(folder) for folder in path.parents if folder.is_file() or folder == folder.parent)
        raise ImageError(f"{name} does not exist, since {above} is no folder: check the path") from None
    except PermissionError:
        raise ImageError(f"{name} cannot be read: check its permissions") from None
    except (OSError, ValueError) as error:
        code = getattr(error, "errno", None)
        if code == errno.ELOOP:
            raise ImageError(f"{name} is a link that leads back to itself: check the link") from None
        if code == errno.ENAMETOOLONG:
            raise ImageError(f"{name} does not exist, since the name is too long: check the path") from None
        if code == errno.ENXIO:
            what = "socket" if path.is_socket() else "device"
            raise ImageError(f"{name} is a {what}, not a file: name an image file") from None
        raise ImageError(f"{name} cannot be read ({one_line(error)}): check the file") from None


def _why_missing(path: Path, name: str) -> str:
    """The sentence about a path without a file."""
    if path.is_symlink():
        return f"{name} is a link to {os.readlink(path)}, which does not exist: check the link"
    if name.startswith("-"):
        return f"{name} does not exist: options go before --"
    if is_windows_path(name):
        return f"{name} does not exist, and it is a path of Windows: give the path of the file on this machine"
    return f"{name} does not exist: check the path"


def _open_file(path: str, flags: int) -> int:
    """Open a file; a pipe without a writer is not waited for here."""
    return os.open(path, flags | os.O_NONBLOCK)


class _Waiting:
    """Reader of a file or pipe that was opened without waiting. It waits for bytes, and not without end.

    Raises `ImageError` for a device.
    """

    def __init__(self, handle: int, name: str) -> None:
        kind = os.fstat(handle).st_mode
        self._is_pipe = stat.S_ISFIFO(kind)
        if not (stat.S_ISREG(kind) or self._is_pipe):
            raise ImageError(f"{name} is a device, not a file: name an image file, or pipe it into vlmtui report -")
        self._handle = handle
        self._name = name
        self._poll = select.poll()
        self._poll.register(handle, select.POLLIN)

    def read(self, size: int) -> bytes:
        """At most `size` bytes, b"" at the end. Raises `ImageError` where none come for a while."""
        for seconds in (PIPE_S, SILENT_S) if self._is_pipe else (PIPE_S,):
            ready = self._poll.poll(seconds * 1000)
            try:
                block = os.read(self._handle, size)
            except BlockingIOError:  # there is a writer
                continue
            if block or ready:
                return block
            break
        what = "a pipe into which nothing is written" if self._is_pipe else "a file that gives nothing"
        raise ImageError(f"{self._name} is {what}: name an image file")


def _read_limited(read: Callable[[int], bytes], name: str) -> bytes:
    """Read to the end. `ImageError` past `MAX_BYTES`, without keeping more than that in memory."""
    parts: list[bytes] = []
    size = 0
    while block := read(_BLOCK):
        size += len(block)
        if size > MAX_BYTES:
            raise ImageError(f"{name} is larger than the limit of {MAX_BYTES >> 20} MiB: make it smaller")
        parts.append(block)
    return b"".join(parts)
