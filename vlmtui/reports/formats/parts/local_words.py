"""Local words as text: the segments that a report of a whole image begins with, and a page names.

They are found here, from the lists that the report has; a report through the lens itself has them as its words.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import numpy as np

from vlmtui.display.entry_grids import EntryGrid, ReadingGrids
from vlmtui.display.numbers import count, percent
from vlmtui.display.pieces import fit, fold_names, isolate, row_name, width
from vlmtui.display.segments import Segment, least_cells, segments
from vlmtui.lenses.captions import LensResult
from vlmtui.reading import Reading, TokenWords, of_patches
from vlmtui.reports.image_report import ImageReport
from vlmtui.results.local_words import find_local_words

MOST = 8
"""The largest segments that are named."""
_LONGEST_WORD = 20


def local_words_line(report: ImageReport) -> tuple[str, float | None]:
    """`roof 27 patches, rows 4–9; sky 11 of 14 patches, …`: the largest segments, and what to know of them; and the
    share (0–1) of patches that have a local word.

    "" and None for a report without words of the whole image, or without places.
    """
    if report.words is None or report.query.selection.partial:
        return "", None
    return local_words_of(report.reading, report.stage, report.words, report.words_result)


def local_words_of(
    reading: Reading, stage: str, words: TokenWords, result: LensResult | None = None
) -> tuple[str, float | None]:
    """The same for the `words` of all tokens of a stage; `result` is a lens's, where they are its words."""
    grids = [grid for grid in ReadingGrids(reading).tokens if grid.grid is not None]
    if of_patches(stage) or not grids:
        return "", None
    if result is None:
        found = find_local_words(words.ids, fold_names(words.pieces, words.texts), reading.places_at(stage))
        ids, note = found.ids, found.found.note
    elif result.call.lens.foreign:
        return "", None
    else:
        ids, note = words.ids[:, 0], result.note
    names = {id_: row_name(id_, piece, words.texts[id_]) for id_, piece in words.pieces.items()}
    share = float(np.mean([ids[entry] >= 0 for grid in grids for entry in grid.entries.values()]))
    return _line(grids, dict(enumerate(ids.tolist())), names, note), share


def local_share_caption(share: float) -> str:
    """`64% of patches have a local word`, for a share (0–1)."""
    return f"{percent(100 * share)} of patches have a local word"


def _line(grids: list[EntryGrid], ids: Mapping[int, int], names: Mapping[int, str], note: str) -> str:
    large: list[tuple[EntryGrid, Segment, int]] = []
    for grid in grids:
        cells: list[list[str | None]] = [[None] * grid.cols for _ in range(grid.rows)]
        for (row, col), entry in grid.entries.items():
            cells[row][col] = names.get(ids[entry])
        least = least_cells(grid.rows * grid.cols)
        of_word = Counter(word for row in cells for word in row)
        large += [(grid, one, of_word[one.word]) for one in segments(cells) if len(one.cells) >= least]
    large.sort(
        key=lambda found: -len(found[1].cells)
    )  # of equal ones the first grid's, then the first in reading order
    said = [_segment(one, total, grid.name if len(grids) > 1 else "") for grid, one, total in large[:MOST]]
    if len(large) > MOST:
        said.append(f"{len(large) - MOST} smaller")
    return f"{'; '.join(said)}. {note}" if said else note


def _segment(segment: Segment, total: int, grid: str) -> str:
    """`roof 27 patches, rows 4–9`, or `sky 11 of 14 patches, rows 0–3`: of all in its grid that have the word."""
    word = isolate(fit(segment.word, min(width(segment.word), _LONGEST_WORD)))
    first, last = segment.rows
    rows = f"row {first}" if first == last else f"rows {first}–{last}"
    size = len(segment.cells)
    patches = count(size, "patch", "patches") if size == total else f"{size:,} of {count(total, 'patch', 'patches')}"
    return f"{word} {patches}, {rows}{f' of {grid}' if grid else ''}"
