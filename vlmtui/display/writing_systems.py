"""Script of a word-piece, from the Unicode names of its letters."""

from __future__ import annotations

import unicodedata
from functools import lru_cache

# words that follow the script in the Unicode name of a letter
_KINDS = frozenset(
    "SMALL CAPITAL LETTER SYLLABLE SYLLABICS CHARACTER VOWEL CONSONANT IDEOGRAPH IDEOGRAPHIC SIGN LIGATURE DIGIT "
    "PROLONGED TATWEEL TONE SYMBOL NUMERAL OM MODIFIER INITIAL MEDIAL FINAL INDEPENDENT CHOSEONG JUNGSEONG JONGSEONG "
    "HIEROGLYPH ITERATION".split()
)
_LATIN = frozenset(("Latin", ""))
# prefixes that are not names of scripts
_OTHERS = {"Cjk Unified": "Han", "Cjk Compatibility": "Han", "Cjk": "Han", "Katakana-Hiragana": "Kana"}


@lru_cache(maxsize=1 << 14)
def script(text: str) -> str:
    """The script of the first letter that is not Latin: `Cyrillic`, `Han`, `Arabic`; "" where all letters are Latin.

    Compatibility forms of letters (full width, bold, superscript) count as the letters themselves.
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
