"""Proxies that the environment names, and one that wants a login, for images by address."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from vlmtui.errors import ImageError
from vlmtui.images.image_file import read_source
from vlmtui.proxies import Proxy, proxy_for

NAMES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")


class WantsLogin(BaseHTTPRequestHandler):
    """A proxy that gives no connection without a name and a password, and takes none."""

    def do_GET(self) -> None:
        self.send_response(407, "Authentication needed")
        self.send_header("Proxy-Authenticate", 'Basic realm="here"')
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_HEAD = do_CONNECT = do_GET  # noqa: N815

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture
def proxy() -> Iterator[str]:
    """Host and port of a proxy that wants a login."""
    with ThreadingHTTPServer(("127.0.0.1", 0), WantsLogin) as listening:
        threading.Thread(target=listening.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{listening.server_port}"
        listening.shutdown()


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_that_wants_a_login(scheme: str, proxy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    name = f"{scheme.upper()}_PROXY"
    monkeypatch.setenv(name.lower(), f"http://{proxy}")
    address = f"{scheme}://images.example/a.png"
    begins = f"{address} cannot be reached, since the proxy http://{proxy} wants a name and a password: "
    with pytest.raises(ImageError) as caught:
        read_source(address)
    assert str(caught.value) == f"{begins}put them into {name}, as in http://NAME:PASSWORD@HOST:PORT"
    monkeypatch.setenv(name.lower(), f"http://me:secret@{proxy}")
    with pytest.raises(ImageError) as caught:
        read_source(address)
    assert str(caught.value) == f"{begins}correct the name and the password in {name}"


@pytest.mark.parametrize(
    ("name", "value", "found"),
    [
        ("https_proxy", "http://a:1", Proxy("http://a:1", "HTTPS_PROXY", has_login=False)),
        ("all_proxy", "socks5h://me:s@cret@a:1", Proxy("socks5h://a:1", "ALL_PROXY", has_login=True)),
        ("https_proxy", "me:secret@a:1", Proxy("a:1", "HTTPS_PROXY", has_login=True)),
        ("http_proxy", "http://a:1", None),
    ],
)
def test_the_proxy_of_an_address(name: str, value: str, found: Proxy | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, value)
    assert proxy_for("https://images.example/a.png") == found
    monkeypatch.setenv("no_proxy", "images.example")
    assert proxy_for("https://images.example/a.png") is None
