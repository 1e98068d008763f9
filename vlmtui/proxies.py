"""Proxies: the one that the environment names for an address, and what to do where it wants a login."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

LOGIN_STATUS = 407


@dataclass(frozen=True)
class Proxy:
    """A proxy: its address without name and password, the variable that it is in, and whether that has a login."""

    shown: str
    variable: str
    has_login: bool

    @property
    def login_advice(self) -> str:
        """What to do where it answers that it wants a login."""
        if self.has_login:
            return f"correct the name and the password in {self.variable}"
        return f"put them into {self.variable}, as in http://NAME:PASSWORD@HOST:PORT"


def proxy_for(address: str) -> Proxy | None:
    """The proxy that the environment or the system names for an address; None for none."""
    parts = urlsplit(address)
    if proxy_bypass(parts.netloc.rpartition("@")[2]):
        return None
    proxies = getproxies()
    for kind in (parts.scheme.lower(), "all"):
        if proxy := proxies.get(kind):
            scheme, mark, rest = proxy.rpartition("://")
            login, _, host = rest.rpartition("@")
            return Proxy(f"{scheme}{mark}{host}", f"{kind.upper()}_PROXY", bool(login))
    return None


def wants_login(reason: object) -> bool:
    """Whether an error is a proxy's answer that it wants a login, to a request for a connection through it."""
    return str(reason).startswith(str(LOGIN_STATUS))
