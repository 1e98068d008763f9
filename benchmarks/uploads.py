"""200 uploads to `vlmtui serve` at once, good, bad and huge ones mixed: the answers, and peak memory."""

from __future__ import annotations

import os
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import httpx2 as httpx

from benchmarks.startup import peak
from tests.waiting import children
from tests.web.server import Serving, picture, ready

CLIENTS = 200
MAX_BYTES = 20 << 20  # the server's own default
_TRIES = 500


@dataclass(frozen=True)
class Upload:
    """One upload, and the status that its last answer must have."""

    kind: str
    data: bytes
    wanted: int
    side: int = 0


@dataclass(frozen=True)
class LastAnswer:
    """The last answer to an upload, how often it was to be sent again before, and the seconds until the answer."""

    status: int
    side: int
    again: int
    seconds: float


def rows() -> Iterator[tuple[str, str, str]]:
    """Upload from all clients at one moment; those told to come again do so at the time they are told."""
    uploads = _mixed_uploads()
    with ready("--rate", "1000000", "--max-bytes", str(MAX_BYTES)) as server, ThreadPoolExecutor(CLIENTS) as pool:
        (session,) = children(server.process.pid)
        begin = threading.Barrier(CLIENTS)
        began = time.monotonic()
        got = list(pool.map(lambda one: _upload(server, one, begin), uploads))
        took = time.monotonic() - began
        same = children(server.process.pid) == [session]
        peaks = peak(server.process.pid), peak(session)
    kinds = Counter(one.kind for one in uploads)
    right = Counter(
        one.kind
        for one, answer in zip(uploads, got, strict=True)
        if (answer.status, answer.side) == (one.wanted, one.side)
    )
    what = ", ".join(f"{number} {kind}" for kind, number in kinds.items())
    yield f"{CLIENTS} uploads at once ({what}): answered as they are to be", f"{right.total()}", f"{CLIENTS}"
    others = Counter(answer.status for answer in got if answer.status >= 500)
    yield "of them answered with a 5xx in the end", f"{others.total()}", "0"
    again = sum(answer.again for answer in got)
    yield "told to come again (503, the queue of 32 was full), in all", f"{again} times", ""
    slowest = max(answer.seconds for answer in got)
    yield "all of them, and the one that waited longest", f"{took:.0f} s, {slowest:.0f} s", ""
    yield "peak memory of the server", f"{peaks[0] / 1e6:.0f} MB", "at most 1 GB"
    yield (
        "peak memory of the session (demo model)",
        f"{peaks[1] / 1e6:.0f} MB, {'the same' if same else 'not the same'} process to the end",
        "",
    )


def _mixed_uploads() -> list[Upload]:
    """All uploads, in an order that is the same in every run."""
    good = [Upload("good", picture(100 + i), 200, 100 + i) for i in range(CLIENTS // 2)]
    bad = [Upload("bad", os.urandom(1 + 100 * i), 400) for i in range(CLIENTS // 4)]
    bytes_, pixels = os.urandom(MAX_BYTES + (4 << 20)), picture(8000)
    huge = [Upload("of 24 MiB", bytes_, 413)] * (CLIENTS // 8) + [Upload("of 64 megapixels", pixels, 400)] * (
        CLIENTS // 8
    )
    mixed = [*good, *bad, *huge]
    random.Random(0).shuffle(mixed)
    return mixed


def _upload(server: Serving, one: Upload, begin: threading.Barrier) -> LastAnswer:
    files = {"file": ("picture.png", one.data, "image/png")}
    with httpx.Client(timeout=600, trust_env=False) as client:
        begin.wait()
        began = time.monotonic()
        again = 0
        while True:
            answer = client.post(f"{server.address}/report/?similarity=l2", files=files)
            if answer.status_code != 503 or again == _TRIES:
                break
            again += 1
            time.sleep(float(answer.headers["retry-after"]))
    side = answer.json()["image"]["width"] if answer.status_code == 200 else 0
    return LastAnswer(answer.status_code, side, again, time.monotonic() - began)
