"""Addresses given by strangers: which are connected to, checked with a real local server."""

from __future__ import annotations

import asyncio
import ipaddress
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from vlmtui.errors import ImageError
from vlmtui.web.fetching import Address, fetch, public


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        to = {"/away": "http://127.0.0.2:9/secret", "/file": "file:///etc/passwd", "/round": "/round", "/near": "/ok"}
        self.send_response(302 if self.path in to else 200)
        if self.path in to:
            self.send_header("Location", to[self.path])
        self.end_headers()
        if self.path not in to:
            self.wfile.write(b"picture" * 100)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as listening:
        threading.Thread(target=listening.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{listening.server_port}"
        listening.shutdown()


def _here(address: Address) -> bool:
    """Stands for `public`: this one address is the internet."""
    return str(address) == "127.0.0.1"


@pytest.mark.parametrize("path", ["/ok", "/near"])
async def test_what_is_allowed_is_read(server: str, path: str) -> None:
    assert await fetch(server + path, 10_000, allowed=_here) == b"picture" * 100


@pytest.mark.parametrize(
    ("path", "said"),
    [("/away", "not a public host"), ("/file", "only http and https"), ("/round", "redirects more than")],
)
async def test_a_redirect_is_checked_again(server: str, path: str, said: str) -> None:
    with pytest.raises(ImageError, match=said):
        await fetch(server + path, 10_000, allowed=_here)


async def test_too_large_and_not_public(server: str) -> None:
    with pytest.raises(ImageError, match="larger than"):
        await fetch(server + "/ok", 699, allowed=_here)
    with pytest.raises(ImageError, match="not a public host"):
        await fetch(server + "/ok", 10_000)


async def test_a_name_that_changes_its_mind_is_looked_up_once(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []
    port = int(server.rpartition(":")[2])

    async def rebinding(*_: object, **__: object) -> list[object]:
        asked.append(1)
        return [(2, 1, 6, "", ("127.0.0.1" if len(asked) == 1 else "127.0.0.2", port))]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", rebinding)
    assert await fetch(f"http://rebinding.example:{port}/ok", 10_000, allowed=_here) == b"picture" * 100
    assert len(asked) == 1


@pytest.mark.parametrize(
    "address",
    "127.0.0.1 10.1.2.3 192.168.0.1 172.16.0.1 169.254.169.254 100.64.0.1 0.0.0.0 224.0.0.1 240.0.0.1 255.255.255.255 "
    "::1 :: fe80::1 fc00::1 fd00:ec2::254 ff02::1 fec0::1 ::ffff:10.0.0.1 ::127.0.0.1 64:ff9b::7f00:1 "
    "2002:7f00:1::1".split(),
)
def test_not_public(address: str) -> None:
    assert not public(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8"])
def test_public(address: str) -> None:
    assert public(ipaddress.ip_address(address))
