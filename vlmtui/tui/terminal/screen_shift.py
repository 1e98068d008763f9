"""Shift of what a terminal shows: an image that was moved is moved by the terminal, and only its new edge is sent.

Sideways each row is shifted by itself, so that what stands beside the image stays. Up and down the terminal scrolls
whole rows, and what stood beside the image is sent again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from operator import ne
from typing import TypeVar

from vlmtui.tui.terminal.screen_difference import difference
from vlmtui.tui.terminal.screen_grid import TAIL, ScreenGrid

_T = TypeVar("_T")
LEAST_CHANGED = 300
"""Cells of another style; where fewer have changed, shifting saves nothing that would be noticed."""
SAMPLE = 3
"""Of so many rows or columns one is looked at for how far the image has moved."""
LEAST_VOTES = 8
SHARE = 4
"""A row or column belongs to the image where a fourth as many of its cells have moved as in the one with the most."""


@dataclass(frozen=True)
class RowsShift:
    """Cells between two columns move to the left by `step`, or to the right where it is negative."""

    rows: tuple[int, ...]
    start: int
    end: int
    step: int

    @property
    def _cut(self) -> int:
        """Where cells are deleted."""
        return self.start if self.step > 0 else self.end + self.step

    @property
    def _gap(self) -> int:
        """Where cells are inserted, once the others have been deleted."""
        return self.end - self.step if self.step > 0 else self.start

    def sequences(self) -> str:
        """What makes a terminal do it."""
        many = abs(self.step)
        ways = f"{self._cut + 1}H\x1b[{many}P\x1b[{self._gap + 1}G\x1b[{many}@"
        return "\x1b[0m" + "".join(f"\x1b[{row + 1};{ways}" for row in self.rows)

    def apply(self, grid: ScreenGrid) -> None:
        """Do it to a grid; the cells that are new have never been painted."""
        for row in self.rows:
            self._move(grid.characters[row], None)
            self._move(grid.styles[row], "")

    def _move(self, cells: list[_T], blank: _T) -> None:
        many = abs(self.step)
        del cells[self._cut : self._cut + many]
        cells[self._gap : self._gap] = [blank] * many

    def fits(self, characters: Sequence[str | None]) -> bool:
        """Whether no wide character of a row would be cut."""
        edges = {self._cut, self._cut + abs(self.step), self.start, self.end}
        return all(edge >= len(characters) or characters[edge] != TAIL for edge in edges)


@dataclass(frozen=True)
class RowsScroll:
    """Rows from `top` to before `bottom` move up by `step`, or down where it is negative."""

    top: int
    bottom: int
    step: int

    @property
    def rows(self) -> tuple[int, ...]:
        """The rows that are others afterwards."""
        return tuple(range(self.top, self.bottom))

    def sequences(self) -> str:
        """What makes a terminal do it."""
        row, move = (self.bottom, "\n") if self.step > 0 else (self.top + 1, "\x1bM")
        return f"\x1b[0m\x1b[{self.top + 1};{self.bottom}r\x1b[{row};1H{move * abs(self.step)}\x1b[r"

    def apply(self, grid: ScreenGrid) -> None:
        """Do it to a grid; the rows that are new have never been painted."""
        self._move(grid.characters, None, grid.width)
        self._move(grid.styles, "", grid.width)

    def _move(self, rows: list[list[_T]], blank: _T, width: int) -> None:
        many, moved = abs(self.step), rows[self.top : self.bottom]
        new = [[blank] * width for _ in range(many)]
        rows[self.top : self.bottom] = [*moved[many:], *new] if self.step > 0 else [*new, *moved[:-many]]


Shift = RowsShift | RowsScroll


def least_difference(shown: ScreenGrid, wanted: ScreenGrid) -> str:
    """Write what makes `shown` into `wanted`, with a shift where that takes fewer bytes; see `difference`."""
    shift = shift_between(shown, wanted)
    if shift is None:
        return difference(shown, wanted)
    moved, touched = shown.copy(), set(wanted.touched)
    shift.apply(moved)
    plain = difference(shown, wanted)
    wanted.touched = touched.union(shift.rows)
    shifted = shift.sequences() + difference(moved, wanted)
    # both grids are what is wanted now
    return _least(shifted, plain)


def _least(*ways: str) -> str:
    return min(ways, key=len)


def shift_between(shown: ScreenGrid, wanted: ScreenGrid) -> Shift | None:
    """The shift of a large part of the screen that explains the most of what has changed; None where none does."""
    rows = [row for row in sorted(wanted.touched) if wanted.styles[row] != shown.styles[row]]
    if sum(sum(map(ne, shown.styles[row], wanted.styles[row])) for row in rows) < LEAST_CHANGED:
        return None
    sideways, votes = _step((shown.styles[row], wanted.styles[row]) for row in rows[::SAMPLE])
    columns = range(0, wanted.width, SAMPLE)
    span = range(rows[0], rows[-1] + 1)
    old_columns, new_columns = ([[grid.styles[row][at] for row in span] for at in columns] for grid in (shown, wanted))
    upwards, votes_upwards = _step(zip(old_columns, new_columns, strict=True))
    if max(votes, votes_upwards) < LEAST_VOTES:
        return None
    find: Callable[[ScreenGrid, ScreenGrid, list[int], int], Shift | None]
    find, step = (_sideways, sideways) if votes >= votes_upwards else (_upwards, upwards)
    return find(shown, wanted, rows, step)


def _step(lines: Iterable[tuple[Sequence[str], Sequence[str]]]) -> tuple[int, int]:
    """By how much most of what has changed along lines (before, after) has moved towards their start, and how much.

    Where a style begins that is there once before and once after is where it has come from.
    """
    votes: Counter[int] = Counter()
    for before, after in lines:
        if before != after:
            old, new = _beginnings(before), _beginnings(after)
            votes.update(old[style] - at for style, at in new.items() if old.get(style, -1) >= 0 <= at)
    # most of the screen stands still, and what does is no shift
    del votes[0]
    return max(votes.items(), key=lambda vote: vote[1], default=(0, 0))


def _beginnings(styles: Sequence[str]) -> dict[str, int]:
    """Where each style begins; -1 for one that does so more than once."""
    found: dict[str, int] = {}
    last = None
    for at, style in enumerate(styles):
        if style != last:
            found[style] = -1 if style in found else at
            last = style
    return found


def _sideways(shown: ScreenGrid, wanted: ScreenGrid, rows: list[int], step: int) -> Shift | None:
    moved = Counter[int]()
    for row in rows:
        moved.update(_moved(shown.styles[row], wanted.styles[row], step))
    inside = _of_image(moved)
    if not inside:
        return None
    start, end = min(inside), max(inside) + 1
    shift = RowsShift((), start + min(step, 0), end + max(step, 0), step)
    several = [
        row
        for row in rows
        if shift.fits(shown.characters[row]) and len(_moved(shown.styles[row], wanted.styles[row], step)) > 1
    ]
    return RowsShift(tuple(several), shift.start, shift.end, step) if several else None


def _upwards(shown: ScreenGrid, wanted: ScreenGrid, rows: list[int], step: int) -> Shift | None:
    moved = Counter[int]()
    for row in rows:
        if 0 <= row + step < wanted.height:
            cells = zip(wanted.styles[row], shown.styles[row], shown.styles[row + step], strict=True)
            moved[row] = sum(new == from_ and new != old for new, old, from_ in cells)
    inside = _of_image(moved)
    if not inside:
        return None
    top, bottom = min(inside), max(inside) + 1
    return RowsScroll(top + min(step, 0), bottom + max(step, 0), step)


def _moved(before: Sequence[str], after: Sequence[str], step: int) -> list[int]:
    """Where something stands that has changed, and is what stood `step` further on."""
    first, last = max(0, -step), min(len(after), len(after) - step)
    cells = enumerate(
        zip(after[first:last], before[first:last], before[first + step : last + step], strict=True), first
    )
    return [at for at, (new, old, from_) in cells if new == from_ and new != old]


def _of_image(moved: Counter[int]) -> list[int]:
    most = max(moved.values(), default=0)
    return [at for at, many in moved.items() if most and many * SHARE >= most]
