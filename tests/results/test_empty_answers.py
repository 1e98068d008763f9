"""Answers without text: what is said in place of an empty line."""

from __future__ import annotations

import pytest

from vlmtui.results.answers import AnswerToken, empty_note

END = AnswerToken(2, "</s>", "</s>", -0.25, True)
SPACE = AnswerToken(29, "▁", " ", -1.0, False)


@pytest.mark.parametrize(
    ("text", "tokens", "finished", "note"),
    [
        ("", [END], True, "(empty: the model ended at once, log-probability −0.25)"),
        (" ", [SPACE, END], True, "(empty: 2 tokens without text, log-probability −1.25)"),
        ("", [END], False, "(empty: 1 token without text, log-probability −0.25)"),
        ("a dog", [SPACE, END], True, ""),
    ],
)
def test_it_says_how_it_ended(text: str, tokens: list[AnswerToken], finished: bool, note: str) -> None:
    assert empty_note(text, tokens, finished) == note
