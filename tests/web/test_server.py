"""The server from start to end: what keeps it from listening."""

from __future__ import annotations

import socket

import pytest

from vlmtui.errors import VlmtuiError
from vlmtui.query.options import LoadOptions
from vlmtui.web.server import run_server
from vlmtui.web.server_limits import ServerLimits


def test_a_port_that_is_taken_is_no_matter_of_words() -> None:
    said: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(VlmtuiError, match=f"cannot listen on 127.0.0.1, port {port} .*: choose another") as refused:
            run_server(
                LoadOptions("demo"), ("demo",), "127.0.0.1", port, None, ServerLimits(1, 1, 1.0, 1, 1), said.append
            )
    assert refused.value.exit_status == 1
    assert said == []
