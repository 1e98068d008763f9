"""Sources of a batch: the names of all images, in a memory-mapped file, and their files read ahead by threads."""

from __future__ import annotations

import hashlib
import mmap
import os
from collections import deque
from collections.abc import Collection, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

from vlmtui.errors import VlmtuiError
from vlmtui.files import explain_write_errors, whole_file
from vlmtui.images.image_file import ImageFile, read_source
from vlmtui.images.paths import is_address

_BLOCK = 1 << 24
THREADS = 16
"""Reading is mostly waiting: for a disk, even more for an address."""
MOST_FILES = 128
MOST_BYTES = 64 << 20

FileOrError = ImageFile | VlmtuiError


@dataclass(frozen=True)
class SourcesDigest:
    """What identifies a list of names: their number, the sha256 of their file, and the folder of relative names.

    `base` is None where all names are addresses or absolute paths.
    """

    count: int
    sha256: str
    base: str | None


def digest_sources(names: Iterable[str]) -> SourcesDigest:
    """The digest of these names; relative ones are relative to the working folder."""
    digest, count, relative = hashlib.sha256(), 0, False
    for name in names:
        digest.update(os.fsencode(name) + b"\0")
        count += 1
        relative = relative or not (name.startswith(("/", "~")) or is_address(name))
    return SourcesDigest(count, digest.hexdigest(), os.getcwd() if relative else None)


def write_sources(path: Path, names: Iterable[str]) -> None:
    """Write the names to a file, in their order."""
    with explain_write_errors(str(path)), whole_file(path, sync=True) as file:
        file.writelines(os.fsencode(name) + b"\0" for name in names)


class SourceList:
    """The names in a file, by their index from 0. `VlmtuiError` where they are not those that were `written`."""

    def __init__(self, path: Path, written: SourcesDigest) -> None:
        try:
            with path.open("rb") as file:
                self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except OSError as error:
            raise _unusable(path, f"cannot be read ({error.strerror})") from None
        except ValueError:  # an empty file cannot be mapped
            raise _unusable(path, "is empty") from None
        if hashlib.sha256(self._map).hexdigest() != written.sha256:
            self._map.close()
            raise _unusable(path, "has changed since the table was started")
        self._ends = np.concatenate([np.zeros(0, np.int64), *self._found()])

    def __len__(self) -> int:
        return len(self._ends)

    def __enter__(self) -> SourceList:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._map.close()

    def names(self, places: range) -> tuple[str, ...]:
        """The names at a range of indices."""
        begin = int(self._ends[places.start - 1]) + 1 if places.start else 0
        end = int(self._ends[places.stop - 1])
        return tuple(os.fsdecode(name) for name in self._map[begin:end].split(b"\0"))

    def _found(self) -> Iterator[NDArray[np.int64]]:
        """Offsets of the ends of the names, block by block of the file."""
        for begin in range(0, len(self._map), _BLOCK):
            block = np.frombuffer(self._map[begin : begin + _BLOCK], np.uint8)
            yield np.flatnonzero(block == 0) + begin


def _unusable(path: Path, why: str) -> VlmtuiError:
    return VlmtuiError(f"{path} {why}: start again with --fresh, or name another file with -o")


def read_ahead(names: Iterable[str]) -> Generator[tuple[str, FileOrError], None, None]:
    """Every name with its file, or the error of reading it, in the order of the names.

    At most `MOST_FILES` files, and `MOST_BYTES` besides what the threads are reading, are in memory.
    """
    pool = ThreadPoolExecutor(THREADS, thread_name_prefix="image-reader")
    left = iter(names)
    window: deque[tuple[str, Future[FileOrError]]] = deque()
    try:
        while True:
            while _has_room(window) and (name := next(left, None)) is not None:
                window.append((name, pool.submit(_read, name)))
            if not window:
                return
            name, reading = window.popleft()
            yield name, reading.result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _read(name: str) -> FileOrError:
    try:
        return read_source(name)
    except VlmtuiError as error:
        return error


def _has_room(window: Collection[tuple[str, Future[FileOrError]]]) -> bool:
    """Whether one more file may be read; its size is known only afterwards."""
    done = [reading.result() for _, reading in window if reading.done()]
    held = sum(len(found.data) for found in done if isinstance(found, ImageFile))
    return len(window) < MOST_FILES and len(window) - len(done) < THREADS and held < MOST_BYTES
