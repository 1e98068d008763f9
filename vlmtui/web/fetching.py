"""A picture from an address that a stranger gave: public hosts only, whatever names and redirects say.

The address that is connected to is the one that was checked, so a name that resolves differently the second time
(DNS rebinding) gains nothing, and every redirect is a connection that is checked again.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpcore2 as httpcore
from httpcore2 import AsyncNetworkBackend, AsyncNetworkStream

from vlmtui.errors import ImageError

_REDIRECTS = 5
_HEADERS: dict[bytes | str, bytes | str] = {
    "User-Agent": "vlmtui",
    "Accept": "image/*,*/*;q=0.5",
    "Accept-Encoding": "identity",
}
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
# forms of IPv6 that lead to an IPv4 address by way of a gateway
_TRANSLATED = tuple(map(ipaddress.ip_network, ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32", "::/96")))


def public(address: Address) -> bool:
    """Whether anybody may be sent there: no private, loopback, link-local, metadata, multicast or reserved address."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return public(address.ipv4_mapped)
        if address.is_site_local or any(address in network for network in _TRANSLATED):
            return False
    return address.is_global and not address.is_multicast and not address.is_reserved


class Checked(AsyncNetworkBackend):
    """Connects to a host's address after `allowed` has agreed to all that its name stands for."""

    def __init__(self, allowed: Callable[[Address], bool] = public) -> None:
        self._allowed, self._inner = allowed, httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> AsyncNetworkStream:
        """A connection to the first of the host's addresses that answers. `ImageError` where one is not allowed."""
        loop = asyncio.get_running_loop()
        try:
            found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            raise ImageError(f"{host} is not known: check the address") from None
        addresses = [str(one[4][0]).partition("%")[0] for one in found]
        if not addresses or not all(self._allowed(ipaddress.ip_address(address)) for address in addresses):
            raise ImageError(f"{host} is not a public host: give an address on the internet, or upload the file")
        for last, address in enumerate(addresses, 1 - len(addresses)):
            try:
                return await self._inner.connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                if not last:
                    raise
        raise AssertionError("there was an address")


async def fetch(
    address: str, max_bytes: int, seconds: float = 20.0, allowed: Callable[[Address], bool] = public
) -> bytes:
    """What is at an http(s) address. Raises `ImageError` with one sentence."""
    try:
        async with (
            asyncio.timeout(seconds),
            httpcore.AsyncConnectionPool(network_backend=Checked(allowed), http2=False) as pool,
        ):
            return await _followed(pool, address, max_bytes)
    except TimeoutError:
        raise ImageError(f"{address} did not answer within {seconds:g} s: try again later") from None
    except (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError, OSError, ValueError) as error:
        why = " ".join(str(error).split()) or type(error).__name__
        raise ImageError(f"{address} cannot be fetched ({why[:120]}): check the address") from None


async def _followed(pool: httpcore.AsyncConnectionPool, address: str, max_bytes: int) -> bytes:
    at = address
    for _ in range(_REDIRECTS + 1):
        parts = urlsplit(at)
        if parts.scheme.lower() not in ("http", "https") or not parts.hostname:
            raise ImageError(f"{at}: only http and https addresses are read")
        if parts.username is not None:
            raise ImageError("an address with a user name is not read: leave that out")
        async with pool.stream("GET", httpcore.URL(_ascii(at)), headers=_HEADERS) as response:
            if response.status in (301, 302, 303, 307, 308):
                to = {name.lower(): value for name, value in response.headers}.get(b"location", b"")
                at = urljoin(at, to.decode("latin-1"))
                continue
            if response.status != 200:
                raise ImageError(f"{address} answered {response.status}: check the address")
            data = bytearray()
            async for block in response.aiter_stream():
                data += block
                if len(data) > max_bytes:
                    raise ImageError(
                        f"{address} is larger than {max_bytes / (1 << 20):.3g} MiB: give a smaller picture"
                    )
            return bytes(data)
    raise ImageError(f"{address} redirects more than {_REDIRECTS} times: check the address")


def _ascii(address: str) -> str:
    """An address as it is sent: letters beyond ASCII in a host by IDNA, elsewhere percent-encoded."""
    from urllib.parse import quote, urlunsplit

    parts = urlsplit(address.strip())
    host = (parts.hostname or "").encode("idna").decode("ascii") if not (parts.hostname or "").isascii() else ""
    netloc = f"{host}:{parts.port}" if host and parts.port else host or parts.netloc
    safe = "/%:=&?~#+!$,;'@()*[]"
    return urlunsplit((parts.scheme.lower(), netloc, quote(parts.path, safe), quote(parts.query, safe), ""))
