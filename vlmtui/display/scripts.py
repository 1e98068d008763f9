"""Which script a word-piece is written in, by the names that Unicode gives its letters."""

from __future__ import annotations

import unicodedata
from functools import lru_cache

# words with which the name of a letter goes on after that of its script
_KINDS = frozenset(
    "SMALL CAPITAL LETTER SYLLABLE SYLLABICS CHARACTER VOWEL CONSONANT IDEOGRAPH IDEOGRAPHIC SIGN LIGATURE DIGIT "
    "PROLONGED TATWEEL TONE SYMBOL NUMERAL OM MODIFIER INITIAL MEDIAL FINAL INDEPENDENT CHOSEONG JUNGSEONG JONGSEONG "
    "HIEROGLYPH ITERATION".split()
)
_LATIN = frozenset(("Latin", ""))
# names that are no script's
_OTHERS = {"Cjk Unified": "Han", "Cjk Compatibility": "Han", "Cjk": "Han", "Katakana-Hiragana": "Kana"}


@lru_cache(maxsize=1 << 14)
def script(text: str) -> str:
    """The script of the first letter that is not Latin: `Cyrillic`, `Han`, `Arabic`; "" where all letters are Latin.

    Letters that only look different (full width, bold, superscript) are taken for those that they stand for.
    """
    return next((name for c in unicodedata.normalize("NFKC", text) if (name := _of_letter(c)) not in _LATIN), "")


@lru_cache(maxsize=1 << 14)
def _of_letter(c: str) -> str:
    if not unicodedata.category(c).startswith("L"):
        return ""
    words: list[str] = []
    for word in unicodedata.name(c, "").split():
        if word in _KINDS or word.startswith("IDEOGRAPH-"):
            break
        words.append(word)
    name = " ".join(words).title()
    return _OTHERS.get(name, name)
