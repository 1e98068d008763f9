"""Word-pieces in display form: one line, never empty, of a known width in terminal cells.

Vocabularies contain spaces, line ends, single bytes of a character, marks without a letter, characters that reorder
the line and, in hostile files, terminal commands. Invisible characters are shown as a symbol or a code point. Markup is
not interpreted: put the results in `rich.text.Text` or a `Segment`, never in a markup string.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache

from vlmtui.display.cells import ascii_only, fit, is_mark, is_unsafe, isolate, width

__all__ = [
    "CONTINUES",
    "UNNAMED",
    "ascii_only",
    "fit",
    "fold",
    "fold_name",
    "fold_names",
    "isolate",
    "marks_words",
    "plain",
    "row_name",
    "spelling",
    "visible",
    "width",
]

UNNAMED = "∅"
CONTINUES = "‿"
"""The mark before a piece that continues a word, where `visible` is asked to show it."""

_SPACE, _NEWLINE, _TAB = "␣", "⏎", "⇥"
_SYMBOLS = {" ": _SPACE, "\n": _NEWLINE, "\t": _TAB}
_BYTE_PIECE = re.compile(r"<0x[0-9A-Fa-f]{2}>\Z")
_WORD_END = "</w>"
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
_LONGEST_RUN = 3


@lru_cache(maxsize=1 << 16)
def visible(piece: str | None, text: str | None, joins: bool = False) -> str:
    """A word-piece in display form: one line, never empty, without control characters.

    `piece` is the tokenizer's own (`▁sky`, `Ġsky`, `sky</w>`, `<0x0A>`), `text` its decoded text; both are None for a
    row without a name. The leading space of a word is dropped where a visible character follows. With `joins`, a piece
    that does not begin a word is marked with `CONTINUES`; use it for vocabularies that mark where words begin
    (`marks_words`), in which `▁sky` and `sky` are two pieces.
    """
    if piece is None and not text:
        return UNNAMED
    piece = piece or ""
    if _BYTE_PIECE.match(piece):
        return piece
    said = _said(piece, text)
    starts = said.startswith(" ")
    if starts and said[1:].strip():
        said = said[1:]
    shown = _show(said) or UNNAMED
    return f"{CONTINUES}{shown}" if joins and said.strip() and not (starts or _is_special(piece)) else shown


def fold(shown: str) -> str:
    """The name of a word in display form, the same for all its spellings: what reads the same but for case is one word.

    A mark where a word begins or ends (`▁sky`, `Ġsky`, `sky</w>`) is not displayed, so it is no part of the name.
    """
    # full case folding would make one word of Maß and mass
    return shown.lower()


def row_name(id_: int, piece: str | None, text: str | None) -> str:
    """A vocabulary row in display form, one without a token by its number: `∅ 32001` is a word of its own."""
    return visible(piece, text) if piece or text else f"{UNNAMED} {id_}"


def fold_name(id_: int, piece: str | None, text: str | None) -> str:
    """The name of a vocabulary row's word, the same for all its spellings."""
    return fold(row_name(id_, piece, text))


def fold_names(pieces: Mapping[int, str | None], texts: Mapping[int, str | None]) -> dict[int, str]:
    """The names of vocabulary rows by id."""
    return {id_: fold_name(id_, piece, texts.get(id_)) for id_, piece in pieces.items()}


def marks_words(pieces: Iterable[str | None]) -> bool:
    """Whether these pieces come from a vocabulary that marks where words begin (`joins` of `visible`).

    Vocabularies with byte pieces (SentencePiece) do too. Pass many pieces: a few may all continue a word.
    """
    return any(piece and ((len(piece) > 1 and piece[0] in "▁Ġ") or _BYTE_PIECE.match(piece)) for piece in pieces)


def spelling(text: str, pieces: Iterable[str], joins: bool) -> str:
    """The pieces of a text in display form; "" where they equal the text or there are none."""
    shown = " ".join(visible(piece, None, joins) for piece in pieces)
    return "" if shown == plain(text) else shown


def plain(name: str) -> str:
    """A file name, address or message as one safe line, which cannot control the terminal or reorder the row."""
    return "".join(_point(c) if is_unsafe(c) else c for c in name)


def _said(piece: str, text: str | None) -> str:
    """The text of a piece, with the start of a word as one leading space."""
    if "▁" in piece and not (text and "▁" in text):
        return piece.replace("▁", " ")  # `text` may have lost the space that begins it
    if text and _REPLACEMENT not in text:
        if piece.startswith("Ġ") and not text.startswith((" ", "Ġ")):
            return " " + text
        return text
    if text and (data := _byte_level(piece)) is not None:
        # bytes that are no whole character become lone surrogates, which `_show` shows by number
        return data.decode("utf-8", errors="surrogateescape")
    if not text and ("Ġ" in piece or "Ċ" in piece) and (data := _byte_level(piece)) is not None:
        return data.decode("utf-8", errors="surrogateescape")
    if piece.endswith(_WORD_END) and len(piece) > len(_WORD_END):
        return piece.removesuffix(_WORD_END)
    return text if text and text.strip(_REPLACEMENT) else piece or text or ""


def _is_special(piece: str) -> bool:
    return len(piece) > 2 and piece[0] in "<[" and piece[-1] in ">]"


def _show(said: str) -> str:
    """Make every character of `said` visible."""
    parts: list[str] = []
    marks = -1  # number of marks on the letter before; -1 without a letter
    i = 0
    while i < len(said):
        c = said[i]
        run = 1
        if c in _SYMBOLS:
            while i + run < len(said) and said[i + run] == c:
                run += 1
            inner = c == " " and run == 1 and 0 < i < len(said) - 1
            symbol = " " if inner else _SYMBOLS[c]
            parts.append(symbol * run if run <= _LONGEST_RUN else f"{symbol}×{run}")
            marks = -1
        elif is_mark(c) and not is_unsafe(c):
            # more than two marks reach into the neighbouring rows
            carried = 0 <= marks < 2
            parts.append(c if carried else _point(c))
            marks = marks + 1 if carried else -1
        elif is_unsafe(c) or c == _REPLACEMENT:
            parts.append(_point(c))
            marks = -1
        else:
            parts.append(c)
            marks = 0
        i += run
    return "".join(parts)


def _point(c: str) -> str:
    """Format a code point as `U+00AD`, or as `<0xE2>` for a byte that is no whole character."""
    code = ord(c)
    if 0xDC80 <= code <= 0xDCFF:
        return f"<0x{code - 0xDC00:02X}>"
    return f"U+{code:04X}"


@lru_cache(maxsize=1)
def _byte_alphabet() -> dict[str, int]:
    """GPT-2's printable stand-ins for the 256 bytes (`bytes_to_unicode` in openai/gpt-2's encoder.py)."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [b for b in range(256) if b not in set(printable)]
    return {chr(b): b for b in printable} | {chr(256 + i): b for i, b in enumerate(others)}


def _byte_level(piece: str) -> bytes | None:
    """The bytes of a byte-level piece; None for a piece of another kind."""
    alphabet = _byte_alphabet()
    if not piece or any(c not in alphabet for c in piece):
        return None
    return bytes(alphabet[c] for c in piece)
