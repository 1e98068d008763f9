"""A real `vlmtui serve` on a free port, and what one sends it."""

from __future__ import annotations

import io
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import httpx2 as httpx
from PIL import Image

from tests.waiting import until


@dataclass
class Serving:
    """The program, and where it listens."""

    process: subprocess.Popen[str]
    address: str

    def ready(self) -> bool:
        """Whether it says that it is."""
        return httpx.get(f"{self.address}/readiness").status_code == 200

    def post(self, data: bytes | None, path: str = "/process-image/?similarity=l2", **more: object) -> httpx.Response:
        """Send it a file."""
        files = None if data is None else {"file": ("<b>&.png", data, "image/png")}
        return httpx.post(f"{self.address}{path}", files=files, timeout=300, trust_env=False, **more)


def picture(side: int = 32, colour: str = "teal") -> bytes:
    """A PNG of one colour."""
    file = io.BytesIO()
    Image.new("RGB", (side, side), colour).save(file, "PNG")
    return file.getvalue()


@contextmanager
def serving(*options: str) -> Iterator[Serving]:
    """`vlmtui serve` with these options, until the end of the block."""
    command = [sys.executable, "-m", "vlmtui", "serve", "--port", "0", "--device", "cpu", *options]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stderr is not None
        line = process.stderr.readline()
        found = re.search(r"http://\S+", line)
        assert found is not None, line
        yield Serving(process, found[0])
    finally:
        process.kill()
        process.wait()
        process.stderr.close()


@contextmanager
def ready(*options: str) -> Iterator[Serving]:
    """The same, with its model loaded."""
    with serving(*options) as server:
        until(server.ready, 120)
        yield server
