"""Text grids of top-1 words, or of a lens's numbers, in equal columns aligned for any script."""

from __future__ import annotations

import math
from collections.abc import Iterator

from vlmtui.display.grid_names import grid_names, unplaced_name
from vlmtui.display.numbers import box
from vlmtui.display.pieces import fit, visible, width
from vlmtui.geometry import Grid
from vlmtui.reading import Reading, TokenWords, of_patches

_LEAST = 2
_UNCUT = 5
"""Narrowest cell in which a cut word ends in an ellipsis; in narrower ones every cell shows a letter."""
_HOLE = "·"


def word_grid(reading: Reading, words: TokenWords, columns: int, stage: str = "tokens") -> Iterator[str]:
    """The top-1 words of every grid that has tokens, then of the query tokens, at most `columns` cells wide.

    At a vision stage, the words of its patches from the projector lens.
    """
    first = {int(token): _word(words, row) for row, token in enumerate(words.tokens)}
    what = "First words, early exit" if of_patches(stage) else "First words"
    yield from cell_grid(reading, stage, first, columns, what, "words are cut")


def cell_grid(
    reading: Reading, stage: str, said: dict[int, str], columns: int, what: str, cut: str = "they are cut"
) -> Iterator[str]:
    """A text for each of the stage's entries, laid out on its grids, at most `columns` cells wide."""
    names = grid_names(reading.grids)
    rows: dict[int | None, dict[tuple[int, int], str]] = {grid.id: {} for grid in reading.grids}
    loose: dict[int, str] = {}
    places = reading.places_at(stage)
    for entry, text in said.items():
        place = places[entry]
        if place.grid is None or place.row is None or place.col is None:
            if place.kind != "newline":
                loose[place.index] = text
        else:
            rows[place.grid][place.row, place.col] = text
    for grid in reading.grids:
        if rows[grid.id]:
            shape = (grid.patch_rows, grid.patch_cols) if of_patches(stage) else (grid.rows, grid.cols)
            title = titled(grid, names[grid.id], len(reading.grids) > 1)
            yield from _one_grid(shape, rows[grid.id], columns, what, title, cut)
            yield ""
    if loose:
        name = unplaced_name(place for place in places if place.kind != "newline")
        yield from _list(f"{what} of {name}", loose, columns)
        yield ""


def titled(grid: Grid, name: str, many: bool) -> str:
    """`tile 2 of 5 (grid 2): pixels (0, 213.5) – (320, 427)`; nothing where there is only one grid."""
    return f"{name} (grid {grid.id}): pixels {box(grid.box)}" if many else ""


def _word(words: TokenWords, row: int) -> str:
    there = words.at(row)
    if not there:
        return "–"
    id_ = there[0][0]
    return visible(words.pieces[id_], words.texts[id_])


def _one_grid(
    shape: tuple[int, int], shown: dict[tuple[int, int], str], columns: int, what: str, title: str, cut: str
) -> Iterator[str]:
    down, across = shape
    label = len(str(down - 1)) + 1
    room = columns - label
    # a grid too wide for two cells per word is split into blocks of columns, one below the other
    blocks = math.ceil(across / (room // (_LEAST + 1)))
    per_block = math.ceil(across / blocks)
    widest = max(width(word) for word in shown.values())
    cell = min(room // per_block - 1, max(_LEAST, widest))
    facts = f"{down} rows × {across} columns"
    if widest > cell:
        facts += f"; {cut} to {cell} cells"
    if title:
        yield f"{what}, {title}"
        yield facts
    else:
        yield f"{what}, {facts}"
    if len(shown) < down * across:
        yield f"{_HOLE} was cut away by the model"
    for start in range(0, across, per_block):
        block = range(start, min(start + per_block, across))
        yield ""
        yield " " * label + "".join(" " + fit(str(col)[-cell:], cell) for col in block)
        for row in range(down):
            cells = (_cell(shown.get((row, col), _HOLE), cell) for col in block)
            yield fit(str(row), label - 1, "right") + " " + "".join(f" {c}" for c in cells)


def _list(title: str, shown: dict[int, str], columns: int) -> Iterator[str]:
    """Index and word in as many columns as fit, filled column by column."""
    label = max(len(str(index)) for index in shown)
    cell = min(max(_LEAST, *(width(word) for word in shown.values())), columns - label - 1, 20)
    across = max(1, (columns + 2) // (label + 1 + cell + 2))
    down = math.ceil(len(shown) / across)
    entries = [f"{index:>{label}} {_cell(word, cell)}" for index, word in shown.items()]
    yield title
    yield ""
    for row in range(down):
        yield "  ".join(entries[row::down])


def _cell(word: str, cells: int) -> str:
    return fit(word, cells) if cells >= _UNCUT else fit(word, cells, cut="")
