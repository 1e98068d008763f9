"""The bytes behind an http(s) address, within limits. Nothing but http and https, also after a redirect."""

from __future__ import annotations

import urllib.error
import urllib.request
from http.client import HTTPException
from typing import Any
from urllib.parse import urlsplit

from vlmtui.errors import ImageError

TIMEOUT_S = 20.0
_BLOCK = 1 << 20
_SCHEMES = ("http", "https")


class _HttpOnly(urllib.request.HTTPRedirectHandler):
    """A server must not be able to point us at `file:`."""

    def redirect_request(self, req: Any, fp: Any, code: Any, msg: Any, headers: Any, newurl: str) -> Any:
        if urlsplit(newurl).scheme.lower() not in _SCHEMES:
            raise ImageError(f"{req.full_url} redirects to {newurl}: only http and https addresses are read")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def fetch(address: str, max_bytes: int) -> bytes:
    """Download `address`, at most `max_bytes`. Raises `ImageError` with one sentence when that cannot be done."""
    try:
        scheme = urlsplit(address).scheme.lower()
        if scheme not in _SCHEMES:
            raise ImageError(f"{address}: only http and https addresses are read: give a file by its path instead")
        request = urllib.request.Request(address, headers={"User-Agent": "vlmtui"})
        with urllib.request.build_opener(_HttpOnly).open(request, timeout=TIMEOUT_S) as response:
            parts: list[bytes] = []
            size = 0
            while block := response.read(_BLOCK):
                size += len(block)
                if size > max_bytes:
                    raise ImageError(f"{address} is larger than {max_bytes >> 20} MiB: fetch and shrink it first")
                parts.append(block)
            # reading in blocks, http.client does not mind that the server hung up early
            if missing := getattr(response, "length", None):
                raise ImageError(f"{address} was cut short, {missing:,} bytes are missing: try again")
            return b"".join(parts)
    except urllib.error.HTTPError as error:
        to = error.headers.get("Location", "") if 300 <= error.code < 400 else ""
        if to and urlsplit(to).scheme.lower() not in ("", *_SCHEMES):
            raise ImageError(f"{address} redirects to {to}: only http and https addresses are read") from error
        raise ImageError(f"{address} answered {error.code} {_line(error.reason)}: check the address") from error
    except urllib.error.URLError as error:
        raise ImageError(f"{address} cannot be reached ({_line(error.reason)}): check it and the network") from error
    except TimeoutError as error:
        raise ImageError(f"{address} did not answer within {TIMEOUT_S:.0f} s: try again later") from error
    except (OSError, ValueError, HTTPException) as error:
        raise ImageError(f"{address} cannot be fetched ({_line(error)}): check the address") from error


def _line(reason: object) -> str:
    """What the library says, in one line."""
    return " ".join(str(reason).split())
