"""Nothing in a pasted text acts as a key, however it comes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from textual._xterm_parser import XTermParser
from textual.events import Key, Paste

from vlmtui.tui.terminal.pastes import BEGIN, END, Pastes
from vlmtui.tui.terminal.replies import Replies

TEXT = st.text(st.sampled_from("ab €漢\n\t\x1b[31m\x00\x7f\x03"), max_size=20).filter(
    lambda text: END.decode() not in text
)


@given(TEXT, st.integers(0, 40))
def test_a_paste_is_one_event_with_all_of_its_text(text: str, cut: int) -> None:
    stream = BEGIN + text.encode() + END + b"x"
    replies, pastes, parser = Replies(lambda: None), Pastes(), XTermParser()
    typed = b"".join(pastes.feed(replies.feed(part)) for part in (stream[:cut], stream[cut:]))
    events = list(parser.feed(typed.decode()))
    kept = "".join(character for character in text if character in "\n\t" or (character >= " " and character != "\x7f"))
    assert [event.text for event in events if isinstance(event, Paste)] == [kept]
    assert [event.character for event in events if isinstance(event, Key)] == ["x"]


@given(st.binary(max_size=30).filter(lambda data: BEGIN not in data))
def test_what_is_no_paste_is_as_it_was(data: bytes) -> None:
    assert Pastes().feed(data) == data
