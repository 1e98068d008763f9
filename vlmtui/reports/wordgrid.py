"""The grid of first words, in equal columns that stay aligned for any script."""

from __future__ import annotations

import math
from collections.abc import Iterator

from vlmtui.display.pieces import fit, visible, width
from vlmtui.grid import Grid
from vlmtui.reading import Reading, Words

_LEAST = 2
_UNCUT = 5
"""From so many cells on, a cut word ends in an ellipsis; below, every cell is a letter."""


def word_grid(reading: Reading, words: Words, columns: int) -> Iterator[str]:
    """The first words of every grid that has tokens, at most `columns` cells wide."""
    first = {int(token): row for row, token in enumerate(words.tokens)}
    for grid in reading.grids:
        rows: dict[tuple[int, int], str] = {}
        for index, place in enumerate(reading.places):
            if place.grid == grid.id and place.row is not None and place.col is not None and index in first:
                rows[place.row, place.col] = _word(words, first[index])
        if rows:
            yield from _one_grid(grid, rows, columns, len(reading.grids) > 1)
            yield ""


def _word(words: Words, row: int) -> str:
    if words.ids.shape[1] == 0:
        return "–"
    id_ = int(words.ids[row, 0])
    return visible(words.pieces[id_], words.texts[id_])


def _one_grid(grid: Grid, shown: dict[tuple[int, int], str], columns: int, many: bool) -> Iterator[str]:
    label = len(str(grid.rows - 1)) + 1
    room = columns - label
    # a grid too wide for two cells a word is laid out in blocks of columns, one under the other
    blocks = math.ceil(grid.cols / (room // (_LEAST + 1)))
    per_block = math.ceil(grid.cols / blocks)
    widest = max(width(word) for word in shown.values())
    cell = min(room // per_block - 1, max(_LEAST, widest))
    title = f"First words, {grid.rows} rows × {grid.cols} columns"
    if many:
        title += f", grid {grid.id} ({grid.kind})"
    if widest > cell:
        title += f"; words are cut to {cell} cells"
    yield title
    for start in range(0, grid.cols, per_block):
        block = range(start, min(start + per_block, grid.cols))
        yield ""
        yield " " * label + "".join(" " + fit(str(col)[-cell:], cell) for col in block)
        for row in range(grid.rows):
            cells = (_cell(shown.get((row, col), ""), cell) for col in block)
            yield fit(str(row), label - 1, "right") + " " + "".join(f" {c}" for c in cells)


def _cell(word: str, cells: int) -> str:
    return fit(word, cells) if cells >= _UNCUT else fit(word, cells, cut="")
