"""What a session answers ends whoever waits for it, however wrong; what can go on goes on, and is said to."""

from __future__ import annotations

import gc
import os
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from vlmtui.errors import ProtocolError, SessionError
from vlmtui.session import daemon, engine, wire
from vlmtui.session import protocol as m
from vlmtui.session.client import SessionClient
from vlmtui.session.connection import Connection
from vlmtui.session.server import SessionServer
from vlmtui.session.transport import SocketLink

WAIT = 20  # seconds; only a failure takes that long
Answer = Callable[[m.Request], bytes]


def reply(number: int, body: Any) -> bytes:
    return wire.frame(m.Reply(number, body))


def unknown(number: int) -> bytes:
    body = msgspec.msgpack.encode({"id": number, "body": {"type": "Telegram", "text": "stop"}})
    return len(body).to_bytes(4, "big") + body


@pytest.fixture
def client_of() -> Iterator[Callable[[Answer], SessionClient]]:
    """A client of a session that greets, and then answers as it is told."""
    clients = []

    def made(answer: Answer) -> SessionClient:
        ours, theirs = socket.socketpair()

        def serve() -> None:
            read = theirs.makefile("rb").read
            theirs.sendall(wire.PREAMBLE)
            wire.read_preamble(read)
            while (body := wire.read_frame(read)) is not None:
                request = m.decode_request(body)
                greeting = m.Welcome(wire.VERSION, "0", os.getpid(), "log")
                theirs.sendall(reply(request.id, greeting) if isinstance(request.body, m.Hello) else answer(request))
            theirs.close()

        threading.Thread(target=serve, daemon=True).start()
        clients.append(SessionClient(SocketLink(ours)))
        return clients[-1]

    yield made
    for client in clients:
        client.close()


def one_wrong(wrong: Callable[[int], bytes]) -> Answer:
    """The first answer is wrong, all others are right."""
    asked: list[int] = []

    def answer(request: m.Request) -> bytes:
        asked.append(request.id)
        status = m.Status(1, None, 0, 0, 0, None, None, (), "", 1, 0.0)
        return wrong(request.id) if len(asked) == 1 else reply(request.id, status)

    return answer


@pytest.mark.parametrize("wrong", [unknown, lambda number: reply(number, m.Done())], ids=["unknown", "of another kind"])
def test_an_answer_that_cannot_be_understood_fails_its_question_alone(
    wrong: Callable[[int], bytes], client_of: Callable[[Answer], SessionClient]
) -> None:
    client = client_of(one_wrong(wrong))
    with pytest.raises(ProtocolError, match="could not be understood"):
        client.classes("reading-1", 3).result(WAIT)
    assert client.status().result(WAIT).pid == 1
    assert client.alive


def test_a_mistake_in_unpacking_ends_the_future(client_of: Callable[[Answer], SessionClient]) -> None:
    client = client_of(one_wrong(lambda number: reply(number, m.Done())))

    def unpack(_: Any) -> Any:
        raise AssertionError("neither here nor there")

    with pytest.raises(ProtocolError, match="AssertionError: neither here nor there"):
        client.ask(m.AskStatus(), unpack).result(WAIT)
    assert client.status().result(WAIT).pid == 1


def test_what_has_no_id_ends_the_connection_and_everybody_who_waits(
    client_of: Callable[[Answer], SessionClient],
) -> None:
    client = client_of(lambda request: b"\0\0\0\x02hi")
    with pytest.raises(SessionError, match=r"the warm session .* cannot be used: a message could not be understood"):
        client.status().result(WAIT)
    with pytest.raises(SessionError, match=r"^the connection to the warm session has ended: the warm session "):
        client.status().result(WAIT)


def test_a_fault_of_the_reader_itself_ends_everybody_who_waits(
    client_of: Callable[[Answer], SessionClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: bytes) -> m.Reply:
        raise MemoryError("no room for the frame")

    client = client_of(one_wrong(unknown))
    client.welcome.result(WAIT)
    monkeypatch.setattr(m, "decode_reply", broken)
    with pytest.raises(SessionError, match="MemoryError: no room for the frame"):
        client.status().result(WAIT)


def test_a_live_session_is_not_said_to_have_ended(warm_session: None) -> None:
    link = SocketLink(daemon.connect_socket())  # type: ignore[arg-type]
    client = SessionClient(link)
    client.welcome.result(WAIT)
    link.write(b"\0\0\0\x02hi")  # after which the session closes the connection
    client._reader.join(WAIT)
    with pytest.raises(SessionError, match=r"the warm session \(process \d+\) goes on, but closed this connection"):
        client.status().result(WAIT)
    other = SessionClient(SocketLink(daemon.connect_socket()))  # type: ignore[arg-type]
    assert other.status().result(WAIT).pid == link.pid
    other.close()


def test_a_warm_session_that_was_killed_says_what_to_do(tmp_path: Path) -> None:
    ours, theirs = socket.socketpair()
    link = SocketLink(ours)
    link.pid, link.log = 2**22 + 1, tmp_path / "session.log"  # no process has this number
    link.log.write_text("vlmtui session: ready\n")
    assert " has ended: run the command again; its log is " in link.why(None)
    ours.close()
    theirs.close()


def test_a_request_whose_body_is_not_known_is_answered_and_the_session_lives() -> None:
    ours, theirs = socket.socketpair()
    server = SessionServer("log", private=False, end=lambda status: None)
    threading.Thread(target=server.serve, args=(Connection.over_socket(theirs),), daemon=True).start()
    read = ours.makefile("rb").read
    wire.read_preamble(read)
    ours.sendall(wire.PREAMBLE + unknown(5) + wire.frame(m.Request(6, m.AskStatus())))
    first, second = (m.decode_reply(wire.read_frame(read) or b"") for _ in range(2))
    assert (first.id, type(first.body), second.id, type(second.body)) == (5, m.Failed, 6, m.Status)
    ours.close()


def test_torch_is_imported_without_collections_which_go_on_afterwards(monkeypatch: pytest.MonkeyPatch) -> None:
    during = []
    monkeypatch.setattr(engine, "Engine", lambda: during.append(gc.isenabled()))
    monkeypatch.setattr(gc, "freeze", lambda: during.append(gc.isenabled()))
    SessionServer("log", private=True)._import()
    assert during == [False, False]
    assert gc.isenabled()
