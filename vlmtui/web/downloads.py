"""Downloads from addresses that strangers give: public hosts only, whatever names and redirects say.

A host's name is resolved once, here, and the connection is made to the very address that was checked: a name that
resolves differently the second time (DNS rebinding) gains nothing. Every redirect is checked in the same way.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Callable
from urllib.parse import SplitResult, quote, urljoin, urlsplit, urlunsplit

import httpx2

from vlmtui.errors import ImageError
from vlmtui.images.download import check_no_page

_REDIRECTS = 5
_HEADERS = {
    "User-Agent": "vlmtui",
    "Accept": "image/*,*/*;q=0.5",
    "Accept-Encoding": "identity",
}
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
# forms of IPv6 that lead to an IPv4 address by way of a gateway
_TRANSLATED = tuple(map(ipaddress.ip_network, ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32", "::/96")))


def is_public(address: Address) -> bool:
    """Whether an address is on the internet: not private, loopback, link-local, metadata, multicast or reserved."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return is_public(address.ipv4_mapped)
        if address.is_site_local or any(address in network for network in _TRANSLATED):
            return False
    return address.is_global and not address.is_multicast and not address.is_reserved


async def download_public(
    address: str, max_bytes: int, seconds: float = 20.0, allowed: Callable[[Address], bool] = is_public
) -> bytes:
    """The bytes at an http(s) address, at most `max_bytes`. Raises `ImageError` with one sentence."""
    try:
        # The transport itself, not a client: no proxy, no cookies, no redirect that is not checked here. Connections
        # are not kept: to the pool, two hosts behind one address would be the same, and share a certificate check.
        transport = httpx2.AsyncHTTPTransport(limits=httpx2.Limits(max_keepalive_connections=0))
        async with asyncio.timeout(seconds), transport:
            return await _follow(transport, address, max_bytes, allowed)
    except TimeoutError:
        raise ImageError(f"{address} did not answer within {seconds:g} s: try again later") from None
    except (httpx2.TransportError, httpx2.InvalidURL, OSError, ValueError) as error:
        why = " ".join(str(error).split()) or type(error).__name__
        raise ImageError(f"{address} cannot be fetched ({why[:120]}): check the address") from None


async def _follow(
    transport: httpx2.AsyncHTTPTransport, address: str, max_bytes: int, allowed: Callable[[Address], bool]
) -> bytes:
    """The bytes at the end of an address's redirects."""
    at = address
    for _ in range(_REDIRECTS + 1):
        parts = urlsplit(at)
        if parts.scheme.lower() not in ("http", "https") or not parts.hostname:
            raise ImageError(f"{at}: only http and https addresses are read")
        if parts.username is not None:
            raise ImageError("an address with a user name is not read: leave the user name out")
        response = await _get(transport, urlsplit(_ascii(at)), allowed)
        try:
            if response.status_code in (301, 302, 303, 307, 308):
                at = urljoin(at, response.headers.get("Location", ""))
                continue
            if response.status_code != 200:
                raise ImageError(f"{address} answered {response.status_code}: check the address")
            data = bytearray()
            async for block in response.aiter_raw():
                data += block
                if len(data) > max_bytes:
                    raise ImageError(f"{address} is larger than {max_bytes / (1 << 20):.3g} MiB: give a smaller image")
            check_no_page(bytes(data), address)
            return bytes(data)
        finally:
            await response.aclose()
    raise ImageError(f"{address} redirects more than {_REDIRECTS} times: check the address")


async def _get(
    transport: httpx2.AsyncHTTPTransport, parts: SplitResult, allowed: Callable[[Address], bool]
) -> httpx2.Response:
    """The answer of the first of a host's addresses that can be connected to; its body is not read yet."""
    assert parts.hostname is not None
    port = f":{parts.port}" if parts.port is not None else ""
    name = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    addresses = await _resolve(parts.hostname, allowed)
    for last, address in enumerate(addresses, 1 - len(addresses)):
        host = f"[{address}]" if address.version == 6 else str(address)
        request = httpx2.Request(
            "GET",
            parts._replace(netloc=host + port).geturl(),
            headers={**_HEADERS, "Host": name + port},
            extensions={"sni_hostname": parts.hostname},  # the certificate must be that of the name
        )
        try:
            return await transport.handle_async_request(request)
        except (httpx2.ConnectError, httpx2.ConnectTimeout):
            if not last:
                raise
    raise AssertionError("an address was given")


async def _resolve(host: str, allowed: Callable[[Address], bool]) -> list[Address]:
    """The addresses of a host. `ImageError` where it has none, or one of them is not allowed."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise ImageError(f"{host} cannot be found: check the address") from None
    addresses = [ipaddress.ip_address(str(one[4][0]).partition("%")[0]) for one in found]
    if not addresses or not all(map(allowed, addresses)):
        raise ImageError(f"{host} is not a public host: give an address on the internet, or upload the file")
    return addresses


def _ascii(address: str) -> str:
    """An address as it is sent: letters beyond ASCII in a host by IDNA, elsewhere percent-encoded."""
    parts = urlsplit(address.strip())
    host = (parts.hostname or "").encode("idna").decode("ascii") if not (parts.hostname or "").isascii() else ""
    netloc = f"{host}:{parts.port}" if host and parts.port else host or parts.netloc
    safe = "/%:=&?~#+!$,;'@()*[]"
    return urlunsplit((parts.scheme.lower(), netloc, quote(parts.path, safe), quote(parts.query, safe), ""))
