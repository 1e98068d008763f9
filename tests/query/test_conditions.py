"""`--where`: what is written is understood, what is understood holds, and all else is refused in a sentence."""

from __future__ import annotations

from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.reports import made_reports
from vlmtui.display.norm_statistics import robust_z
from vlmtui.errors import UsageError
from vlmtui.query.conditions import (
    FIELDS,
    Condition,
    Conjunction,
    Disjunction,
    Negation,
    NumberComparison,
    TextComparison,
    parse_where,
)
from vlmtui.query.fields import NUMBERS, TEXTS
from vlmtui.reports.select.rows import ReportRows

READING = made_reports.reading(4, 5)
SEEN = made_reports.seen(READING, made_reports.words(READING, 3))
ROWS = ReportRows(SEEN)

numbers = st.builds(
    NumberComparison,
    st.sampled_from(NUMBERS),
    st.sampled_from(["=", "!=", "<", "<=", ">", ">="]),
    st.floats(-1e6, 1e6).map(lambda x: round(x, 3)),
    st.booleans(),
)
texts = st.builds(
    TextComparison, st.sampled_from([*TEXTS, "words"]), st.sampled_from(["=", "!=", "~", "!~"]), st.text(max_size=9)
)
conditions: st.SearchStrategy[Condition] = st.recursive(
    numbers | texts,
    lambda of: st.builds(Negation, of) | st.builds(Conjunction, of, of) | st.builds(Disjunction, of, of),
    max_leaves=8,
)


def written(condition: Condition) -> str:
    """A condition in the language."""
    match condition:
        case NumberComparison(field, operator, value, as_z):
            return f"{field} {operator} {'z' if as_z else ''}{value!r}"
        case TextComparison(field, operator, value):
            escaped = value.replace("\\", "\\\\").replace('"', '\\"')
            return f'{field}{operator}"{escaped}"'
        case Negation(of):
            return f"not ({written(of)})"
        case Conjunction(one, other):
            return f"({written(one)}) AND ({written(other)})"
        case Disjunction(one, other):
            return f"(({written(one)}) or {written(other)})"
    raise AssertionError(condition)


@settings(deadline=None)
@given(conditions)
def test_what_is_written_is_understood(condition: Condition) -> None:
    assert parse_where(written(condition)) == condition
    kept = condition.keeps(ROWS)
    assert kept.shape == (20,)
    assert kept.dtype == bool


@given(
    st.text(max_size=40)
    | st.lists(st.sampled_from([*FIELDS, *'()<>=!~"', "and", "or", "not", " ", "3", "z3"])).map("".join)
)
def test_anything_is_understood_or_refused(text: str) -> None:
    with suppress(UsageError):
        assert parse_where(text).keeps(ROWS).shape == (20,)


def kept(text: str) -> list[int]:
    return np.flatnonzero(parse_where(text).keeps(ROWS)).tolist()


def test_what_conditions_mean() -> None:
    norms = READING.norms.astype(float)
    assert kept("norm > 1.5") == np.flatnonzero(norms > 1.5).tolist()
    assert kept("norm>z0.5 or norm < z-0.5") == np.flatnonzero(np.abs(robust_z(norms)) > 0.5).tolist()
    assert kept("z>0.5 or z<-0.5") == kept("norm>z0.5 or norm<z-0.5")
    assert kept("row=1 and col>=3") == [8, 9]
    assert kept("not row>0") == kept("row==0") == [0, 1, 2, 3, 4]
    assert kept("kind=patch") == list(range(20))
    firsts = ROWS.texts("word")
    assert kept('word ~ "SKY"') == [i for i, word in enumerate(firsts) if word is not None and "sky" in word]
    assert kept("words~sky") == [i for i, some in enumerate(ROWS.words()) if any("sky" in str(word) for word in some)]
    assert set(kept("words!~sky")) == set(range(20)) - set(kept("words~sky"))
    assert kept("margin>=0") == list(range(20))


def test_precedence_is_not_and_or() -> None:
    assert kept("row=0 or row=1 and col=0") == [0, 1, 2, 3, 4, 5]
    assert kept("(row=0 or row=1) and col=0") == [0, 5]
    assert kept("not row=0 and col=0") == [5, 10, 15]


def test_what_is_missing_fulfils_no_comparison() -> None:
    bare = ReportRows(made_reports.seen(READING, None, "vision.1"))
    for text in ("score>0", "score<=0", "score!=1", "word~a", "word!~a", "words!=a", "value=0", "value>z0"):
        assert not parse_where(text).keeps(bare).any(), text
    assert parse_where("not score>0").keeps(bare).all()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "norm>z3"),
        ("nrom>3", "index, grid, row"),
        ("norm", "norm by = != <"),
        ("norm~3", "norm by = != <"),
        ("word<a", "word by = != ~ !~"),
        ("norm>", "lacks a value"),
        ("norm>sky", "with a number"),
        ('norm>"3"', "with a number"),
        ("norm>3 norm<4", "join conditions with and, or"),
        ("(norm>3", "add )"),
        ("norm>3)", "join conditions"),
        ('word~"sky', "its quote is not closed"),
        ("word~a; drop", "quote anything"),
        ("norm>1e", "with a number"),
        ("not " * 60 + "row=1", "nested too deeply"),
        ("(" * 900 + "row=1" + ")" * 900, "nested too deeply"),
        ("row=1 or " * 300 + "row=2", "characters long"),
    ],
)
def test_what_is_refused(text: str, said: str) -> None:
    with pytest.raises(UsageError) as error:
        parse_where(text)
    assert said in str(error.value)
    assert "\n" not in str(error.value)
