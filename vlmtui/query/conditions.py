"""Conditions on entries: the small language of `--where`.

    norm > z3                            more than a robust z-score of 3 above the other entries of the stage
    word ~ "sky" and not kind = newline
    words ~ sky or (score >= 0.4 and row < 8)

A condition is FIELD OPERATOR VALUE; conditions are joined by `and`, `or`, `not` and parentheses. Numbers
(`fields.NUMBERS`) take `=` `!=` `<` `<=` `>` `>=` and a number, or `zN`: the number whose robust z-score among the
entries is N (the z-score of the outlier rule). Texts (`fields.TEXTS`), and `words`, any word of an entry, take `=`
`!=`, and `~` `!~` for (not) containing, case-insensitively. A value that is not a plain word is quoted. A comparison
with a number or text that an entry lacks is false.

A condition's `repr` is written to the manifest of a batch and compared with it on resuming: its form must not change.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from vlmtui.errors import UsageError
from vlmtui.query.fields import NUMBERS, TEXTS

WORDS = "words"
FIELDS = (*NUMBERS, *TEXTS, WORDS)
_LONGEST = 2000
_DEEPEST = 50

Mask = NDArray[np.bool_]

_NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
_TOKEN = re.compile(
    rf"""\s*(?:
    (?P<quoted> "(?:[^"\\]|\\.)*" | '(?:[^'\\]|\\.)*' )
    | (?P<number> {_NUMBER} (?![\w.]) )
    | (?P<z> z{_NUMBER} (?![\w.]) )
    | (?P<word> \w+ )
    | (?P<operator> [<>!=]= | !~ | [=<>~] )
    | (?P<bracket> [()] )
    )""",
    re.VERBOSE | re.DOTALL,
)
_COMPARED: dict[str, Callable[[NDArray[np.float64], float], Mask]] = {
    "=": np.equal,
    "!=": np.not_equal,
    "<": np.less,
    "<=": np.less_equal,
    ">": np.greater,
    ">=": np.greater_equal,
}
_SAID: dict[str, Callable[[str, str], bool]] = {
    "=": lambda there, text: there == text,
    "!=": lambda there, text: there != text,
    "~": lambda there, text: text.casefold() in there.casefold(),
    "!~": lambda there, text: text.casefold() not in there.casefold(),
}


class EntryTable(Protocol):
    """The entries of a report by field, as conditions read them."""

    def numbers(self, field: str) -> NDArray[np.float64]:
        """One of `NUMBERS` [rows], NaN where an entry has none."""

    def z(self, field: str) -> NDArray[np.float64]:
        """The robust z-scores of a number [rows]."""

    def texts(self, field: str) -> list[str | None]:
        """One of `TEXTS` [rows]."""

    def words(self) -> list[list[str | None]]:
        """All words of every row."""


class Condition(Protocol):
    """A condition that each entry meets or does not."""

    def keeps(self, rows: EntryTable) -> Mask:
        """Which rows meet it, bool [rows]."""


@dataclass(frozen=True)
class NumberComparison:
    """A number compared with `value`, or its robust z-score with that."""

    field: str
    operator: str
    value: float
    as_z: bool = False

    def __repr__(self) -> str:
        fields = f"field={self.field!r}, operator={self.operator!r}, value={self.value!r}, as_z={self.as_z!r}"
        return f"Number({fields})"

    def keeps(self, rows: EntryTable) -> Mask:
        numbers = rows.z(self.field) if self.as_z else rows.numbers(self.field)
        return np.asarray(_COMPARED[self.operator](numbers, self.value) & ~np.isnan(numbers))


@dataclass(frozen=True)
class TextComparison:
    """A text compared with `value`; of `words` at least one must compare so, for `!=` and `!~` all."""

    field: str
    operator: str
    value: str

    def __repr__(self) -> str:
        return f"Text(field={self.field!r}, operator={self.operator!r}, value={self.value!r})"

    def keeps(self, rows: EntryTable) -> Mask:
        found = rows.words() if self.field == WORDS else [[text] for text in rows.texts(self.field)]
        fits = _SAID[self.operator]
        together = all if self.operator.startswith("!") else any
        there = [[text for text in texts if text is not None] for texts in found]
        kept = [bool(texts) and together(fits(text, self.value) for text in texts) for texts in there]
        return np.array(kept, bool)


@dataclass(frozen=True)
class Negation:
    """The opposite of a condition."""

    of: Condition

    def __repr__(self) -> str:
        return f"Not(of={self.of!r})"

    def keeps(self, rows: EntryTable) -> Mask:
        return ~self.of.keeps(rows)


@dataclass(frozen=True)
class Conjunction:
    """Two conditions that must both be met."""

    one: Condition
    other: Condition

    def __repr__(self) -> str:
        return f"Both(one={self.one!r}, other={self.other!r})"

    def keeps(self, rows: EntryTable) -> Mask:
        return self.one.keeps(rows) & self.other.keeps(rows)


@dataclass(frozen=True)
class Disjunction:
    """Two conditions of which at least one must be met."""

    one: Condition
    other: Condition

    def __repr__(self) -> str:
        return f"Either(one={self.one!r}, other={self.other!r})"

    def keeps(self, rows: EntryTable) -> Mask:
        return self.one.keeps(rows) | self.other.keeps(rows)


def parse_where(text: str) -> Condition:
    """Parse the text of `--where`. Raises `UsageError` for what cannot be parsed, with what is expected there."""
    if len(text) > _LONGEST:
        raise UsageError(f"--where is {len(text):,} characters long: {_LONGEST:,} are read at most")
    parser = _Parser(text)
    condition = parser.either(0)
    parser.end()
    return condition


@dataclass(frozen=True)
class _Token:
    kind: str
    text: str
    start: int


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens: list[_Token] = []
        self._at = 0
        place = 0
        while place < len(text.rstrip()):
            match = _TOKEN.match(text, place)
            if match is None:
                rest = text[place:].strip()
                why = "its quote is not closed" if rest[0] in "\"'" else "quote anything that is not a plain word"
                raise UsageError(f"--where is not understood from {rest[:20]!r} on: {why}")
            kind = match.lastgroup or ""
            self._tokens.append(_Token(kind, match[kind], match.start(kind)))
            place = match.end()

    def either(self, depth: int) -> Condition:
        found = self._both(depth)
        while self._takes("or"):
            found = Disjunction(found, self._both(depth))
        return found

    def end(self) -> None:
        if token := self._next():
            raise UsageError(f"--where cannot continue with {self._rest(token)}: join conditions with and, or")

    def _both(self, depth: int) -> Condition:
        found = self._one(depth)
        while self._takes("and"):
            found = Conjunction(found, self._one(depth))
        return found

    def _one(self, depth: int) -> Condition:
        if depth > _DEEPEST:
            raise UsageError(f"--where is nested too deeply: at most {_DEEPEST} levels of not and parentheses are read")
        if self._takes("not"):
            return Negation(self._one(depth + 1))
        if self._takes("("):
            found = self.either(depth + 1)
            if not self._takes(")"):
                raise UsageError("--where has a parenthesis that is not closed: add )")
            return found
        return self._comparison()

    def _comparison(self) -> Condition:
        token = self._next()
        if token is None:
            raise UsageError("--where ends where a condition is expected: give one, such as norm>z3")
        field = token.text
        if token.kind != "word" or field not in FIELDS:
            raise UsageError(f"--where has no field {token.text[:20]!r}: choose {', '.join(FIELDS)}")
        self._at += 1
        number = field in NUMBERS
        known = _COMPARED if number else _SAID
        sign = self._next()
        operator = "=" if sign and sign.text == "==" else sign.text if sign else ""
        if sign is None or sign.kind != "operator" or operator not in known:
            found = f" and not {self._rest(sign)}" if sign else ""
            raise UsageError(f"--where compares {field} by {' '.join(known)}{found}: write one of them after it")
        self._at += 1
        value = self._next()
        if value is None or value.kind in ("operator", "bracket"):
            raise UsageError(f"--where lacks a value after {field}{operator}: {_example(field)}")
        self._at += 1
        if not number:
            return TextComparison(field, operator, _unquoted(value))
        if value.kind not in ("number", "z"):
            raise UsageError(f"--where compares {field} with a number, not with {value.text!r}: {_example(field)}")
        as_z = value.kind == "z"
        return NumberComparison(field, operator, float(value.text[1:] if as_z else value.text), as_z)

    def _next(self) -> _Token | None:
        return self._tokens[self._at] if self._at < len(self._tokens) else None

    def _takes(self, text: str) -> bool:
        token = self._next()
        if token is None or token.kind == "quoted" or token.text.lower() != text:
            return False
        self._at += 1
        return True

    def _rest(self, token: _Token) -> str:
        return repr(self._text[token.start :][:20].strip())


def _unquoted(token: _Token) -> str:
    return re.sub(r"\\(.)", r"\1", token.text[1:-1], flags=re.DOTALL) if token.kind == "quoted" else token.text


def _example(field: str) -> str:
    return f"such as {field}>0.5, or {field}>z3" if field in NUMBERS else f'such as {field}~"sky"'
