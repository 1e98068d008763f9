"""Files that are there whole, also after the power has failed, or not at all."""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from vlmtui.reports.output.target import told

UNFINISHED = ".new"
"""How the name of a file ends that is being written; it begins with a dot."""


@contextmanager
def written_whole(path: Path, begun_in: Path | None = None) -> Iterator[BinaryIO]:
    """A file that appears as `path`, in place of the one before, when all is written and on the disk.

    It is begun in that folder of the same file system, or beside it, under a name that no other process takes. Raises
    `VlmtuiError` where it cannot be written.
    """
    begun = beside(path if begun_in is None else begun_in / path.name)
    try:
        with told(str(path)):
            with begun.open("xb") as file:
                yield file
                file.flush()
                if path.exists():
                    os.fchmod(file.fileno(), stat.S_IMODE(path.stat().st_mode))
                os.fsync(file.fileno())
            os.replace(begun, path)
            settle(path.parent)
    finally:
        with suppress(OSError):
            begun.unlink()


def write_whole(path: Path, data: bytes) -> None:
    """`written_whole`, with these bytes."""
    with written_whole(path) as file:
        file.write(data)


def beside(path: Path) -> Path:
    """The name under which a file is begun."""
    return path.with_name(f".{path.name[:200]}.{secrets.token_hex(6)}{UNFINISHED}")


def settle(folder: Path) -> None:
    """Have the names in a folder on the disk, too."""
    at = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):  # not every file system has that
            os.fsync(at)
    finally:
        os.close(at)
