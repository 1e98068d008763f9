"""Picture files read by threads, ahead of whoever takes them, within bounds of memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor

from vlmtui.errors import VlmtuiError
from vlmtui.image import ImageFile, read_source

THREADS = 16
"""Most of a file's time is waiting: for a disk, more so for an address."""
MOST_FILES = 128
MOST_BYTES = 64 << 20

Found = ImageFile | VlmtuiError


def read_ahead(names: Iterable[str]) -> Generator[tuple[str, Found], None, None]:
    """Every name with the bytes of its file, or why there are none, in the order of the names.

    At most so many files, and so many bytes beside what the threads are at, are held before they are taken.
    """
    pool = ThreadPoolExecutor(THREADS, thread_name_prefix="picture-reader")
    left = iter(names)
    window: deque[tuple[str, Future[Found]]] = deque()
    try:
        while True:
            while _room(window) and (name := next(left, None)) is not None:
                window.append((name, pool.submit(_read, name)))
            if not window:
                return
            name, reading = window.popleft()
            yield name, reading.result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _read(name: str) -> Found:
    try:
        return read_source(name)
    except VlmtuiError as error:
        return error


def _room(window: Collection[tuple[str, Future[Found]]]) -> bool:
    """Whether one more may be read; how large it is will be known when it was."""
    done = [reading.result() for _, reading in window if reading.done()]
    held = sum(len(found.data) for found in done if isinstance(found, ImageFile))
    return len(window) < MOST_FILES and len(window) - len(done) < THREADS and held < MOST_BYTES
