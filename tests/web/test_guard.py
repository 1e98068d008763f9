"""Origins and hosts: what is no address at all is another site's, and never an error of the server."""

from __future__ import annotations

import pytest
from starlette.requests import Request

from vlmtui.web.guard import Guard
from vlmtui.web.refusals import RefusedError


def request(**headers: str) -> Request:
    named = {"host": "localhost:8000"} | headers
    raw = [(name.replace("_", "-").encode(), value.encode("latin-1")) for name, value in named.items()]
    return Request({"type": "http", "method": "POST", "path": "/", "headers": raw, "query_string": b""})


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://["},
        {"origin": "http://[::1"},
        {"origin": "http://[v1.x]:1"},
        {"origin": "null"},
        {"origin": ""},
        {"origin": "http://localhost:8000@evil"},
        {"origin": "http://\u00e9"},
        {"host": "["},
        {"host": "[::1"},
        {"host": "evil.example"},
        {"host": ""},
        {"sec_fetch_site": "cross-site"},
    ],
    ids=str,
)
def test_they_are_refused(headers: dict[str, str]) -> None:
    with pytest.raises(RefusedError) as refused:
        Guard("127.0.0.1", None).check_origin(request(**headers))
    assert refused.value.status == 403


@pytest.mark.parametrize("headers", [{}, {"origin": "http://localhost:8000"}, {"host": "[::1]:8000"}], ids=str)
def test_the_server_s_own_are_not(headers: dict[str, str]) -> None:
    Guard("127.0.0.1", None).check_origin(request(**headers))
