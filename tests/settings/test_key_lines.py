"""Lines of keys: held against texts of known statements, and against what `tomllib` finds in them."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vlmtui.settings.key_lines import key_lines

NAMES = st.text("ab_-1", min_size=1, max_size=3) | st.text("ab.é \"'#[]=\\\n", max_size=4)
FILLING = st.sampled_from(["", "   ", "# a comment: x = [1, 2", '\t# """'])


def written(name: str) -> str:
    """A key, quoted where it has to be."""
    if name and all(c.isascii() and (c.isalnum() or c in "_-") for c in name):
        return name
    return '"' + "".join(f"\\u{ord(c):04x}" if c in '"\\\n' else c for c in name) + '"'


@st.composite
def values(draw: st.DrawFn) -> str:
    """A value as TOML, on one line or on several."""
    return draw(
        st.sampled_from(
            [
                "1",
                "true",
                '"x = 2 # no"',
                "'[a]'",
                "1979-05-27",
                "[]",
                "[1, 2]",
                "[\n  1, # ]\n\n  2,\n]",
                '["]",\n"""\n]\n"""]',
                '"""\na = 1\n[b]\n"""',
                "'''\n'''",
                '"""one\\\n   line"""',
                "{}",
                '{ inner = 1, "b.c" = [\n] }',
            ]
        )
    )


@st.composite
def texts(draw: st.DrawFn) -> tuple[str, dict[tuple[str, ...], int]]:
    """A valid text, and the line of every key that a statement gives first."""
    lines: list[str] = []
    found: dict[tuple[str, ...], int] = {}
    header: tuple[str, ...] = ()
    for _ in range(draw(st.integers(0, 8))):
        lines += draw(st.lists(FILLING, max_size=2))
        path = tuple(draw(st.lists(NAMES, min_size=1, max_size=3)))
        dotted = ".".join(map(written, path))
        kind = draw(st.sampled_from(["key", "key", "key", "table", "array"]))
        value = draw(values())
        statement = {"key": f"{dotted} = {value}", "table": f"[{dotted}]", "array": f"[[ {dotted} ]] # x"}[kind]
        try:
            tomllib.loads("\n".join([*lines, statement]))
        except tomllib.TOMLDecodeError:
            continue  # it contradicts another statement
        number = "\n".join([*lines, ""]).count("\n") + 1
        lines += statement.split("\n")
        above = () if kind != "key" else header
        for end in range(1, len(path) + 1):
            found.setdefault((*above, *path[:end]), number)
        if kind == "key" and "inner" in value:
            for inner in ("inner", "b.c"):
                found.setdefault((*above, *path, inner), number)
        header = path if kind != "key" else header
    return draw(st.sampled_from(["\n", "\r\n"])).join(lines), found


def paths(content: Any, above: tuple[str, ...] = ()) -> set[tuple[str, ...]]:
    """The keys to everything in a content."""
    if isinstance(content, list):
        return set().union(*(paths(one, above) for one in content))
    if not isinstance(content, dict):
        return set()
    return {(*above, key) for key in content}.union(*(paths(inner, (*above, key)) for key, inner in content.items()))


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(texts())
def test_every_key_has_its_line(made: tuple[str, dict[tuple[str, ...], int]]) -> None:
    text, expected = made
    found = key_lines(text)
    assert found == expected
    assert found.keys() == paths(tomllib.loads(text))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", {}),
        ("# nothing\n\n", {}),
        ("k = 5", {("k",): 1}),
        ('\n# x\npanels = [\n  "words",\n]\nk = 5\n', {("panels",): 3, ("k",): 6}),
        ("[profile.a]\nk = 1\n[profile.b]\nk = 2", {("profile",): 1, ("profile", "a"): 1, ("profile", "a", "k"): 2}),
        ('"a b".c = 1', {("a b",): 1, ("a b", "c"): 1}),
    ],
)
def test_lines_of_texts_written_by_hand(text: str, expected: dict[tuple[str, ...], int]) -> None:
    assert key_lines(text).items() >= expected.items()
