"""Access control: the token; on loopback, programs of this machine and pages that this server itself sent."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import secrets
from urllib.parse import SplitResult, urlsplit

from starlette.requests import Request

from vlmtui.errors import UsageError
from vlmtui.web.refusals import RefusedError

COOKIE = "vlmtui"
SHORTEST = 16


def is_loopback(host: str) -> bool:
    """Whether a server that listens on `host` can be reached from this machine alone."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class Guard:
    """Checks requests to a server that listens on `host`. `UsageError` where everybody could use it."""

    def __init__(self, host: str, token: str | None) -> None:
        if token is not None and (len(token) < SHORTEST or not token.isascii() or not token.isprintable()):
            raise UsageError(f"the token needs at least {SHORTEST} letters and digits: openssl rand -hex 16 makes one")
        if token is None and not is_loopback(host):
            raise UsageError(
                f"--host {host} accepts other machines: give a --token (or VLMTUI_TOKEN), or leave --host out"
            )
        self._token = token
        self._own_names = {host.lower(), "localhost", "127.0.0.1", "::1"} if is_loopback(host) else None
        self.cookie = secrets.token_urlsafe(32)
        """The cookie of a browser in which the token was entered, valid until this server ends."""

    @property
    def asks_token(self) -> bool:
        """Whether a token is needed."""
        return self._token is not None

    def check_origin(self, request: Request) -> None:
        """`RefusedError` 403 for requests that another site makes a browser send (DNS rebinding, cross-site forms)."""
        host = request.headers.get("host", "")
        name = (_parts(f"//{host}") or urlsplit("")).hostname or ""
        if self._own_names is not None and name not in self._own_names:
            raise RefusedError(
                403, "this server was addressed by a name that is not its own: use localhost or 127.0.0.1"
            )
        origin = request.headers.get("origin")
        sent = None if origin is None else _parts(origin)
        if origin is not None and (sent is None or sent.netloc.lower() != host.lower()):
            raise RefusedError(403, "requests from another site are refused: open this server's own page")
        if request.headers.get("sec-fetch-site", "none") not in ("none", "same-origin") and request.method != "GET":
            raise RefusedError(403, "requests from another site are refused: open this server's own page")

    def check_token(self, request: Request) -> None:
        """`RefusedError` 401 without the token or the cookie."""
        if self._token is None:
            return
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and self.is_token(given.strip()):
            return
        if _equal_in_constant_time(request.cookies.get(COOKIE, ""), self.cookie):
            return
        raise RefusedError(401, "a token is needed: send the header Authorization: Bearer TOKEN, or open / and type it")

    def is_token(self, word: str) -> bool:
        """Whether a word is the token."""
        return self._token is not None and _equal_in_constant_time(word, self._token)


def _parts(address: str) -> SplitResult | None:
    """The parts of an address; None for what is none, such as `http://[`."""
    try:
        return urlsplit(address)
    except ValueError:
        return None


def _equal_in_constant_time(one: str, other: str) -> bool:
    """Compare in a time that reveals nothing, not even the length."""
    digests = [hashlib.sha256(word.encode("utf-8", "replace")).digest() for word in (one, other)]
    return hmac.compare_digest(*digests)
