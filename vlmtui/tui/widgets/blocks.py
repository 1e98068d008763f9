"""Half-block cells: two pixels a cell, cells that look alike joined to runs.

What lies under a cell is worked out for the whole image at once: cell by cell it would take longer than the eye
allows between two stages.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from rich.color import Color
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from vlmtui.display.canvas import Pixels
from vlmtui.display.canvas import half_block as half_block_cell

Over = Mapping[int, Segment]
"""What is written over a line: by cell; a wide character takes the cell after it, which is then the empty segment."""


@lru_cache(maxsize=1 << 16)
def half_block(top: tuple[int, int, int], bottom: tuple[int, int, int]) -> Segment:
    """One cell of two pixels; remembered, since images repeat their colours."""
    character, fore, back = half_block_cell(top, bottom)
    return Segment(character, Style.from_color(_colour(fore) if fore else None, _colour(back)))


@lru_cache(maxsize=1 << 14)
def _colour(rgb: tuple[int, int, int]) -> Color:
    return Color.from_rgb(*rgb)


def lines(pixels: Pixels, cuts: Sequence[int], over: Mapping[int, Over]) -> list[list[Strip]]:
    """Pixels [2 · height, width, 3] as lines, cut into the columns between `cuts` (ascending, 0 to width).

    `over` is what is written over cells, by line. → [columns][height].
    """
    kinds, cells = _kinds(pixels.tobytes(), pixels.shape[1])
    return [
        [_line(kinds[y, start:end], cells, over.get(y, {}), start) for y in range(len(kinds))]
        for start, end in pairwise(cuts)
    ]


@lru_cache(maxsize=32)
def _kinds(pixels: bytes, width: int) -> tuple[NDArray[np.intp], list[Segment]]:
    """Which of the different cells stands where [height, width], and what they are; remembered for the way back."""
    wide = np.frombuffer(pixels, np.uint8).reshape(-1, width, 3).astype(np.uint64)
    packed = (wide[..., 0] << np.uint64(16)) | (wide[..., 1] << np.uint64(8)) | wide[..., 2]
    pairs = (packed[0::2] << np.uint64(24)) | packed[1::2]
    different, where = np.unique(pairs, return_inverse=True)
    cells = [half_block(_rgb(pair >> 24), _rgb(pair)) for pair in different.tolist()]
    return where.reshape(pairs.shape), cells


def _rgb(packed: int) -> tuple[int, int, int]:
    return (packed >> 16) & 255, (packed >> 8) & 255, packed & 255


def _line(kinds: NDArray[np.intp], cells: list[Segment], over: Over, left: int) -> Strip:
    """One line of cells, beginning at column `left`."""
    width = len(kinds)
    if not width:
        return Strip([], 0)
    starts = [0, *(np.flatnonzero(kinds[1:] != kinds[:-1]) + 1).tolist()]
    written = sorted(x - left for x in over if left <= x < left + width)
    if written:
        # runs end where something is written, and begin anew behind it
        starts = sorted({*starts, *written, *(x + 1 for x in written if x + 1 < width)})
    segments: list[Segment] = []
    for start, end in pairwise((*starts, width)):
        if (start + left) in over:
            if (segment := over[start + left]).text:
                segments.append(segment)
            continue
        text, style, _ = cells[kinds[start]]
        segments.append(Segment(text * (end - start), style))
    return Strip(segments, width)
