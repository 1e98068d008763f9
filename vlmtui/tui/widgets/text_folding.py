"""Folding of an answer into lines, and the place of one of its tokens among them. Pure functions."""

from __future__ import annotations

from collections.abc import Sequence

from vlmtui.display.pieces import plain, width
from vlmtui.results.answers import AnswerToken
from vlmtui.tui.widgets.lines import wrapped

SKIPPED = 8
"""Characters between two tokens that are found in the text: of those that are none by themselves, as single bytes."""


def folded(text: str, cells: int) -> list[str]:
    """Text in lines of at most `cells` cells: between words where that can be, and within what has no spaces."""
    lines: list[str] = []
    for paragraph in text.splitlines():
        for part in wrapped(plain(paragraph), cells):
            start = used = 0
            for i, character in enumerate(part):
                if used + width(character) > cells and i > start:
                    lines.append(part[start:i])
                    start, used = i, 0
                used += width(character)
            lines.append(part[start:])
    return lines


def span(text: str, tokens: Sequence[AnswerToken], chosen: int | None) -> tuple[int, int]:
    """Where a token stands in the text (start, end); an empty span where it cannot be told, as of one byte."""
    at = 0
    for i, token in enumerate(tokens):
        said = (token.text or "").strip()
        start = -1 if token.special or not said else text.find(said, at, at + SKIPPED + len(said))
        if i == chosen:
            return (start, start + len(said)) if start >= 0 else (at, at)
        if start >= 0:
            at = start + len(said)
    return 0, 0


def parted(lines: Sequence[str], text: str, where: tuple[int, int]) -> list[tuple[str, str, str]]:
    """Each of the text's folded lines in three: before a span of the text, within it, after it.

    Folding takes away spaces and nothing else, so places are counted without them.
    """
    start, end = (sum(_solid(plain(part)) for part in text[:at].splitlines()) for at in where)
    parts, at = [], 0
    for line in lines:
        cuts = [0 if start == end else _after(line, edge - at) for edge in (start, end)]
        inside = line[cuts[0] : cuts[1]]
        # the space before a word is none of it
        cuts[0] += len(inside) - len(inside.lstrip())
        parts.append((line[: cuts[0]], line[cuts[0] : cuts[1]], line[cuts[1] :]))
        at += _solid(line)
    return parts


def windowed(lines: Sequence[tuple[str, str, str]], most: int, tail: bool = False) -> list[tuple[str, str, str]]:
    """At most so many lines: the first ones, or those around the marked part, or with `tail` the last.

    An ellipsis stands where some are left out before or after.
    """
    if len(lines) <= most:
        return list(lines)
    at = next((i for i, (_, marked, _) in enumerate(lines) if marked), 0)
    first = len(lines) - most if tail else min(max(0, at - most // 2), len(lines) - most)
    seen = list(lines[first : first + most])
    if first:
        before, marked, after = seen[0]
        seen[0] = (f"… {before}", marked, after)
    if first + most < len(lines):
        before, marked, after = seen[-1]
        seen[-1] = (before, marked, f"{after} …")
    return seen


def _solid(text: str) -> int:
    return sum(1 for character in text if not character.isspace())


def _after(line: str, solid: int) -> int:
    """The end of the first `solid` characters of a line that are no spaces."""
    for i, character in enumerate(line):
        if solid <= 0:
            return i
        solid -= not character.isspace()
    return len(line)
