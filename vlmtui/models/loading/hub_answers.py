"""Answers of a hub that no download can go on with: a login page, a long wait, redirects in a circle, no end.

huggingface_hub would fail on the first without a sentence, wait silently as long as it is told, follow relative
redirects without end, and read as long as a byte comes now and then, or unpack a small answer to any size.
"""

from __future__ import annotations

import contextlib
import math
import re
import threading
import time
import zlib
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

import httpx2
from huggingface_hub.utils import get_session

from vlmtui.errors import ModelError, one_line
from vlmtui.models.loading.checkpoint import Progress

LONGEST_WAIT_S = 60.0
MOST_REDIRECTS = 20
PATIENCE_S = 60.0
LEAST_BYTES = 1 << 10
"""Bytes that must come within `PATIENCE_S`: a thousandth of what a line of 16 KB a second has."""
MOST_OF_A_FILE = 1 << 30
"""Bytes of a file that is fetched whole, to the disk: tokenizers have some 50 MB."""
MOST_OF_A_LIST = 64 << 20
"""Bytes of what the hub says of a model, which are held in memory."""
_BUSY = (429, 503)
_COMPRESSION = "gzip"
_UNPACKED_AT_ONCE = 1 << 20


@contextlib.contextmanager
def watch_answers(name: str, progress: Progress) -> Iterator[None]:
    """In this block such an answer is a `ModelError`; shorter waits are shown. `name` is the hub model."""
    client = get_session()
    before = client.event_hooks
    client.event_hooks = before | {"response": [*before.get("response", ()), _Watch(name, progress)]}
    accepted = client.headers.get("Accept-Encoding", "")
    client.headers["Accept-Encoding"] = _COMPRESSION
    try:
        yield
    finally:
        client.event_hooks = before
        client.headers["Accept-Encoding"] = accepted


class _Watch:
    """Looks at the head of every answer, in the thread that asked."""

    def __init__(self, name: str, progress: Progress) -> None:
        self._name, self._progress = name, progress
        self._in_a_row = threading.local()

    def __call__(self, response: Any) -> None:
        host, status = urlsplit(str(response.url)).netloc, response.status_code
        redirects = getattr(self._in_a_row, "count", 0) + 1 if 300 <= status < 400 and status != 304 else 0
        self._in_a_row.count = redirects
        if redirects > MOST_REDIRECTS:
            raise ModelError(
                f"{self._name} could not be downloaded: {host} redirects in a circle: check HF_ENDPOINT and the proxy"
            )
        if status in _BUSY and (wait := seconds_to_wait(response.headers.get("Retry-After", ""))) is not None:
            if wait > LONGEST_WAIT_S:
                raise ModelError(
                    f"{host} received too many requests from here and asks to wait {wait:,.0f} s: try again then, or "
                    "log in with `hf auth login`"
                )
            self._progress(f"{host} asks to wait {wait:.0f} s", 0, 0)
        if status == 200 and "text/html" in response.headers.get("Content-Type", ""):
            raise ModelError(
                f"{self._name} could not be downloaded: {host} answered a web page, such as the login page of a "
                "network: open it in a browser, or check HF_ENDPOINT and the proxy"
            )
        most: float = MOST_OF_A_LIST if response.request.url.path.startswith("/api/") else MOST_OF_A_FILE
        if re.fullmatch(r"bytes=\d+-\d+", response.request.headers.get("Range", "")):
            most = math.inf  # who asked for a part of a file takes no more
        who = f"{self._name} could not be downloaded: {host}"
        compression = response.headers.get("Content-Encoding", "").strip().lower()
        if compression not in ("", "identity", _COMPRESSION):
            raise ModelError(
                f"{who} compresses its answers by {one_line(compression):.60}, which was not asked for: check "
                "HF_ENDPOINT and the proxy"
            )
        response.stream = _WatchedStream(response.stream, who, most, compression == _COMPRESSION)


class _WatchedStream(httpx2.SyncByteStream):
    """The bytes of an answer, for as long as they come; `ModelError`, which begins with `who`, where they do not end.

    At most `most` bytes come; of a `compressed` answer, they unpack to at most so many.
    """

    def __init__(self, stream: Any, who: str, most: float, compressed: bool) -> None:
        self._stream, self._who, self._most = stream, who, most
        self._unpacked = _UnpackedSize() if compressed else None

    def __iter__(self) -> Iterator[bytes]:
        total = since = 0
        begun = time.monotonic()
        for block in self._stream:
            since += len(block)
            total += len(block) if self._unpacked is None else self._unpacked.add(block)
            if total > self._most:
                raise ModelError(f"{self._who} sends a small file without end: check HF_ENDPOINT and the proxy")
            now = time.monotonic()
            if now - begun > PATIENCE_S:
                if since < LEAST_BYTES:
                    sent = f"sent {since} bytes in {now - begun:.0f} s"
                    raise ModelError(f"{self._who} {sent}: check the connection, or try again later")
                begun, since = now, 0
            yield block

    def close(self) -> None:
        self._stream.close()


class _UnpackedSize:
    """Counts what a gzip stream unpacks to, without holding it."""

    def __init__(self) -> None:
        self._gzip = zlib.decompressobj(zlib.MAX_WBITS | 16)

    def add(self, block: bytes) -> int:
        """Bytes that the next block unpacks to; 0 where it is damaged, which is noticed where it is unpacked."""
        size = 0
        with contextlib.suppress(zlib.error):
            while block:
                size += len(self._gzip.decompress(block, _UNPACKED_AT_ONCE))
                block = self._gzip.unconsumed_tail
        return size


def seconds_to_wait(said: str) -> float | None:
    """The seconds of a `Retry-After`, a number or a date; None for anything else."""
    if said.isascii() and said.strip().isdecimal():
        return float(said)
    with contextlib.suppress(ValueError, TypeError):
        return max(0.0, parsedate_to_datetime(said).timestamp() - time.time())
    return None
