"""Addresses given by strangers: which are connected to, checked with a real local server."""

from __future__ import annotations

import asyncio
import ipaddress
import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from vlmtui.errors import ImageError
from vlmtui.web.downloads import Address, download_public, is_public


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        to = {"/away": "http://127.0.0.2:9/secret", "/file": "file:///etc/passwd", "/round": "/round", "/near": "/ok"}
        self.send_response(302 if self.path in to else 200)
        if self.path in to:
            self.send_header("Location", to[self.path])
        self.end_headers()
        if self.path not in to:
            self.wfile.write(b"<!doctype html><html>" if "/blob/" in self.path else b"picture" * 100)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as listening:
        threading.Thread(target=listening.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{listening.server_port}"
        listening.shutdown()


def _here(address: Address) -> bool:
    """Stands for `is_public`: this one address is the internet."""
    return str(address) == "127.0.0.1"


@pytest.mark.parametrize("path", ["/ok", "/near"])
async def test_what_is_allowed_is_read(server: str, path: str) -> None:
    assert await download_public(server + path, 10_000, allowed=_here) == b"picture" * 100


@pytest.mark.parametrize(
    ("path", "said"),
    [("/away", "not a public host"), ("/file", "only http and https"), ("/round", "redirects more than")],
)
async def test_a_redirect_is_checked_again(server: str, path: str, said: str) -> None:
    with pytest.raises(ImageError, match=said):
        await download_public(server + path, 10_000, allowed=_here)


async def test_a_page_names_the_address_of_its_file(server: str) -> None:
    said = r"answered a web page, not an image: the file itself is at .*/o/r/raw/main/a\.png$"
    with pytest.raises(ImageError, match=said):
        await download_public(server + "/o/r/blob/main/a.png", 10_000, allowed=_here)


async def test_too_large_and_not_public(server: str) -> None:
    with pytest.raises(ImageError, match="larger than"):
        await download_public(server + "/ok", 699, allowed=_here)
    with pytest.raises(ImageError, match="not a public host"):
        await download_public(server + "/ok", 10_000)


async def test_a_name_that_changes_its_mind_is_looked_up_once(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []
    port = int(server.rpartition(":")[2])

    async def rebinding(*_: object, **__: object) -> list[object]:
        asked.append(1)
        return [(2, 1, 6, "", ("127.0.0.1" if len(asked) == 1 else "127.0.0.2", port))]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", rebinding)
    assert await download_public(f"http://rebinding.example:{port}/ok", 10_000, allowed=_here) == b"picture" * 100
    assert len(asked) == 1


def _certificate(folder: Path, name: str) -> tuple[Path, Path]:
    """A certificate for a host name, signed by itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(subject, subject, key.public_key(), 1, now - timedelta(1), now + timedelta(1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    files = folder / "certificate.pem", folder / "key.pem"
    files[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    files[1].write_bytes(key.private_bytes(*form))
    return files


async def test_the_certificate_is_that_of_the_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    certificate, key = _certificate(tmp_path, "pinned.example")
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)

    async def here(*_: object, **__: object) -> list[object]:
        return [(2, 1, 6, "", ("127.0.0.1", 0))]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", here)
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as listening:
        listening.socket = context.wrap_socket(listening.socket, server_side=True)
        threading.Thread(target=listening.serve_forever, daemon=True).start()
        port = listening.server_port
        found = await download_public(f"https://pinned.example:{port}/near", 10_000, allowed=_here)
        assert found == b"picture" * 100
        with pytest.raises(ImageError, match="certificate"):
            await download_public(f"https://other.example:{port}/ok", 10_000, allowed=_here)
        listening.shutdown()


@pytest.mark.parametrize(
    "address",
    "127.0.0.1 10.1.2.3 192.168.0.1 172.16.0.1 169.254.169.254 100.64.0.1 0.0.0.0 224.0.0.1 240.0.0.1 255.255.255.255 "
    "::1 :: fe80::1 fc00::1 fd00:ec2::254 ff02::1 fec0::1 ::ffff:10.0.0.1 ::127.0.0.1 64:ff9b::7f00:1 "
    "2002:7f00:1::1".split(),
)
def test_not_public(address: str) -> None:
    assert not is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8"])
def test_public(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))
