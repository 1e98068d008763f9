"""The word-pieces: round trips, byte fallback, BOS, and one piece a word that patches are taught."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from demo_training.tokenizer import BOS, SPECIALS, build_tokenizer, inner_ids, pieces, target_words, word_id

TOKENIZER = build_tokenizer()


def back(text: str) -> str:
    return str(TOKENIZER.decode(TOKENIZER(text)["input_ids"], skip_special_tokens=True))


@pytest.mark.parametrize(
    "text",
    [
        "a green tree and a red house on gray grass.",
        "Describe the image.",
        "unseen wordlings, 42!",
        "naïve Straße",
        "你好 😀",
    ],
)
def test_round_trip(text: str) -> None:
    assert back(text) == text


@settings(max_examples=60, deadline=None)
@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Zs", "Zl", "Zp", "Cc"]), min_size=1))
def test_any_text_without_spaces_comes_back(text: str) -> None:
    if "▁" in text or any(s in text for s in SPECIALS):
        return
    assert back(text) == text


def test_what_has_no_piece_falls_back_to_bytes() -> None:
    shown = TOKENIZER.convert_ids_to_tokens(TOKENIZER("é")["input_ids"])
    assert shown[-2:] == ["<0xC3>", "<0xA9>"]
    assert TOKENIZER.unk_token not in shown


def test_every_taught_word_is_one_piece() -> None:
    words = target_words()
    assert len(words) >= 200
    assert len({word_id(w) for w in words}) == len(words)
    for word in words:
        assert TOKENIZER(f"the {word}", add_special_tokens=False)["input_ids"][1:] == [word_id(word)]


def test_the_vocabulary_is_of_the_size_that_was_meant() -> None:
    names = [p for p, _ in pieces()]
    assert len(set(names)) == len(names)
    assert 1500 <= len(names) <= 2100
    assert sum(n.startswith("▁") and len(n) > 3 for n in names) > 1200


def test_bos_comes_once() -> None:
    ids = TOKENIZER("a tree")["input_ids"]
    assert ids[0] == TOKENIZER.bos_token_id
    assert ids.count(TOKENIZER.convert_tokens_to_ids(BOS)) == 1


def test_text_inside_a_prompt_gets_no_mark_of_a_beginning() -> None:
    assert TOKENIZER.convert_ids_to_tokens(list(inner_ids("\nDescribe the"))) == ["<0x0A>", "Describe", "▁the"]
