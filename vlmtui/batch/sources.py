"""The names of all pictures, kept in a file: a million of them take no memory."""

from __future__ import annotations

import hashlib
import mmap
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

from vlmtui.files import explain_write_errors, whole_file
from vlmtui.image import is_address

_BLOCK = 1 << 24


@dataclass(frozen=True)
class Frozen:
    """What identifies a list of names: how many, the sha256 of the file they are kept in, and the folder that those
    start from which are no addresses or whole paths, None where all are."""

    count: int
    sha256: str
    base: str | None


def frozen(names: Iterable[str]) -> Frozen:
    """That of these names, which start from the working folder."""
    digest, count, relative = hashlib.sha256(), 0, False
    for name in names:
        digest.update(os.fsencode(name) + b"\0")
        count += 1
        relative = relative or not (name.startswith(("/", "~")) or is_address(name))
    return Frozen(count, digest.hexdigest(), os.getcwd() if relative else None)


def write(path: Path, names: Iterable[str]) -> None:
    """Keep the names, in their order."""
    with explain_write_errors(str(path)), whole_file(path, sync=True) as file:
        file.writelines(os.fsencode(name) + b"\0" for name in names)


class Sources:
    """The names in a file, by their places from 0."""

    def __init__(self, path: Path) -> None:
        with explain_write_errors(str(path)), path.open("rb") as file:
            self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        self._ends = np.concatenate([np.zeros(0, np.int64), *self._found()])

    def __len__(self) -> int:
        return len(self._ends)

    def __enter__(self) -> Sources:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._map.close()

    def names(self, places: range) -> tuple[str, ...]:
        """The names at these places, one after the other."""
        begin = int(self._ends[places.start - 1]) + 1 if places.start else 0
        end = int(self._ends[places.stop - 1])
        return tuple(os.fsdecode(name) for name in self._map[begin:end].split(b"\0"))

    def _found(self) -> Iterator[NDArray[np.int64]]:
        """Where the names end, a block of the file after the other."""
        for begin in range(0, len(self._map), _BLOCK):
            block = np.frombuffer(self._map[begin : begin + _BLOCK], np.uint8)
            yield np.flatnonzero(block == 0) + begin
