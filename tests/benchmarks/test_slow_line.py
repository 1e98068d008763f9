"""The slow line of the benchmark: what goes over it arrives whole, in order and at its rate, by a clock that is set."""

from __future__ import annotations

import socket
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.slow_line.proxy import SlowProxy
from benchmarks.slow_line.slow_terminal import NEVER, SlowLine, SlowTerminal
from benchmarks.slow_line.throttle import Throttle
from tests.emulator import Emulator

RATE = 1000.0
MANY = bytes(range(256)) * 30


class Clock:
    """A clock that stands still until it is set."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@given(
    st.lists(st.tuples(st.binary(max_size=300), st.floats(0, 0.5)), max_size=20),
    st.sampled_from([None, 50.0, RATE, 12345.6]),
    st.sampled_from([0.0, 0.1, 3.0]),
)
def test_bytes_arrive_whole_and_in_order_never_faster_than_the_rate(
    sent: list[tuple[bytes, float]], rate: float | None, delay: float
) -> None:
    throttle, now, arrivals = Throttle(rate, delay), 7.0, []
    for data, pause in sent:
        throttle.send(data, now)
        now += pause
        arrivals.append((now, throttle.arrived(now)))
    whole = b"".join(data for data, _ in sent)
    assert whole.startswith(b"".join(data for _, data in arrivals))
    # each byte leaves after all before it: that many seconds after the first was sent, and the delay
    count = 0
    for when, data in arrivals:
        count += len(data)
        assert count <= (float("inf") if rate is None else (when - delay - 7.0) * rate + 1e-3) or not data
        assert not data or when >= 7.0 + delay
    # the last has left, at the latest, as long after it was sent as all of them take
    now += delay + (len(whole) / rate if rate else 0.0)
    assert b"".join(data for _, data in arrivals) + throttle.arrived(now) == whole
    assert throttle.is_empty


def test_what_waits_takes_the_room_until_it_has_left() -> None:
    throttle = Throttle(RATE, 5.0, capacity=100)
    assert throttle.room(0.0) == 100
    throttle.send(bytes(100), 0.0)
    assert [throttle.room(now) for now in (0.0, 0.05, 0.1)] == [0, 50, 100]
    # what has left is under way for five seconds, and takes no room
    assert [len(throttle.arrived(now)) for now in (4.9, 5.05, 5.1)] == [0, 50, 50]


def test_a_program_in_the_slow_terminal_writes_no_faster_than_its_line() -> None:
    clock = Clock()
    program = "import sys, tty; tty.setraw(1); sys.stdout.write('x' * 5000 + 'end'); sys.stdout.flush(); input()"
    line = SlowLine(RATE, round_trip=0.2)
    with SlowTerminal([sys.executable, "-c", program], (80, 24), line, clock) as slow:
        while slow.down.is_empty:
            slow.step()
        began = clock.now
        assert slow.count == 0
        for tenth in range(1, 60):
            clock.now = began + tenth / 10
            slow.step(0.02)
            assert slow.count <= 100 * (tenth - 1)
        assert slow.count == 5003
        assert slow.tail.endswith(b"xend")
        assert slow.emulator.shows("xend")


def test_what_is_typed_arrives_half_a_round_trip_later() -> None:
    clock = Clock()
    program = "import os, tty; tty.setraw(0); os.write(1, b'ready'); os.write(1, os.read(0, 9).upper())"
    with SlowTerminal([sys.executable, "-c", program], (80, 24), SlowLine(None, round_trip=0.4), clock) as slow:
        while not slow.emulator.shows("ready"):
            clock.now += 0.2
            slow.step()
        slow.press("key")
        clock.now += 0.1
        slow.step()
        assert not slow.terminal.read(0.1)
        clock.now += 0.1
        slow.step()
        assert slow.terminal.read(5.0) == b"KEY"


@pytest.mark.parametrize(("after", "reply"), [(0.0, True), (3.0, False), (NEVER, False)])
def test_a_terminal_answers_at_once_late_or_never(after: float, reply: bool) -> None:
    clock = Clock()
    program = "import os, tty; tty.setraw(0); os.write(1, b'hello\\x1b[6n'); os.write(1, os.read(0, 9)[1:])"
    with SlowTerminal([sys.executable, "-c", program], (80, 24), SlowLine(answers_after=after), clock) as slow:
        while not slow.emulator.queries:
            slow.step()
        assert bool(slow.terminal.read(0.2)) == reply
        clock.now += 3.0
        slow.step()
        assert bool(slow.terminal.read(0.2)) == (after == 3.0)
        assert bytes(slow.terminal.output) == (b"" if after == NEVER else b"[1;6R")


def test_the_proxy_passes_bytes_on_whole_and_in_order_at_the_rate() -> None:
    clock = Clock()
    with socket.create_server(("127.0.0.1", 0)) as server:
        proxy = SlowProxy(server.getsockname()[1], SlowLine(RATE, round_trip=0.2), clock)
        with socket.create_connection(("127.0.0.1", proxy.port)) as client:
            proxy.step(5.0)
            far, _ = server.accept()
            with far:
                far.sendall(MANY)
                far.shutdown(socket.SHUT_WR)
                client.sendall(b"typed")
                while any(way.throttle.is_empty for way in proxy.directions):
                    proxy.step(5.0)
                began, received = clock.now, b""
                client.settimeout(5.0)
                while len(received) < len(MANY):
                    clock.now += 0.1
                    proxy.step(0.0)
                    due = round(min(len(MANY), max(0.0, (clock.now - began - 0.1) * RATE)))
                    # what the kernel has not handed over yet when there is room for it leaves later
                    count = _waiting(client)
                    assert len(received) + count <= due
                    if count:
                        received += client.recv(count)
                assert received == MANY
                for _ in range(3):
                    clock.now += 0.2
                    proxy.step(0.1)
                assert client.recv(1) == b""
                assert far.recv(9) == b"typed"
                # no faster, and not slower by more than a few steps
                assert len(MANY) / RATE <= clock.now - began <= len(MANY) / RATE + 1.5
        proxy.close()


def _waiting(connection: socket.socket) -> int:
    """How many bytes can be received."""
    connection.setblocking(False)
    try:
        return len(connection.recv(1 << 16, socket.MSG_PEEK))
    except BlockingIOError:
        return 0
    finally:
        connection.settimeout(5.0)


@given(st.lists(st.integers(0, 60), max_size=5), st.booleans())
def test_queries_are_answered_however_they_are_cut(cuts: list[int], unknown: bool) -> None:
    mode = b"\x1b[?2026$p" if unknown else b"\x1b[?25$p"
    written = b"\x1b[2;3Hab\x1b[6n\x1b[c" + mode + b"\x1b]11;?\x07\x1b[5n\x1b[<u\x1bP>|name\x1b\\c\x1b[?6n"
    emulator, replies, before = Emulator((20, 4)), b"", 0
    for cut in [*sorted(cuts), len(written)]:
        replies += emulator.feed(written[before:cut])
        before = max(before, cut)
    assert replies == (
        b"\x1b[2;5R\x1b[?64;1;2;6;9;15;16;17;18;21;22;28c"
        + (b"\x1b[?2026;0$y" if unknown else b"\x1b[?25;2$y")
        + b"\x1b]11;rgb:0000/0000/0000\x1b\\\x1b[0n\x1b[?2;6R"
    )
    assert emulator.lines == [" " * 20, "  abc" + " " * 15, " " * 20, " " * 20]


def test_sequences_of_tmux_move_what_is_shown() -> None:
    emulator = Emulator((4, 4))
    emulator.feed(b"1\x1b[3b\r\n2\r\n3\r\n4")
    emulator.feed(b"\x1b[2;3r\x1b[S")
    assert emulator.lines == ["1111", "3   ", "    ", "4   "]
    emulator.feed(b"\x1b[r\x1b[2T")
    assert emulator.lines == ["    ", "    ", "1111", "3   "]
