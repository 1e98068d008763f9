"""What a request sends, read as it comes."""

from __future__ import annotations

import pytest
from starlette.requests import Request
from starlette.types import Message

from vlmtui.web.refusals import RefusedError
from vlmtui.web.uploads import parse_request, read_token


@pytest.mark.parametrize("piece", [1 << 9, 1 << 12, 1 << 17])
async def test_a_form_too_long_for_a_token_is_so_however_it_arrives(piece: int) -> None:
    body = b'--x\r\nContent-Disposition: form-data; name="token"\r\n\r\n' + b"a" * 100_000 + b"\r\n--x--\r\n"
    pieces = [body[i : i + piece] for i in range(0, len(body), piece)]

    async def receive() -> Message:
        part = pieces.pop(0)
        return {"type": "http.request", "body": part, "more_body": bool(pieces)}

    headers = [(b"content-type", b"multipart/form-data; boundary=x")]
    request = Request({"type": "http", "method": "POST", "headers": headers}, receive)
    with pytest.raises(RefusedError) as refused:
        await read_token(request)
    assert refused.value.status == 413


def test_words_are_picked_by_omp_as_the_server_before_it_does() -> None:
    """Whatever the default metric elsewhere is; the names of the metrics are that server's, too."""
    assert parse_request({}, ("demo",)).metric == "omp"
    names = {"omp": "omp", "ompp": "omp-positive", "l2": "l2", "cosine": "cosine", "dot": "dot"}
    assert {name: parse_request({"similarity": name}, ("demo",)).metric for name in names} == names
