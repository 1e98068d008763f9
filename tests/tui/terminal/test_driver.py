"""The driver that sends differences, in real pseudo-terminals, against Textual's own: the same screen, cell by cell."""

from __future__ import annotations

import os
import re
import shlex
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from tests.terminal import Terminal
from vlmtui.tui.terminal.driver_choice import ENVIRONMENT

PHOTO = Path(__file__).parents[3] / "sample_images" / "china.jpg"
FAKE = [sys.executable, "-m", "tests.tui.fake", "6", "8", "6", "4", str(PHOTO)]
FAILS_AT_J = """
import sys
from textual._xterm_parser import XTermParser
from tests.query.queries import query_of
from tests.tui.fake import FakeWorker
from vlmtui.images.image_file import read_source
from vlmtui.tui import launch, session_worker
from vlmtui.tui.options import ExplorerOptions

feed = XTermParser.feed

def failing(self, data):
    if "j" in data:
        raise ZeroDivisionError("as it was injected")
    return feed(self, data)

XTermParser.feed = failing
session_worker.SessionWorker = lambda options: FakeWorker(options, (640, 427), (6, 8))
sys.exit(launch.run(ExplorerOptions(image=read_source(sys.argv[1]), query=query_of("toy"))))
"""
RUNS = int(os.environ.get("VLMTUI_RANDOM_RUNS", "4"))
SIZES = [(120, 40), (80, 24), (100, 30), (60, 20), (140, 44)]
KEYS = [
    *(key.encode() for key in "hjklo[]wmezVptn+-?/g"),
    *(b"\x1b[A", b"\x1b[B", b"\x1b[C", b"\x1b[D", b"\x1b[H", b"\x1b[F", b"\x1b", b"\t", b" ", b"\r", b"\x10", b"\x0c"),
    *(b"zzhhhhhh", b"zzzllll", b"zzjjjjj", b"zzzkkkk", b"Z"),  # the image moves, by the terminal
    *("é".encode(), "漢".encode(), "e\u0301".encode(), b"\x1b[<0;20;10M\x1b[<0;20;10m", b"\x1b[200~sky\x1b[201~"),
]
IN_PARTS = [b"\x1b[A", b"\x1b[1;5C", "漢".encode()]
NOT_UTF8 = [b"\xe9", b"\xff\xfe", b"\xe2\x82", b"\xc3("]
STEP = st.one_of(
    st.lists(st.sampled_from(KEYS), min_size=1, max_size=6).map(lambda keys: ("type", b"".join(keys))),
    st.sampled_from(NOT_UTF8).map(lambda data: ("type", data)),
    st.tuples(st.sampled_from([b"\x1b[A", b"\x1b[1;5C", "漢".encode()]), st.integers(1, 2)).map(
        lambda cut: ("split", cut)
    ),
    st.sampled_from(SIZES).map(lambda size: ("size", size)),
    st.just(("suspend", None)),
)


class Pair:
    """Two explorers that are given the same: one by each driver."""

    def __init__(self) -> None:
        self.ours = Terminal(FAKE, (120, 40))
        self.plain = Terminal(FAKE, (120, 40), **{ENVIRONMENT: "textual"})

    def do(self, kind: str, what: object) -> None:
        if kind == "type":
            assert isinstance(what, bytes)
            os.write(self.ours.fd, what)
            # Textual's own ends at bytes that are not UTF-8
            os.write(self.plain.fd, what.decode(errors="ignore").encode())
        elif kind == "split":
            whole, cut = what  # type: ignore[misc]
            for part in (whole[:cut], whole[cut:]):
                for one in (self.ours, self.plain):
                    os.write(one.fd, part)
                time.sleep(0.02)
        if kind == "suspend":
            # Textual's own forgets a change of size that it is told as it is suspended
            self.compare()
        for one in (self.ours, self.plain):
            if kind == "size":
                one.resize(*what)  # type: ignore[misc]
            elif kind == "suspend":
                one.press("\x1a")
                one.until(lambda out, one=one: one.state() == "T", 20)
                os.kill(one.pid, signal.SIGCONT)

    def compare(self, limit: float = 20.0) -> None:
        """Wait until both show the same, cell by cell; fail where they never do."""
        end = time.monotonic() + limit
        while True:
            self.plain.quiet(0.1)
            self.ours.quiet(0.1)
            ours, plain = self.ours.screen.seen, self.plain.screen.seen
            if ours == plain:
                return
            if time.monotonic() > end:
                rows = [row for row, (one, other) in enumerate(zip(ours, plain, strict=True)) if one != other]
                lines = "\n".join(f"{self.ours.screen.lines[row]}\n{self.plain.screen.lines[row]}" for row in rows)
                raise AssertionError(f"rows {rows} differ, ours first:\n{lines}")

    def close(self) -> None:
        self.ours.close()
        self.plain.close()


@pytest.fixture(scope="module")
def pair() -> Iterator[Pair]:
    two = Pair()
    for one in (two.ours, two.plain):
        one.until(lambda out, one=one: one.shows("w1"), 60)
    two.compare()
    yield two
    two.close()


@seed(17)
@settings(
    max_examples=RUNS, deadline=None, database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck)
)
@given(steps=st.lists(STEP, min_size=1, max_size=8))
def test_the_screen_is_what_textual_would_leave(pair: Pair, steps: list[tuple[str, object]]) -> None:
    for step in steps:
        pair.do(*step)
    # out of whatever was opened, so that the next begins where both can be compared again
    pair.do("type", b"\x1b")
    pair.compare()


def test_bytes_that_are_not_utf8_end_nothing() -> None:
    with Terminal(FAKE, (120, 40)) as terminal:
        terminal.until(lambda out: terminal.shows("row 3 · column 4"), 60)
        for data in (b"\xe9l", b"\xff\xff", b"\xe2", b"\x82", b"\xac"):
            os.write(terminal.fd, data)
            terminal.quiet(0.1)
        # the key behind such a byte acts, and those behind them all
        terminal.until(lambda out: terminal.shows("row 3 · column 5"), 10)
        terminal.press("j")
        terminal.until(lambda out: terminal.shows("row 4 · column 5"), 10)
        terminal.press("q")
        assert terminal.wait(20) == 0
        assert b"Error" not in terminal.output


@pytest.mark.parametrize("driver", ["differences", "textual"])
def test_an_error_of_the_thread_that_reads_keys_is_a_sentence(driver: str) -> None:
    with Terminal([sys.executable, "-c", FAILS_AT_J, str(PHOTO)], (120, 40), **{ENVIRONMENT: driver}) as terminal:
        terminal.until(lambda out: terminal.shows("row 3 · column 4"), 60)
        terminal.press("j")
        assert terminal.wait(20) == 1
        said = terminal.output.rpartition(b"\x1b[?1049l")[2].decode()
        assert "vlmtui: unexpected ZeroDivisionError (as it was injected): --debug shows where" in said
        assert "vlmtui: to see it again: vlmtui " in said
        assert "Traceback" not in said


def test_a_terminal_that_never_answers_shows_every_key() -> None:
    with Terminal(FAKE, (120, 40), answers=False) as terminal:
        terminal.until(lambda out: terminal.shows("row 3 · column 4"), 60)
        for key, row, column in (("\x1b[C", 3, 5), ("\x1b[B", 4, 5), ("\x1b[D", 4, 4)):
            terminal.press(key)
            terminal.until(lambda out, at=f"row {row} · column {column}": terminal.shows(at), 10)
        # asked twice, then no more
        assert terminal.output.count(b"\x1b[6n") == 2
        terminal.press("q")
        assert terminal.wait(20) == 0


def test_answers_that_come_late_are_not_typed() -> None:
    with Terminal(FAKE, (120, 40), answers=False) as terminal:
        terminal.until(lambda out: terminal.shows("row 3 · column 4"), 60)
        for _ in range(4):
            os.write(terminal.fd, b"\x1b[24;")
            terminal.quiet(0.3)
            os.write(terminal.fd, b"80R\x1b]11;rgb:ffff/ffff/ffff\x1b\\\x1b[?62c")
        terminal.quiet(0.3)
        terminal.press("\x1b[C")
        terminal.until(lambda out: terminal.shows("row 3 · column 5"), 10)
        # it answers after all: it is asked again
        terminal.until(lambda out: out.count(b"\x1b[6n") > 2, 10)
        terminal.press("q")
        assert terminal.wait(20) == 0


def test_what_others_write_on_the_screen_goes_at_ctrl_l() -> None:
    with Terminal(FAKE, (120, 40)) as terminal:
        terminal.until(lambda out: terminal.shows("row 3 · column 4"), 60)
        terminal.quiet(0.5)
        before = terminal.screen.seen
        terminal.output += b"\x1b[5;5H\x1b[0mwritten by another"
        assert terminal.screen.seen != before
        terminal.press("\x0c")
        terminal.quiet(0.5)
        assert terminal.screen.seen == before


def test_nothing_of_the_terminal_reaches_the_shell() -> None:
    """The last answer is waited for: what is left in the line at the end would be typed into the shell."""
    with Terminal(["sh", "-c", f'{" ".join(FAKE)}; read -r left; echo "left:<$left>"'], (120, 40)) as terminal:
        terminal.until(lambda out: terminal.shows("row 3 · column 4"), 60)
        terminal.press("\x1b[C\x1b[Cq")
        terminal.until(lambda out: b"\x1b[?1049l" in out, 20)
        terminal.quiet(0.3)
        terminal.press("\r")
        terminal.until(lambda out: b"left:<" in out, 20)
        assert re.search(rb"left:<(.*)>", terminal.output)[1] == b""  # type: ignore[index]


def test_a_driver_that_is_not_known_is_said() -> None:
    with Terminal([sys.executable, "-m", "vlmtui", str(PHOTO)], (120, 40), **{ENVIRONMENT: "fast"}) as terminal:
        assert terminal.wait(60) == 2
        assert b"VLMTUI_DRIVER=fast: the drivers are differences and textual" in terminal.output


FAILING = """
import runpy, sys
from vlmtui.tui.actions import cursor
def move(*arguments):
    raise ZeroDivisionError("as it was injected")
cursor.move = move
sys.argv = {arguments}
runpy.run_module("tests.tui.fake", run_name="__main__")
"""


@pytest.mark.parametrize("driver", ["differences", "textual"])
def test_the_screen_is_on_the_terminal_wherever_messages_go(driver: str, tmp_path: Path) -> None:
    words = [FAKE[0], "-c", FAILING.format(arguments=FAKE[2:])]
    messages = tmp_path / "messages"
    shell = ["sh", "-c", f"exec {shlex.join(words)} 2>{shlex.quote(str(messages))}"]
    with Terminal(shell, (120, 40), **{ENVIRONMENT: driver}) as terminal:
        terminal.until(lambda out: terminal.shows("row 3 · column 4"), 60)
        assert messages.read_bytes() == b""
        terminal.press("\x1b[C")
        terminal.wait(20)
        assert b"\x1b[?1049l" in terminal.output
        assert b"injected" not in terminal.output
    lines = messages.read_text().splitlines()
    assert lines[0] == "vlmtui: unexpected ZeroDivisionError (as it was injected): --debug shows where"
    assert "\x1b" not in "".join(lines)
