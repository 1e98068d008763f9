"""What comes over the pipe is understood, or refused with `ProtocolError`: never anything else."""

from __future__ import annotations

import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vlmtui.errors import ProtocolError
from vlmtui.session import protocol as m
from vlmtui.session import typed_lenses, wire

VALID = [
    wire.frame(m.Request(1, m.Hello())),
    wire.frame(m.Request(2, m.Read("a.png", b"\x89PNG", "00" * 32, 100))),
    wire.frame(m.Request(3, typed_lenses.words("reading-1", "l2", 8, (1, 2)).body)),
    wire.frame(m.Reply(3, m.Failed("model", "no"))),
    wire.frame(m.Reply(4, m.Progress("reading weights", 1, 2))),
]


def understand(data: bytes) -> None:
    stream = io.BytesIO(data)
    try:
        while (body := wire.read_frame(stream.read)) is not None:
            for decode in (m.decode_request, m.decode_reply):
                try:
                    decode(body)
                except ProtocolError:
                    continue
            m.request_id(body)
    except ProtocolError:
        return


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200))
def test_random_bytes(data):
    understand(data)
    understand(len(data).to_bytes(4, "big") + data)
    with pytest.raises(ProtocolError):
        wire.read_preamble(io.BytesIO(data.replace(wire.PREAMBLE, b"")).read)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(VALID), st.integers(0, 400), st.binary(min_size=1, max_size=4))
def test_spoilt_frames(valid, at, junk):
    at %= len(valid)
    understand(valid[:at])
    understand(valid[:at] + junk + valid[at + len(junk) :])
    understand(valid[:at] + junk + valid[at:])


def test_a_request_has_its_number_whatever_it_asks():
    bodies = [valid[4:] for valid in VALID]
    assert [m.request_id(body) for body in bodies] == [1, 2, 3, 3, 4]
    assert [m.request_id(body[:-1]) for body in bodies] == [None] * 5
    assert m.request_id(bodies[2].replace(b"Compute", b"Compare")) == 3


def test_frames_come_back():
    stream = io.BytesIO(b"motd\r\n" + wire.PREAMBLE + b"".join(VALID[:3]))
    wire.read_preamble(stream.read)
    bodies = [wire.read_frame(stream.read) for _ in range(3)]
    assert [m.decode_request(body).id for body in bodies] == [1, 2, 3]
    assert wire.read_frame(stream.read) is None
