"""Download of an image from an http(s) address, within limits. Nothing but http and https, also after a redirect."""

from __future__ import annotations

import re
import socket
import threading
import time
from contextlib import suppress
from typing import Any
from urllib.parse import SplitResult, urljoin, urlsplit, urlunsplit

import httpx2

from vlmtui.errors import ImageError, connection_reason, one_line
from vlmtui.images.file_kinds import WEB_PAGE, kind_of
from vlmtui.images.paths import without_password
from vlmtui.proxies import LOGIN_STATUS, proxy_for, wants_login

TIMEOUT_S = 20.0
LONGEST_S = 300.0
"""Seconds that all of it may take, redirects and headers included."""
_REDIRECTS = 10
_BY_HAND = "download the image in a browser, and give the file"
_SCHEMES = ("http", "https")
# with another encoding, the bytes would not be those of the file
_HEADERS = {"User-Agent": "vlmtui", "Accept-Encoding": "identity"}


def download(address: str, max_bytes: int) -> bytes:
    """The bytes at `address`, at most `max_bytes`. Raises `ImageError` with one sentence when there are none."""
    shown = without_password(address)
    try:
        parts = urlsplit(address)
        if parts.scheme.lower() not in _SCHEMES:
            raise ImageError(f"{shown}: only http and https addresses are read: for a file, give its path")
        if not parts.hostname:
            raise ImageError(f"{shown} cannot be reached (it names no host): check the address")
        _check_port(parts, shown)
        with _client() as client, _Cutoff(shown) as cutoff:
            return _follow(client, parts.geturl(), shown, max_bytes, cutoff)
    except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.ProxyError) as error:
        reason, proxy = connection_reason(error), proxy_for(address)
        if wants_login(reason):
            raise ImageError(_proxy_login(shown, address)) from error
        through, check = (f" through the proxy {proxy.shown}", "the proxy's settings") if proxy else ("", "it")
        raise ImageError(f"{shown} cannot be reached{through} ({reason}): check {check} and the network") from error
    except httpx2.TimeoutException as error:
        raise ImageError(f"{shown} did not answer within {TIMEOUT_S:.0f} s: try again later") from error
    except (httpx2.ReadError, httpx2.RemoteProtocolError) as error:
        advice = "check the address" if parts.scheme.lower() == "https" else "check the address, https:// may do"
        raise ImageError(f"{shown} gives no answer of http ({one_line(error)}): {advice}") from error
    except (httpx2.HTTPError, httpx2.InvalidURL, OSError, ValueError) as error:
        raise ImageError(f"{shown} cannot be fetched ({one_line(error)}): check the address") from error


def _follow(client: httpx2.Client, at: str, shown: str, max_bytes: int, cutoff: _Cutoff) -> bytes:
    """The bytes at the end of an address's redirects. Raises `ImageError`, and errors of httpx."""
    for left in reversed(range(_REDIRECTS + 1)):
        with client.stream("GET", at, extensions={"trace": cutoff.watch}) as response:
            to = response.headers.get("Location", "")
            if not response.has_redirect_location:
                return _body(response, shown, max_bytes, cutoff)
        if not left:
            raise ImageError(f"{shown} redirects more than {_REDIRECTS} times: check the address")
        if urlsplit(to).scheme.lower() not in ("", *_SCHEMES):
            to = without_password(to)
            raise ImageError(f"{shown} redirects to {to}: only http and https addresses are read")
        at = urljoin(at, to)
        _check_port(urlsplit(at), f"{shown} redirects to {without_password(at)}, which")
    raise AssertionError("the last answer is returned or refused")


def _check_port(parts: SplitResult, subject: str) -> None:
    """Raise `ImageError` for a port that no host has; the system's own sentence would be about something else."""
    try:
        if parts.port != 0:
            return
    except ValueError:
        pass
    port = parts.netloc.rpartition(":")[2]
    raise ImageError(f"{subject} has the port {port}, and ports are numbers from 1 to 65535: check the address")


class _Cutoff:
    """Context manager that ends the connections of a download after `LONGEST_S`, and says so.

    The limits of httpx are those of each read: a server that sends its headers drop by drop has no end there.
    """

    def __init__(self, address: str) -> None:
        self._address = address
        self._end = time.monotonic() + LONGEST_S
        self._timer = threading.Timer(LONGEST_S, self._cut)
        self._timer.daemon = True
        self._sockets: list[socket.socket] = []

    def watch(self, event: str, info: dict[str, Any]) -> None:
        """Note a new connection: the `trace` of a request."""
        if event.endswith(("connect_tcp.complete", "start_tls.complete")):
            self._sockets.append(info["return_value"].get_extra_info("socket"))
            self.check()

    def check(self) -> None:
        """Raise `ImageError` once the time is over."""
        if time.monotonic() >= self._end:
            raise ImageError(f"{self._address} was not all there within {LONGEST_S:.0f} s: {_BY_HAND}") from None

    def _cut(self) -> None:
        for connected in tuple(self._sockets):
            with suppress(OSError):  # closed, or its place taken by one with TLS
                connected.shutdown(socket.SHUT_RDWR)

    def __enter__(self) -> _Cutoff:
        self._timer.start()
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        self._timer.cancel()
        if isinstance(error, httpx2.HTTPError):  # what a connection that was cut looks like
            self.check()


def _client() -> httpx2.Client:
    """A client that uses the environment's proxies. `ImageError` for a proxy of a kind that is not known."""
    try:
        return httpx2.Client(headers=_HEADERS, timeout=TIMEOUT_S)
    except (ValueError, httpx2.InvalidURL) as error:
        raise ImageError(
            f"the proxy cannot be used ({one_line(error)}): check ALL_PROXY, HTTP_PROXY and HTTPS_PROXY"
        ) from error
    except OSError as error:  # httpx reads the certificates when it makes a client
        raise ImageError(
            f"the certificates for https cannot be read ({one_line(error)}): check SSL_CERT_FILE and SSL_CERT_DIR"
        ) from error


def _proxy_login(shown: str, address: str) -> str:
    """The sentence about a proxy that wants a login, or another one than it was given."""
    proxy = proxy_for(address)
    where = f"the proxy {proxy.shown}" if proxy else "a proxy"
    advice = proxy.login_advice if proxy else _BY_HAND
    return f"{shown} cannot be reached, since {where} wants a name and a password: {advice}"


def _body(response: httpx2.Response, address: str, max_bytes: int, cutoff: _Cutoff) -> bytes:
    """The body of a successful answer; `ImageError` for another answer, and for one that is too long or too short."""
    if response.status_code == LOGIN_STATUS:
        raise ImageError(_proxy_login(address, str(response.url)))
    if not response.is_success:
        reason = f" {one_line(phrase)}" if (phrase := response.reason_phrase.strip()) else ""  # many leave it out
        raise ImageError(f"{address} answered {response.status_code}{reason}: {_advice(response.status_code)}")
    encoding = response.headers.get("Content-Encoding", "identity").strip().lower()
    if encoding not in ("", "identity"):
        raise ImageError(f"{address} answered a compressed image ({encoding}), which was not asked for: {_BY_HAND}")
    blocks: list[bytes] = []
    size = 0
    try:
        for block in response.iter_raw():
            size += len(block)
            if size > max_bytes:
                raise ImageError(f"{address} is larger than {max_bytes >> 20} MiB: download it and make it smaller")
            cutoff.check()
            blocks.append(block)
        cutoff.check()  # a body without a length ends where its connection does
    except httpx2.RemoteProtocolError:
        cutoff.check()
        length = response.headers.get("Content-Length", "")
        if not length.isdecimal():
            if not size:
                raise
            raise ImageError(f"{address} was cut short: try again") from None
        missing = int(length) - size
        raise ImageError(f"{address} was cut short, {missing:,} bytes are missing: try again") from None
    data = b"".join(blocks)
    check_no_page(data, address)
    return data


def _advice(status: int) -> str:
    """What to do about a status that is no success."""
    if status in (401, 403):
        return f"it wants a login; {_BY_HAND}"
    return "try again later" if status == 429 or status >= 500 else "check the address"


def check_no_page(data: bytes, address: str) -> None:
    """Raise `ImageError` where an address has answered a web page; the address of the file is named where it is known.

    Hubs, code hosts and wikis show a file in a page of its own.
    """
    if kind_of(data) is not WEB_PAGE:
        return
    file = file_address(address)
    advice = f"the file itself is at {file}" if file else "give the address of the image itself"
    raise ImageError(f"{address} answered a web page, not an image: {advice}")


def file_address(page: str) -> str:
    """The address of the file that a page of a hub, a code host, a wiki or a drive shows; "" where it is not known."""
    parts = urlsplit(page)
    host = (parts.hostname or "").lower()
    path = parts.path
    if host.endswith(("huggingface.co", "hf.co")):
        path = path.replace("/blob/", "/resolve/", 1)
    elif host.endswith("dropbox.com"):
        return urlunsplit(parts._replace(query="dl=1")) if parts.query != "dl=1" else ""
    elif host == "drive.google.com" and (found := re.match(r"/file/d/([\w-]+)", path)):
        return f"https://drive.google.com/uc?export=download&id={found[1]}"
    elif "/blob/" in path:
        path = path.replace("/blob/", "/raw/", 1)
    elif re.match(r"/[^/]+/[^/]+/src/", path):  # Bitbucket, Gitea
        path = path.replace("/src/", "/raw/", 1)
    elif found := re.match(r"(.*/wiki/)(?:File|Datei|Fichier|Archivo|Image):(.+)", path, re.IGNORECASE):
        path = f"{found[1]}Special:FilePath/{found[2]}"
    return urlunsplit(parts._replace(path=path, query="", fragment="")) if path != parts.path else ""
