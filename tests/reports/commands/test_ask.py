"""An answer written as it is said: what a slow line leaves out comes later, and nothing twice."""

from __future__ import annotations

import pytest

from vlmtui.reports.commands.ask import _Streamed
from vlmtui.reports.output.progress import ProgressLine
from vlmtui.results.answers import AnswerToken
from vlmtui.session.protocol import AnswerProgress


class Paper:
    """A target that keeps what is written."""

    def __init__(self, full_after: int = 1000) -> None:
        self.text, self._full_after = "", full_after

    def write(self, text: str) -> None:
        if len(self.text) >= self._full_after:
            raise BrokenPipeError
        self.text += text

    def flush(self) -> None:
        pass


def said(text: str) -> AnswerProgress:
    return AnswerProgress("answer-1", 1, AnswerToken(5, "x", "x", -1.0, False), text)


@pytest.fixture
def paper() -> Paper:
    return Paper()


@pytest.fixture
def streamed(paper: Paper) -> _Streamed:
    return _Streamed(paper, ProgressLine(quiet=True))


def test_what_is_new_is_written_once(paper, streamed):
    for text in ("a", "a red", "a red", "a red house"):
        streamed.heard(said(text))
        assert paper.text == text
    streamed.end("a red house on\ngrass.")
    assert paper.text == "a red house on\ngrass.\n"


def test_an_answer_that_was_stopped_ends_its_line_and_says_no_more(paper, streamed):
    streamed.heard(said("a red"))
    streamed.end()
    streamed.heard(said("a red house"))
    streamed.end()
    assert paper.text == "a red\n"


def test_one_that_had_not_begun_leaves_nothing(paper, streamed):
    streamed.end()
    assert paper.text == ""


def test_an_answer_without_text_says_that_it_is_empty(paper, streamed):
    streamed.end("", "(empty: the model ended at once)")
    assert paper.text == "(empty: the model ended at once)\n"


def test_nothing_in_an_answer_commands_the_terminal(paper, streamed):
    streamed.heard(said("\x1b[2Jred\tor\nblue"))
    assert paper.text == "U+001B[2Jred\tor\nblue"


def test_a_reader_that_has_gone_is_not_written_to_again():
    paper = Paper(full_after=1)
    streamed = _Streamed(paper, ProgressLine(quiet=True))
    streamed.heard(said("a"))
    with pytest.raises(BrokenPipeError):
        streamed.heard(said("a red"))
    streamed.end("a red house")
    assert paper.text == "a"
