"""Where things stand on the screen, by its size. Pure functions."""

from __future__ import annotations

from dataclasses import dataclass

NARROW = 110
SMALLEST = (40, 20)
WORDS = "words"
NORMS = "norms"
PATCH = "patch"
FACTS = "facts"
"""What a lens says that is no overlay: there while such a lens is chosen."""
PANELS = (WORDS, NORMS, PATCH)
NARROW_CHROME = 5
"""Lines of a narrow screen that are neither picture nor panel: title, path, legend, state, keys."""
NORMS_ROWS, PATCH_ROWS, LEAST_ANSWER, LEAST_FACTS = 11, 7, 12, 4
WIDE_CHROME = 6
"""Lines of a wide screen above and below the panels: title, path with a blank line on each side, state, keys."""


@dataclass(frozen=True)
class ScreenLayout:
    """`heights` of the panels that are seen, by name; the panels' block is `width` × `height`, None: what is left."""

    narrow: bool
    too_small: bool
    heights: dict[str, int]
    width: int | None
    height: int | None


def panel_cells(columns: int) -> int:
    """How wide the panels are on a screen of `columns`, what lies around them included."""
    return columns if columns < NARROW else min(max(54, columns * 45 // 100), 74)


def panels(facts: int) -> tuple[str, ...]:
    """The panels there are, with `facts` lines of a lens or without."""
    return (FACTS, *PANELS) if facts else PANELS


def answer_rows(size: tuple[int, int], wanted: int, panel: str, facts: int = 0) -> int:
    """The lines of an answer that would like so many on a screen of `size` (columns, rows).

    On a wide one it has what the other panels leave, of which the norms go where it has need of their room, and where
    there are `facts` of a lens; below the picture at most half of what there is.
    """
    columns, rows = size
    if columns < NARROW:
        return max(8, min(wanted, (rows - NARROW_CHROME) // 2))
    room = rows - WIDE_CHROME - 1 - (PATCH_ROWS + 1)
    if facts:
        return max(LEAST_ANSWER, room - (facts + 1))
    beside = room - (NORMS_ROWS + 1)
    least = LEAST_ANSWER if panel == NORMS else max(LEAST_ANSWER, wanted)
    return beside if beside >= least else max(LEAST_ANSWER, room)


def arrange(
    size: tuple[int, int], words: int, grid_rows: int, panel: str, answer: bool = False, facts: int = 0
) -> ScreenLayout:
    """Panels beside the picture, or one below it where the terminal is narrow; `panel` is the one that must be seen.

    `size` is (columns, rows) of the terminal, `words` the lines that the words would like, or with `answer` that an
    answer is to have, `grid_rows` the rows of the patch grid, `facts` the lines that a lens would like, 0 without one.
    """
    columns, rows = size
    too_small = columns < SMALLEST[0] or rows < SMALLEST[1]
    if columns < NARROW:
        room = max(1, rows - NARROW_CHROME)
        spare = room - grid_rows
        # a small panel where that lets the picture be seen whole, and in any case one that is read
        height = max(min(spare, 12) if spare >= 6 else 8, words if panel == WORDS and answer else 0)
        return ScreenLayout(True, too_small, {panel: height}, None, height)
    room = max(1, rows - WIDE_CHROME)
    wanted = {WORDS: words, NORMS: NORMS_ROWS, PATCH: PATCH_ROWS, FACTS: facts}
    heights: dict[str, int] = {}
    for name in (panel, *(p for p in panels(facts) if p != panel)):
        if name == FACTS and heights and room > LEAST_FACTS:
            # chosen by the person: cut rather than folded away
            wanted[name] = min(facts, room - 1)
        # each has a blank line below it
        if wanted[name] + 1 <= room or not heights:
            heights[name] = min(wanted[name], room)
            room -= heights[name] + 1
    return ScreenLayout(False, too_small, heights, panel_cells(columns), None)
