"""Range requests: parts of remote files downloaded in parallel into one local file, with retries and resumption.

A journal beside the file records what has reached the disk, so that neither a server that fails nor a process that is
killed causes anything to be fetched twice.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

THREADS = 4
CHUNK = 16 << 20
JOURNAL_EVERY = 4 << 20
# seconds before each further attempt; an attempt that fetched something restarts the count
WAITS_S = (0.5, 1.0, 2.0, 4.0, 8.0)
_TELL_EVERY_S = 0.1


class ConnectionLostError(Exception):
    """The connection failed in a way that may be temporary."""


def retry(attempt: Callable[[], T]) -> T:
    """Call `attempt`, again after a while where the connection was lost, and return its result."""
    for seconds in WAITS_S:
        try:
            return attempt()
        except ConnectionLostError:
            time.sleep(seconds)
    return attempt()


@dataclass(frozen=True)
class ByteRange:
    """`size` bytes of the remote `file` from `start` on, to be written to the local file from `to` on."""

    file: str
    start: int
    to: int
    size: int


T = TypeVar("T")
# (file, start, size) -> the bytes in blocks; raises `ConnectionLostError` for a failure that may be temporary
Open = Callable[[str, int, int], AbstractContextManager[Iterator[bytes]]]


def coalesce(pieces: Sequence[ByteRange]) -> list[ByteRange]:
    """Merge ranges that are adjacent in both the remote and the local file, so that there are as few as possible."""
    merged: list[ByteRange] = []
    for piece in sorted(pieces, key=lambda piece: piece.to):
        last = merged[-1] if merged else None
        if (
            last is not None
            and last.file == piece.file
            and last.start + last.size == piece.start
            and last.to + last.size == piece.to
        ):
            merged[-1] = ByteRange(last.file, last.start, last.to, last.size + piece.size)
        elif piece.size:
            merged.append(piece)
    return merged


def missing_ranges(pieces: Sequence[ByteRange], got: Sequence[tuple[int, int]]) -> list[ByteRange]:
    """What is left to fetch of `pieces` when the local file has the spans [first, end) in `got`."""
    spans = _union(got)
    left = []
    for piece in pieces:
        at, end = piece.to, piece.to + piece.size
        for first, last in spans:
            if last <= at or first >= end:
                continue
            if first > at:
                left.append(ByteRange(piece.file, piece.start + at - piece.to, at, first - at))
            at = max(at, last)
        if at < end:
            left.append(ByteRange(piece.file, piece.start + at - piece.to, at, end - at))
    return left


def _union(spans: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    union: list[tuple[int, int]] = []
    for first, end in sorted(spans):
        if union and first <= union[-1][1]:
            union[-1] = union[-1][0], max(union[-1][1], end)
        else:
            union.append((first, end))
    return union


class Journal:
    """A text file of the spans [first, end) of the local file that have arrived, one a line.

    The last line may be incomplete.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def spans(self) -> list[tuple[int, int]]:
        """The recorded spans; none where there is no journal."""
        found = []
        try:
            lines = self.path.read_text(encoding="ascii").splitlines(keepends=True)
        except (OSError, ValueError):
            return []
        for line in lines:
            words = line.split()
            if line.endswith("\n") and len(words) == 2 and all(word.isdigit() for word in words):
                found.append((int(words[0]), int(words[1])))
        return found

    def add(self, first: int, end: int) -> None:
        """Record a span that is on the disk."""
        with self.path.open("a", encoding="ascii") as file:
            file.write(f"{first} {end}\n")


class RangeDownload:
    """The download of one local file from ranges of remote ones."""

    def __init__(self, target: Path, size: int, pieces: Sequence[ByteRange], open_range: Open) -> None:
        """Prepare a download to `target` of `size` bytes; the caller writes the bytes that `pieces` do not cover."""
        self.journal = Journal(target.with_suffix(".journal"))
        self._target = target
        self._size = size
        self._pieces = coalesce(pieces)
        self._open = open_range
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self.wanted = sum(piece.size for piece in self._pieces)
        if not (target.is_file() and target.stat().st_size == size):
            self.journal.path.unlink(missing_ok=True)
        self._left = missing_ranges(self._pieces, self.journal.spans())
        self.got = self.wanted - sum(piece.size for piece in self._left)

    @property
    def left(self) -> int:
        """Bytes still to be fetched."""
        return self.wanted - self.got

    def run(self, tell: Callable[[int, int], None]) -> None:
        """Fetch what is missing; `tell(bytes fetched, bytes wanted)` is called in this thread and may raise to stop.

        Raises `ConnectionLostError` when retries do not help, `OSError` when the disk is full.
        """
        tell(self.got, self.wanted)
        handle = os.open(self._target, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            os.ftruncate(handle, self._size)
            chunks = [
                ByteRange(piece.file, piece.start + at, piece.to + at, min(CHUNK, piece.size - at))
                for piece in self._left
                for at in range(0, piece.size, CHUNK)
            ]
            with ThreadPoolExecutor(THREADS, "fetch") as pool:
                futures = [pool.submit(self._chunk, handle, chunk) for chunk in chunks]
                try:
                    pending = set(futures)
                    while pending:
                        done, pending = wait(pending, _TELL_EVERY_S, FIRST_EXCEPTION)
                        for future in done:
                            future.result()
                        tell(self.got, self.wanted)
                finally:
                    # after an error the other threads end at their next block and record what they have
                    self._stop.set()
                    pool.shutdown(cancel_futures=True)
            assert self.got == self.wanted, f"{self.got} bytes of {self.wanted}"
            os.fsync(handle)
        finally:
            os.close(handle)

    def _chunk(self, handle: int, chunk: ByteRange) -> None:
        done, failures = 0, 0
        while done < chunk.size and not self._stop.is_set():
            before = done
            try:
                for block in self._blocks(chunk, done):
                    _write(handle, block, chunk.to + done)
                    done += len(block)
                    with self._lock:
                        self.got += len(block)
                    if done - before >= JOURNAL_EVERY:
                        before = self._keep(handle, chunk, before, done)
                        failures = 0
            except ConnectionLostError:
                failures = 0 if done > before else failures + 1
                if failures > len(WAITS_S):
                    raise
                self._stop.wait(WAITS_S[max(0, failures - 1)])
            finally:
                self._keep(handle, chunk, before, done)

    def _blocks(self, chunk: ByteRange, done: int) -> Iterator[bytes]:
        left = chunk.size - done
        with self._open(chunk.file, chunk.start + done, left) as blocks:
            for block in blocks:
                if self._stop.is_set():
                    return
                yield block[:left]
                left -= len(block)
                if left <= 0:
                    return
        raise ConnectionLostError(f"the connection ended {left:,} bytes early")

    def _keep(self, handle: int, chunk: ByteRange, before: int, done: int) -> int:
        if done > before:
            os.fsync(handle)
            with self._lock:
                self.journal.add(chunk.to + before, chunk.to + done)
        return done


def _write(handle: int, block: bytes, at: int) -> None:
    view = memoryview(block)
    while view:
        count = os.pwrite(handle, view, at)
        view, at = view[count:], at + count
