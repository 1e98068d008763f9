"""Replies are taken out of what is typed, however they come; nothing else is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vlmtui.tui.terminal.replies import KEY_S, REPLY_S, Replies

POSITIONS = st.builds(lambda r, c: b"\x1b[%d;%dR" % (r, c), st.integers(2, 300), st.integers(1, 500))
OTHERS = st.sampled_from(
    [b"\x1b[?62;22c", b"\x1b[>1;10;0c", b"\x1b[0n", b"\x1b]11;rgb:1111/2222/3333\x1b\\", b"\x1b]10;rgb:f/f/f\x07"]  # noqa: RUF005
    + [b"\x1bP>|xterm(379)\x1b\\", b"\x1b_Gi=1;OK\x1b\\", b"\x1b[?997;1n", b"\x1b]52;c;aGk=\x07"]
)
TYPED = st.sampled_from(
    ["a", "€", "漢", "]", "[", "12;5R", "\x1b[A", "\x1b[1;5C", "\x1b[1;2R", "\x1b[<0;3;4M", "\x1bOP", "\x1b[97;5u"]  # noqa: RUF005
    + ["\x1b[200~pasted €\x1b[201~", "\r", "\x1b[?2026;2$y", "\x1b[48;40;120;800;1200t", "\x1b[I"]
).map(str.encode)


class Clock:
    """Seconds that pass only when told."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@given(st.lists(st.one_of(TYPED, POSITIONS, OTHERS), max_size=20), st.data())
def test_what_is_typed_comes_whole_and_replies_do_not(parts: list[bytes], data: st.DataObject) -> None:
    answers: list[None] = []
    replies = Replies(lambda: answers.append(None), Clock())
    stream = b"".join(parts)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8), label="cuts"))
    kept = b"".join(replies.feed(stream[a:b]) for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True))
    kept += replies.rest()
    is_reply = Replies(lambda: None, Clock())
    assert kept == b"".join(part for part in parts if is_reply.feed(part) + is_reply.rest())
    assert len(answers) == sum(
        part.endswith(b"R") and part.startswith(b"\x1b[") and part[2:4] != b"1;" for part in parts
    )


@given(POSITIONS, st.integers(0, 12))
def test_a_reply_inside_a_paste_does_not_spoil_it(position: bytes, at: int) -> None:
    pasted = b"\x1b[200~hello there\x1b[201~"
    at += 6
    assert Replies(lambda: None).feed(pasted[:at] + position + pasted[at:]) == pasted


def test_escape_alone_acts_soon() -> None:
    clock = Clock()
    replies = Replies(lambda: None, clock)
    assert replies.feed(b"\x1b") == replies.release() == b""
    clock.now = KEY_S
    assert replies.release() == b"\x1b"


@pytest.mark.parametrize("cut", range(1, 6))
def test_a_reply_in_two_parts_far_apart_is_one(cut: int) -> None:
    clock = Clock()
    answers: list[None] = []
    replies = Replies(lambda: answers.append(None), clock)
    replies.expected = True
    position = b"\x1b[12;5R"
    assert replies.feed(position[:cut]) == b""
    clock.now = REPLY_S - 0.1
    assert replies.release() == b""
    assert replies.feed(position[cut:]) == b""
    assert len(answers) == 1


def test_a_function_key_is_no_reply() -> None:
    replies = Replies(lambda: pytest.fail("no position was told"))
    assert replies.feed(b"\x1b[1;2R") == b"\x1b[1;2R"


def test_what_goes_on_for_too_long_is_no_reply() -> None:
    replies = Replies(lambda: None)
    endless = b"\x1b]0;" + b"x" * 10_000
    assert replies.feed(endless) == endless
