"""Words and labels written over the image, cell by cell."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from rich.color import Color
from rich.segment import Segment
from rich.style import Style

from vlmtui.display.canvas import Pixels
from vlmtui.display.cell_layout import CellLayout
from vlmtui.display.colours import Colour, blend, ink
from vlmtui.display.pieces import width
from vlmtui.display.segment_labels import SegmentLabel
from vlmtui.tui.state.page_words import RankedWord

Words = Sequence[Sequence[str | None]]
Over = dict[int, dict[int, Segment]]
"""What is written over cells: by line, by column; after a character of two cells the second is the empty segment."""
BOLD = Style(bold=True)
SHADE = 0.6
"""Share of a word's colour in the shade behind it."""


def write_words(over: Over, pixels: Pixels, layout: CellLayout, words: Words, colours: Mapping[str, Colour]) -> None:
    """Write each patch's word over the middle of its whole cells, on a shade of its colour where it has one.

    A patch shows none where some of its columns are out of view, or the first line of its word: no end alone.
    """
    for row, line in enumerate(words):
        rows = layout.cell_rows(row)
        for col, word in enumerate(line):
            x, _, wide, _ = layout.extent(row, col)
            if not word or not rows or x < 0 or x + wide > layout.width:
                continue
            parts = wrapped_word(word, wide - 1, len(rows))
            first = rows[0] + (len(rows) - len(parts)) // 2
            for at, part in enumerate(parts if first >= 0 else (), first):
                if at >= layout.height:
                    break
                style = _inked(_ground(pixels, at, x, width(part)), colours.get(word))
                for i, character in _placed(part, x):
                    _put(over[at], i, character, style)


def write_ranked(
    over: Over,
    pixels: Pixels,
    layout: CellLayout,
    ranked: Mapping[tuple[int, int], Sequence[RankedWord]],
    colours: Mapping[str, Colour],
) -> None:
    """Write each patch's first words below each other, with the score of the first where it has the room.

    The first goes on in the next lines where it is longer than one; the others are cut. The outer columns and the last
    row of a patch stay free.
    """
    for (row, col), words in ranked.items():
        rows, (x, _, wide, _) = layout.cell_rows(row), layout.extent(row, col)
        if x < 0 or x + wide > layout.width:
            continue
        if not words:
            continue
        room, first = wide - 2, words[0]
        top = wrapped_word(first.word, room, len(rows) - 1)
        others = ["".join(wrapped_word(word.word, room, 1)) for word in words[1:]]
        for number, (at, part) in enumerate(zip(rows[:-1], [*top, *others], strict=False)):
            if not 0 <= at < layout.height:
                continue
            named = number < len(top)
            colour = colours.get(first.word) if named else None
            _write(over[at], pixels, at, x + 1, part, colour, bold=named)
            if number == 0 and width(first.word) + width(first.score) <= room:
                _write(over[at], pixels, at, x + 1 + room - width(first.score), first.score, None)


def _write(
    line: dict[int, Segment], pixels: Pixels, y: int, x: int, text: str, colour: Colour | None, bold: bool = False
) -> None:
    """Write a text over the cells of line `y` from `x` on."""
    style = _inked(_ground(pixels, y, x, width(text)), colour)
    for i, character in _placed(text, x):
        _put(line, i, character, style + BOLD if bold else style)


def _ground(pixels: Pixels, line: int, x: int, wide: int) -> np.ndarray:
    """The mean colour of cells of one line: a word has one colour and one ground."""
    return np.asarray(pixels[2 * line : 2 * line + 2, x : x + max(1, wide)].mean(axis=(0, 1)))


def write_labels(over: Over, labels: Iterable[SegmentLabel], style: Style) -> None:
    """Write labels in a style of their own, so that they are read over every colour."""
    for label in labels:
        for x, character in _placed(label.text, label.x):
            _put(over[label.y], x, character, style)


def label_letters(labels: Iterable[SegmentLabel], y: int) -> dict[int, str]:
    """The letters of labels on a line that have one cell each, by column."""
    there = (placed for label in labels if label.y == y for placed in _placed(label.text, label.x))
    return {x: character for x, character in there if character != " " and width(character) == 1}


def wrapped_word(word: str, cells: int, rows: int) -> list[str]:
    """A word in at most `rows` lines of `cells` cells, the end cut off where it is longer."""
    lines = [""]
    for character in word:
        size = width(character)
        if width(lines[-1]) + size <= cells:
            lines[-1] += character
        elif size <= cells and len(lines) < rows:
            lines.append(character)
        else:
            break
    return [line for line in lines if line]


def word_start(word: str, wide: int, tall: int, line: int) -> str:
    """The first letter of what stands on one line of a patch, where it has one cell; else ""."""
    parts = wrapped_word(word, wide - 1, tall)
    at = line - (tall - len(parts)) // 2
    first = parts[at][:1] if 0 <= at < len(parts) else ""
    return first if width(first) == 1 else ""


def _placed(text: str, x: int) -> Iterable[tuple[int, str]]:
    """The characters of a text with their columns, from `x` on; what has no width is left out."""
    for character in text:
        if size := width(character):
            yield x, character
            x += size


def _put(line: dict[int, Segment], x: int, character: str, style: Style) -> None:
    line[x] = Segment(character, style)
    if width(character) == 2:
        line[x + 1] = Segment("", style)


def _inked(ground: np.ndarray, colour: Colour | None) -> Style:
    """Black or white, whichever reads, on a cell's own colour or a shade of the word's."""
    under = ground if colour is None else blend(ground, np.array(colour), SHADE)
    red, green, blue = (int(v) for v in under)
    return Style(color=Color.from_rgb(*ink((red, green, blue))), bgcolor=Color.from_rgb(red, green, blue))
