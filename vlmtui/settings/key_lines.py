"""Lines of the keys in a TOML text: `tomllib` gives values without them.

A text is split into its statements by `tomllib` itself: the shortest run of whole lines that it accepts alone is one
statement, since a string, an array or an inline table that goes on in the next line is not accepted before its end.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from typing import Any

Keys = tuple[str, ...]
"""The keys that lead to a value, from the outermost; positions in arrays of tables are left out."""


_ENDS = ("]", "}", '"""', "'''")
"""What ends a statement of several lines."""


def key_lines(text: str) -> dict[Keys, int]:
    """The line, from 1, at which the statement begins that first gives each key of a valid TOML text."""
    found: dict[Keys, int] = {}
    header: Keys = ()
    for number, statement, content in _statements(text):
        is_header = statement.lstrip().startswith("[")
        for keys in _paths(content):
            found.setdefault(keys if is_header else (*header, *keys), number)
        if is_header:
            header = max(_paths(content), key=len)
    return found


def _statements(text: str) -> Iterator[tuple[int, str, dict[str, Any]]]:
    """Every statement with its first line's number and its content; blank lines and comments are left out."""
    lines = text.replace("\r\n", "\n").split("\n")
    start = 0
    while start < len(lines):
        end = start + 1
        while (content := _parsed("\n".join(lines[start:end]))) is None and end < len(lines):
            end += 1
            while end < len(lines) and not any(mark in lines[end - 1] for mark in _ENDS):
                end += 1
        if content:
            yield start + 1, "\n".join(lines[start:end]), content
        start = end


def _parsed(text: str) -> dict[str, Any] | None:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return None


def _paths(content: dict[str, Any], above: Keys = ()) -> Iterator[Keys]:
    for key, value in content.items():
        keys = (*above, key)
        yield keys
        for inner in value if isinstance(value, list) else [value]:
            if isinstance(inner, dict):
                yield from _paths(inner, keys)
