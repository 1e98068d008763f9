"""What is of another type than the protocol's is refused by itself: no session and no other question ends for it."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any, Literal

import msgspec
import numpy as np
import pytest

from tests.session.test_client import WAIT
from vlmtui.errors import ProtocolError, UsageError
from vlmtui.images.image_file import ImageFile
from vlmtui.lenses.validation import mismatch, validated
from vlmtui.session import protocol as m
from vlmtui.session import wire
from vlmtui.session.client import SessionClient
from vlmtui.session.typed_lenses.values import Find
from vlmtui.session.wire import decoder

READ = {"source": "a.png", "data": b"\x89PNG", "sha256": "", "max_pixels": 1}


class Within(msgspec.Struct):
    """Stands for messages of whatever kind."""

    name: str
    share: float | None = None
    many: tuple[int, ...] = ()
    marks: dict[str, int] = {}
    numbers: np.ndarray[Any, np.dtype[np.float32]] | None = None
    kind: Literal["softmax", "sigmoid"] = "softmax"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (Within(7), "name must be str, not int"),  # type: ignore[arg-type]
        (Within(None), "name must be str, not None"),  # type: ignore[arg-type]
        (Within(object()), "name must be str, not object"),  # type: ignore[arg-type]
        (Within("a", "x"), "share must be float or None, not str"),  # type: ignore[arg-type]
        (Within("a", 10**400), "share cannot be sent: number out of range"),
        (Within("a", many=3), "many must be a list of int, not int"),  # type: ignore[arg-type]
        (Within("a", many=(1, 2.5)), r"many\[1\] must be int, not float"),  # type: ignore[arg-type]
        (Within("a", many=(True,)), r"many\[0\] must be int, not bool"),
        (Within("a", many=(np.float64(2),)), r"many\[0\] must be int, not float64"),  # type: ignore[arg-type]
        (Within("a", marks={"b": "c"}), "marks cannot be sent: expected `int`, got `str`"),  # type: ignore[dict-item]
        (Within("a", numbers="x"), "numbers must be ndarray or None, not str"),  # type: ignore[arg-type]
        (Within("a", kind="x"), "kind must be 'softmax' or 'sigmoid', not 'x'"),  # type: ignore[arg-type]
        (m.Read(**READ | {"prompt": 7}), "prompt must be str or None, not int"),  # type: ignore[arg-type]
    ],
)
def test_a_sentence_names_what_is_wanted_and_what_was_given(given: msgspec.Struct, said: str) -> None:
    with pytest.raises(UsageError, match=f"^{said}$"):
        validated(given)


def test_what_numpy_counts_with_is_a_number() -> None:
    text = np.array(["a"])[0]
    given = Within(text, np.float32(0.5), (np.int64(3), np.uint8(4)))  # type: ignore[arg-type]
    assert validated(given) == Within("a", 0.5, (3, 4))
    assert decoder(Within).decode(wire.frame(given)[4:]) == Within("a", 0.5, (3, 4))
    assert validated(m.Hello(resume=np.bool_(True))) == m.Hello(resume=True)  # type: ignore[arg-type]


def test_a_picture_is_not_copied_to_look_at_what_is_beside_it() -> None:
    data = bytes(1 << 20)
    one = validated(m.Request(1, m.Read(**READ | {"data": data})))  # type: ignore[arg-type]
    assert isinstance(one.body, m.Read)
    assert one.body.data is data
    many = validated(m.Request(1, m.ReadMany((ImageFile("a", data, ""),), "tokens", "l2", 1)))
    assert isinstance(many.body, m.ReadMany)
    assert many.body.pictures[0].data is data


def test_a_dictionary_s_entries_have_names_too() -> None:
    given = {"name": "a", "many": [1, "b"]}
    with pytest.raises(msgspec.ValidationError) as raised:
        msgspec.convert(given, Within)
    assert str(mismatch(raised.value, given, Within)) == "many[1] must be int, not str"


@pytest.fixture
def client() -> Iterator[SessionClient]:
    """A session that nothing was loaded in: what it answers at once needs no model."""
    client = SessionClient.start()
    yield client
    client.close()


def test_nothing_of_it_is_sent_and_the_session_goes_on(client: SessionClient) -> None:
    endless: list[Any] = []
    endless.append(endless)
    wrong: list[tuple[Any, str]] = [
        (m.Cancel("x"), "target must be int, not str"),  # type: ignore[arg-type]
        (m.Load("a", revision=endless), "the request cannot be sent: "),  # type: ignore[arg-type]
        (m.Cancel(1 << 70), "the request cannot be sent: a number in it has more than 64 bits: give a smaller one"),
        (m.Load("\ud800"), "the request cannot be sent: "),
        (Find("a"), "body must be Hello, "),
        ("anything", "body must be Hello, "),
    ]
    for body, said in wrong:
        asked: Future[Any] = client.ask(body, lambda done: done)
        error = asked.exception(WAIT)
        assert isinstance(error, UsageError)
        assert str(error).startswith(said)
    assert client.status().result(WAIT).pid == client.pid
    assert "not understood" not in Path(str(client.log)).read_text()


def replied(array: Any) -> m.Reply:
    body = {"type": "Computed", "result": {"type": "scalars", "values": array}}
    return m.decode_reply(msgspec.msgpack.encode({"id": 1, "body": body}))


def test_what_is_no_array_is_no_answer() -> None:
    good = replied(["<f4", [1], bytes(4)]).body
    assert isinstance(good, m.Computed)
    assert good.result.name == "Scalars"
    for array in (["<f4", [1 << 63, 3], bytes(4)], ["|O", [1], bytes(8)], ["<f4", [3], bytes(4)], ["<f4"], 7):
        with pytest.raises(ProtocolError, match="could not be understood"):
            replied(array)


def frame(**fields: Any) -> bytes:
    body = msgspec.msgpack.encode(fields)
    return struct.pack(">I", len(body)) + body


def test_a_private_session_answers_what_it_does_not_understand_and_goes_on(tmp_path: Path) -> None:
    """Where a front end sends what it should not, as one of another version may."""
    log = tmp_path / "log"
    strange = [
        {"type": "Cancel", "target": "x"},
        {"type": "NotYetInvented", "more": [1, 2]},
        {"type": "Compute", "lens": "pca", "reading": "reading-1", "stage": "tokens"},
        {"type": "Compute", "lens": ["pca"], "options": [["to", 1 << 63]]},
        "nothing",
        None,
    ]
    sent = b"".join(frame(id=i, body=body) for i, body in enumerate(strange, 1))
    status = wire.frame(m.Request(99, m.AskStatus()))
    session = subprocess.Popen(
        [sys.executable, "-m", "vlmtui.session", "--log", str(log)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=os.environ,
    )
    assert session.stdin is not None
    assert session.stdout is not None
    with session.stdin, session.stdout:
        session.stdin.write(wire.PREAMBLE + sent + frame(id=50) + status)
        session.stdin.flush()
        wire.read_preamble(session.stdout.read)
        replies = []
        for _ in range(len(strange) + 2):
            body = wire.read_frame(session.stdout.read)
            assert body is not None
            replies.append(m.decode_reply(body))
        for number, reply in zip([*range(1, len(strange) + 1), 50], replies, strict=False):
            assert reply.id == number
            assert isinstance(reply.body, m.Failed)
            assert reply.body.kind == ProtocolError.kind
        assert replies[-1].id == 99
        assert isinstance(replies[-1].body, m.Status)
        # what has no number can be answered to nobody
        session.stdin.write(frame(body={"type": "AskStatus"}))
        session.stdin.flush()
        assert session.wait(WAIT) == 2
    assert "something other than the protocol" in log.read_text()
