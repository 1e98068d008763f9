"""Text grids of top-1 words, or of a lens's numbers, in equal columns aligned for any script."""

from __future__ import annotations

import math
from collections.abc import Iterator

from vlmtui.display.grid_names import grid_names, unplaced_name
from vlmtui.display.norm_statistics import is_outlier
from vlmtui.display.numbers import box, format_number
from vlmtui.display.pieces import fit, visible, width
from vlmtui.geometry import Grid
from vlmtui.reading import Floats, Reading, TokenWords, of_patches

_LEAST = 2
_UNCUT = 5
"""Narrowest cell in which a cut word ends in an ellipsis; in narrower ones every cell shows a letter."""
_HOLE = "·"


def word_grid(reading: Reading, words: TokenWords, columns: int, stage: str = "tokens") -> Iterator[str]:
    """The top-1 words of every grid that has tokens, then of the query tokens, at most `columns` cells wide.

    At a vision stage, the words of its patches from the projector lens.
    """
    first_words = {int(token): _word(words, row) for row, token in enumerate(words.tokens)}
    heading = "Top-1 words, projector lens" if of_patches(stage) else "Top-1 words"
    yield from cell_grid(reading, stage, first_words, columns, heading, "words are cut")


def norm_grid(reading: Reading, norms: Floats, columns: int, stage: str) -> Iterator[str]:
    """The norms [entries] of a stage on its grids, outliers marked: the overview of a model without words."""
    marks = is_outlier(norms)
    texts = {
        entry: f"{format_number(float(norm), 3)}{'!' if mark else ''}"
        for entry, (norm, mark) in enumerate(zip(norms, marks, strict=True))
    }
    # a number that is cut would be another: wide grids are parted instead
    least = max(map(len, texts.values()), default=_LEAST)
    yield from cell_grid(reading, stage, texts, columns, f"Norms at {stage}", least=least)


def cell_grid(
    reading: Reading,
    stage: str,
    entry_texts: dict[int, str],
    columns: int,
    heading: str,
    cut_note: str = "they are cut",
    least: int = _LEAST,
) -> Iterator[str]:
    """A text for each of the stage's entries, laid out on its grids, at most `columns` cells wide.

    A grid that is too wide for cells of the width `least` is split into blocks of columns.
    """
    names = grid_names(reading.grids)
    rows: dict[int | None, dict[tuple[int, int], str]] = {grid.id: {} for grid in reading.grids}
    ungridded: dict[int, str] = {}
    places = reading.places_at(stage)
    for entry, text in entry_texts.items():
        place = places[entry]
        if place.grid is None or place.row is None or place.col is None:
            if place.kind != "newline":
                ungridded[place.index] = text
        else:
            rows[place.grid][place.row, place.col] = text
    for grid in reading.grids:
        if rows[grid.id]:
            shape = (grid.patch_rows, grid.patch_cols) if of_patches(stage) else (grid.rows, grid.cols)
            title = titled(grid, names[grid.id], len(reading.grids) > 1)
            yield from _one_grid(shape, rows[grid.id], columns, heading, title, cut_note, least)
            yield ""
    if ungridded:
        name = unplaced_name(place for place in places if place.kind != "newline")
        yield from _list(f"{heading} of {name}", ungridded, columns)
        yield ""


def titled(grid: Grid, name: str, has_many_grids: bool) -> str:
    """`tile 2 of 5 (grid 2): pixels (0, 213.5) – (320, 427)`; nothing where there is only one grid."""
    return f"{name} (grid {grid.id}): pixels {box(grid.box)}" if has_many_grids else ""


def _word(words: TokenWords, row: int) -> str:
    entry_words = words.at(row)
    if not entry_words:
        return "–"
    id_ = entry_words[0][0]
    return visible(words.pieces[id_], words.texts[id_])


def _one_grid(
    shape: tuple[int, int],
    texts: dict[tuple[int, int], str],
    columns: int,
    heading: str,
    title: str,
    cut_note: str,
    least: int,
) -> Iterator[str]:
    num_rows, num_columns = shape
    label = len(str(num_rows - 1)) + 1
    room = columns - label
    # a grid too wide for the least cell is split into blocks of columns, one below the other
    blocks = math.ceil(num_columns / (room // (least + 1)))
    per_block = math.ceil(num_columns / blocks)
    widest = max(width(word) for word in texts.values())
    cell = min(room // per_block - 1, max(_LEAST, widest))
    facts = f"{num_rows} rows × {num_columns} columns"
    if widest > cell:
        facts += f"; {cut_note} to {cell} cells"
    if title:
        yield f"{heading}, {title}"
        yield facts
    else:
        yield f"{heading}, {facts}"
    if len(texts) < num_rows * num_columns:
        yield f"{_HOLE} was removed by the model"
    for start in range(0, num_columns, per_block):
        block = range(start, min(start + per_block, num_columns))
        yield ""
        yield " " * label + "".join(" " + fit(str(col)[-cell:], cell) for col in block)
        for row in range(num_rows):
            cells = (_cell(texts.get((row, col), _HOLE), cell) for col in block)
            yield fit(str(row), label - 1, "right") + " " + "".join(f" {c}" for c in cells)


def _list(title: str, texts: dict[int, str], columns: int) -> Iterator[str]:
    """Index and word in as many columns as fit, filled column by column."""
    label = max(len(str(index)) for index in texts)
    cell = min(max(_LEAST, *(width(word) for word in texts.values())), columns - label - 1, 20)
    num_columns = max(1, (columns + 2) // (label + 1 + cell + 2))
    num_rows = math.ceil(len(texts) / num_columns)
    entries = [f"{index:>{label}} {_cell(word, cell)}" for index, word in texts.items()]
    yield title
    yield ""
    for row in range(num_rows):
        yield "  ".join(entries[row::num_rows])


def _cell(word: str, cells: int) -> str:
    return fit(word, cells) if cells >= _UNCUT else fit(word, cells, cut="")
