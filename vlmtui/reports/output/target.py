"""Targets of reports: standard output, written as it is computed, or a file written completely or not at all."""

from __future__ import annotations

import errno
import io
import os
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path, PurePath
from typing import Any, BinaryIO, Protocol

from vlmtui.display.pieces import ascii_only
from vlmtui.errors import UsageError, VlmtuiError
from vlmtui.files import PartialFile, expand_path, explain_write_errors, remove_dead

PIPE_S = 10.0
"""Seconds that the reader of a pipe is waited for."""


class Target(Protocol):
    """Destination of a report, written in chunks."""

    def write(self, piece: str | bytes) -> None:
        """Write one more chunk."""

    def flush(self) -> None:
        """Make the output so far available to readers."""


@contextmanager
def target(name: str | None) -> Iterator[Target]:
    """The target of `-o NAME`; standard output without a name.

    A file appears under its name once the whole report is written; after an error, or where nothing was written, no
    file is created and an existing one is unchanged. Raises `VlmtuiError` where it cannot be written.
    """
    if name is None or name == "-":
        yield _Stdout()
        return
    path = Path(expand_path(name))
    check_target(name)
    if path.exists() and not path.is_file():
        # a device or a pipe is written to directly, never replaced
        with explain_write_errors(name), open(path, "wb", opener=_open_waiting) as file:
            yield _File(file, name)
        return
    path = Path(os.path.realpath(path))
    with explain_write_errors(name):
        partial = PartialFile(path)
        remove_dead(path)
    with partial:
        output = _File(partial.file, name)
        yield output
        if output.written:
            with explain_write_errors(name):
                partial.commit()


def check_target(name: str) -> None:
    """Raise `VlmtuiError` where `-o NAME` cannot be written, before anything is computed for it.

    `UsageError` for an empty name.
    """
    if not name.strip():
        raise UsageError("the name of the output file is empty: give one with -o, or - for standard output")
    path = Path(expand_path(name))
    with explain_write_errors(name):
        exists = path.exists()  # an OSError where the name is too long
    if path.is_dir():
        raise VlmtuiError(f"{name} is a folder: name a file for the report with -o")
    if not exists and path.parent.exists() and not path.parent.is_dir():
        raise VlmtuiError(f"{name} cannot be written: {path.parent} is a file, not a folder; choose another place")
    if not path.parent.is_dir():
        raise VlmtuiError(f"{name} cannot be written: the folder {path.parent} does not exist; make it first")


def check_sources(name: str, sources: Iterable[str]) -> None:
    """Raise `UsageError` where `-o NAME` is the file of one of the images, under whatever name."""
    path = expand_path(name)
    if os.path.exists(path) and any(same_file(path, source) for source in sources):
        raise UsageError(f"{name} is the image itself: name another file for the report")


def check_inputs(name: str, inputs: Mapping[str, str | None]) -> None:
    """Raise `UsageError` where a file to write is one that the command reads, or in a folder that it reads.

    `inputs` are the paths of these, `-` for standard input, by what each is.
    """
    for what, path in inputs.items():
        if path and (same_file(name, path) or _within(name, path)):
            raise UsageError(f"{name} is {what} itself: name another file")


def same_file(name: str, other: str) -> bool:
    """Whether two names refer to the same existing file; `other` may be `-`, the file on standard input."""
    with suppress(OSError, ValueError):
        other_file = os.fstat(0) if other == "-" else os.stat(expand_path(other))
        return os.path.samestat(os.stat(expand_path(name)), other_file)
    return False


def _within(name: str, folder: str) -> bool:
    """Whether NAME is an existing file somewhere in a folder."""
    path, above = Path(os.path.realpath(expand_path(name))), Path(os.path.realpath(expand_path(folder)))
    return path.is_file() and above.is_dir() and path.is_relative_to(above)


def format_by_ending(name: str | None, endings: Mapping[str, str], otherwise: str = "text") -> str:
    """The format of the ending of `-o NAME`; `otherwise` without an ending, or where NAME is not a regular file.

    Raises `UsageError` for an ending of no format.
    """
    ending = PurePath(name).suffix.lower() if name else ""
    if not name or not ending or not at_once(name):
        return otherwise
    try:
        return endings[ending]
    except KeyError:
        raise UsageError(
            f"-o {name} does not say which format to write: end it in {', '.join(endings)}, or choose a --format"
        ) from None


def chosen_format(format: str | None, name: str | None, endings: Mapping[str, str]) -> str:
    """The format that was named, or that of the ending of `-o NAME`.

    Raises `UsageError` for an ending of no format, and for one of another format than was named.
    """
    if format is None:
        return format_by_ending(name, endings)
    ending = PurePath(name).suffix.lower() if name and at_once(name) else ""
    if format in endings.values() and endings.get(ending, format) != format:
        raise UsageError(
            f"-o {name} ends as {endings[ending]} does, and --format is {format}: leave --format out, or name a file "
            f"that ends in {next(end for end, one in endings.items() if one == format)}"
        )
    return format


def at_once(name: str | None) -> bool:
    """Whether `-o NAME` appears only when complete: a regular file, not standard output, a pipe or a device."""
    if name is None or name == "-":
        return False
    path = expand_path(name)
    return os.path.isfile(path) or not os.path.exists(path)


def _open_waiting(path: str, flags: int) -> int:
    """Open a device or a pipe. Raises `VlmtuiError` for a pipe that nothing reads from within `PIPE_S`."""
    end = time.monotonic() + PIPE_S
    while True:
        try:
            handle = os.open(path, flags | os.O_NONBLOCK)
        except OSError as error:
            if error.errno != errno.ENXIO or not Path(path).is_fifo():
                raise
            if time.monotonic() >= end:
                raise VlmtuiError(
                    f"{path} is a pipe from which nothing reads: start its reader first, or name a file with -o"
                ) from None
            time.sleep(0.05)
        else:
            os.set_blocking(handle, True)  # or what a reader takes slowly would fail
            return handle


class _File:
    def __init__(self, file: BinaryIO, name: str) -> None:
        self._file = file
        self._name = name
        self.written = False

    def write(self, piece: str | bytes) -> None:
        with explain_write_errors(self._name):
            self.written = True
            self._file.write(piece if isinstance(piece, bytes) else piece.encode("utf-8", "replace"))

    def flush(self) -> None:
        with explain_write_errors(self._name):
            self._file.flush()


class _Stdout:
    def __init__(self) -> None:
        encoding = (sys.stdout.encoding or "utf-8").lower().replace("-", "").replace("_", "")
        self._encoding = None if encoding == "utf8" else sys.stdout.encoding

    def write(self, piece: str | bytes) -> None:
        with explain_write_errors("standard output"):
            sys.stdout.buffer.write(piece if isinstance(piece, bytes) else self._encoded(piece))

    def flush(self) -> None:
        with explain_write_errors("standard output"):
            sys.stdout.buffer.flush()

    def _encoded(self, text: str) -> bytes:
        if self._encoding is None:
            return text.encode("utf-8", "replace")
        try:
            return text.encode(self._encoding)
        except UnicodeEncodeError:
            return ascii_only(text).encode("ascii")


class Pipe(io.RawIOBase):
    """In-memory pipe: buffers what a writer writes until it is taken."""

    def __init__(self) -> None:
        super().__init__()
        self._parts: list[bytes] = []
        self._at = 0

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def write(self, data: Any) -> int:
        part = bytes(data)
        self._parts.append(part)
        self._at += len(part)
        return len(part)

    def taken(self) -> bytes:
        """Everything written since the last call."""
        written, self._parts = b"".join(self._parts), []
        return written
