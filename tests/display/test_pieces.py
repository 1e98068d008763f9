"""Word-pieces of real vocabularies, all of them: visible, one line, of a width that holds."""

from __future__ import annotations

import base64
import json
import unicodedata
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vlmtui.display.cells import Align
from vlmtui.display.pieces import UNNAMED, ascii_only, fit, isolate, marks_words, plain, spelling, visible, width

DATA = Path(__file__).parents[1] / "data"
LRM = "\u200e"

Piece = tuple[str | None, str | None]


def recorded(name: str) -> list[str]:
    return list(json.loads((DATA / name).read_text(encoding="utf-8"))["pieces"])


def check(pieces: Iterable[Piece]) -> int:
    """What must hold of every piece; returns how many there were."""
    count = 0
    for piece, text in pieces:
        for joins in (False, True):
            shown = visible(piece, text, joins)
            assert shown, (piece, text)
            assert shown.splitlines() == [shown], (piece, text)
            assert not any(unicodedata.category(c) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp") for c in shown), piece
            assert not unicodedata.category(shown[0]).startswith("M"), (piece, text)
            assert width(shown) >= 1, (piece, text)
            assert shown.strip() == shown, (piece, text)
        shown = visible(piece, text)
        for cells in (1, 2, 4, 7, 24):
            assert width(fit(shown, cells)) == cells, (piece, text, cells)
        count += 1
    return count


def test_every_piece_of_mistrals_sentencepiece_vocabulary() -> None:
    import mistral_common
    import sentencepiece

    path = Path(mistral_common.__file__).parent / "data" / "tokenizer.model.v1"
    model = sentencepiece.SentencePieceProcessor(model_file=str(path))
    pieces = [(model.id_to_piece(i), model.decode([i])) for i in range(model.vocab_size())]
    assert check(pieces) == 32_000
    assert marks_words(piece for piece, _ in pieces)
    shown = [visible(piece, text, True) for piece, text in pieces]
    # what differs in the vocabulary differs on the screen: all but a handful of look-alikes
    assert len(set(shown)) > 31_950


def test_every_piece_of_tekken_as_a_byte_level_vocabulary() -> None:
    import mistral_common

    path = Path(mistral_common.__file__).parent / "data" / "tekken_240911.json"
    table = {b: c for c, b in alphabet().items()}
    pieces = []
    for entry in json.loads(path.read_text(encoding="utf-8"))["vocab"]:
        data = base64.b64decode(entry["token_bytes"])
        pieces.append(("".join(table[b] for b in data), data.decode("utf-8", errors="replace")))
    assert check(pieces) >= 131_000
    assert marks_words(piece for piece, _ in pieces)


def alphabet() -> dict[str, int]:
    """The byte-level table as the tokenizers library has it, not as the code under test makes it."""
    from tokenizers.pre_tokenizers import ByteLevel

    maker = ByteLevel(add_prefix_space=False, use_regex=False)
    table = {}
    for code in (*range(0x800), *range(0x1000, 0x10000, 0x1000), *range(0x10000, 0x110000, 0x10000)):
        ((mapped, _),) = maker.pre_tokenize_str(chr(code))
        table.update(zip(mapped, chr(code).encode(), strict=True))
    # bytes that no UTF-8 text holds: Latin-1 letters, which stand for themselves
    table |= {chr(b): b for b in (0xC0, 0xC1, 0xE0, *range(0xF5, 0x100))}
    assert len(table) == len(set(table.values())) == 256
    assert set(table) == set(ByteLevel.alphabet())
    return table


def test_pieces_recorded_from_a_real_model() -> None:
    pieces = recorded("pieces.json")
    assert check((p, p) for p in pieces) > 600
    assert check((p, None) for p in pieces) > 600
    assert check((f"▁{p}", p) for p in pieces) > 600


def test_pieces_of_clip() -> None:
    pieces = recorded("clip_pieces.json")
    assert check((p, p.removesuffix("</w>")) for p in pieces) > 200
    assert check((p, None) for p in pieces) > 200


@pytest.mark.parametrize(
    ("piece", "text", "shown"),
    [
        ("▁sky", "sky", "sky"),
        ("Ġsky", " sky", "sky"),
        ("Ġsky", "sky", "sky"),
        ("sky</w>", "sky", "sky"),
        ("▁", "", "␣"),
        ("Ġ", " ", "␣"),
        ("▁▁", "  ", "␣␣"),
        ("▁▁▁▁▁▁▁▁", "       ", "␣×8"),
        ("New▁York", "New York", "New York"),
        ("\n", "\n", "⏎"),
        ("Ċ", "\n", "⏎"),
        ("Ċ", None, "⏎"),
        ("ĉ", "\t", "⇥"),
        ("<0x0A>", "\n", "<0x0A>"),
        ("<0xE2>", "\ufffd", "<0xE2>"),
        ("âĸ", "\ufffd", "<0xE2><0x96>"),
        ("Ġâ", " \ufffd", "<0xE2>"),
        ("çī¹", "特", "特"),
        ("\ufffd", "\ufffd", "U+FFFD"),
        ("\u0301", "\u0301", "U+0301"),
        ("e\u0301", "e\u0301", "e\u0301"),
        ("e\u0301\u0301\u0301", "e\u0301\u0301\u0301", "e\u0301\u0301U+0301"),
        ("\u200b", "", "U+200B"),
        ("\u00ad", "\u00ad", "U+00AD"),
        ("a\u202eb", "a\u202eb", "aU+202Eb"),
        ("\x1b[2J", "\x1b[2J", "U+001B[2J"),
        ("\r", "\r", "U+000D"),
        ("\u00a0", "\u00a0", "U+00A0"),
        ("\u2800", "\u2800", "U+2800"),
        ("❤\ufe0f", "❤\ufe0f", "❤U+FE0F"),
        ("<s>", "", "<s>"),
        ("[bold]", "[bold]", "[bold]"),
        ("", "", UNNAMED),
        (None, None, UNNAMED),
    ],
)
def test_what_a_person_sees(piece: str | None, text: str | None, shown: str) -> None:
    assert visible(piece, text) == shown


def test_a_piece_that_goes_on_is_told_from_one_that_begins_a_word() -> None:
    assert visible("▁sky", "sky", True) == "sky"
    assert visible("sky", "sky", True) == "‿sky"
    assert visible("Ġsky", " sky", True) == "sky"
    assert visible("sky", "sky", True) == "‿sky"
    assert visible("<0xE2>", "\ufffd", True) == "<0xE2>"
    assert visible("</s>", "", True) == "</s>"
    assert marks_words(["sky", "▁cloud"])
    assert marks_words(["sky", "<0x0A>"])
    assert not marks_words(["sky", "cloud", "▁", None])


@given(st.text(max_size=12), st.none() | st.text(max_size=12))
def test_any_piece_whatever(piece: str, text: str | None) -> None:
    check([(piece, text)])


@given(st.text(max_size=30), st.integers(0, 40), st.sampled_from(("left", "right", "center")))
def test_fit_is_exactly_that_wide_for_any_text(text: str, cells: int, align: Align) -> None:
    fitted = fit(text, cells, align)
    assert width(fitted) == cells
    assert not any(unicodedata.category(c) == "Cc" for c in fitted)


def test_fit_cuts_between_characters() -> None:
    assert fit("cloud", 5) == "cloud"
    assert fit("clouds", 5) == "clou…"
    assert fit("漢字", 4) == "漢字"
    assert fit("漢字", 3) == "漢…"
    assert fit("漢字語", 4) == "漢… "
    assert fit("e\u0301tat", 3) == "e\u0301t…"
    assert fit("sky", 6, "right") == "   sky"
    assert fit("sky", 6, "center") == " sky  "


def test_right_to_left_text_is_kept_from_its_neighbours() -> None:
    assert isolate("שמים") == f"{LRM}שמים{LRM}"
    assert width(isolate("שמים")) == 4
    assert isolate("sky") == "sky"
    assert fit("שמים", 6) == f"{LRM}שמים{LRM}  "


def test_the_spelling_of_a_text() -> None:
    assert spelling("sky", ["▁sky"], True) == ""
    assert spelling("sky", ["▁sky", "sky", "Ġsky"], True) == "sky ‿sky sky"
    assert spelling("skyline", ["sky", "line</w>"], False) == "sky line"
    assert spelling("a blue sky", [], True) == ""
    assert spelling("sky", ["▁\x1b[31m"], True) == "U+001B[31m"


def test_names_are_one_safe_line() -> None:
    assert plain("a\x1b]0;owned\x07b.png") == "aU+001B]0;ownedU+0007b.png"
    assert plain("a\nb\u202egnp.jpg") == "aU+000AbU+202Egnp.jpg"
    assert plain("\udcff.png") == "<0xFF>.png"
    assert plain("cafe\u0301 crème.jpg") == "cafe\u0301 crème.jpg"


@given(st.text(max_size=20))
def test_ascii_only_is_ascii(text: str) -> None:
    assert ascii_only(text).isascii()


def test_ascii_look_alikes() -> None:
    assert ascii_only("SigLIP → MLP · █░ 640×427…") == "SigLIP -> MLP . #. 640x427~"
    assert ascii_only("Ж") == "U+0416"
