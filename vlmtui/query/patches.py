"""Patch positions: `--patch [GRID:]R,C`, regions of them, `--rows R-R`, and the entries of a stage at them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from vlmtui.errors import UsageError
from vlmtui.geometry import Grid, Place
from vlmtui.reading import Reading, of_patches

_SPAN = r"\s*(\d{1,6})\s*(?:-\s*(\d{1,6})\s*)?"
_WORDS = re.compile(rf"\s*(?:(\d{{1,6}})\s*:)?{_SPAN},{_SPAN}", re.ASCII)
_MOST = 1 << 16
_ROWS = re.compile(_SPAN, re.ASCII)


@dataclass(frozen=True)
class PatchPosition:
    """Row and column of an image token, from 0; `grid` is None where none was named.

    Its `repr` is written to the manifest of a batch and compared with it on resuming: its form must not change.
    """

    grid: int | None
    row: int
    col: int

    def __repr__(self) -> str:
        return f"PatchWords(grid={self.grid!r}, row={self.row!r}, col={self.col!r})"

    def __str__(self) -> str:
        place = f"{self.row},{self.col}"
        return place if self.grid is None else f"{self.grid}:{place}"


def parse_patches(words: str, option: str = "--patch") -> tuple[PatchPosition, ...]:
    """Parse `[GRID:]R,C`, or a region `[GRID:]R-R,C-C`, into its patches, row by row.

    Raises `UsageError`, which names the option, for anything else.
    """
    match = _WORDS.fullmatch(words)
    if match is None:
        raise UsageError(
            f"{option} {words!r} is not [GRID:]ROW,COLUMN or a region: give numbers from 0, such as 3,5 or 1:3,5 or "
            "6-9,8-12"
        )
    grid, top, bottom, left, right = match.groups()
    rows, cols = range(int(top), int(bottom or top) + 1), range(int(left), int(right or left) + 1)
    if not rows or not cols:
        raise UsageError(f"{option} {words!r} goes from a higher to a lower number: give the lower first, as in 6-9")
    if len(rows) * len(cols) > _MOST:
        raise UsageError(f"{option} {words!r} has more than {_MOST:,} patches: name a smaller region")
    number = None if grid is None else int(grid)
    return tuple(PatchPosition(number, row, col) for row in rows for col in cols)


def parse_rows(words: str) -> tuple[range, ...]:
    """Parse rows as ranges: `3`, `0-5`, or several separated by commas. Raises `UsageError` for anything else."""
    found = []
    for part in words.split(","):
        match = _ROWS.fullmatch(part)
        first, last = (int(match[1]), int(match[2] or match[1])) if match else (1, 0)
        if last < first:
            raise UsageError(
                f"--rows {words!r} are not rows of the grid: give numbers from 0, such as 3 or 0-5 or 0-5,9"
            )
        found.append(range(first, last + 1))
    return tuple(found)


def entries_of(
    reading: Reading, stage: str, patches: Sequence[PatchPosition] = (), rows: Sequence[range] = ()
) -> tuple[int, ...]:
    """Indices into `reading.places_at(stage)` of the entries selected by patches and rows, sorted; all without either.

    Rows are token rows at a vision stage too, in every grid. Raises `UsageError` for a missing patch, or if all rows
    are missing.
    """
    if not patches and not rows:
        return tuple(range(len(reading.places_at(stage))))
    found = {entry for patch in patches for entry in entries_at(reading, stage, patch)}
    if rows:
        of_rows = _in_rows(reading, stage, rows)
        if not of_rows:
            last = max((grid.rows or grid.patch_rows for grid in reading.grids), default=0) - 1
            there = f"there are rows 0 to {last}" if last >= 0 else "the model has no grid of the image"
            raise UsageError(f"none of the rows given has a patch: {there}")
        found |= of_rows
    return tuple(sorted(found))


def _in_rows(reading: Reading, stage: str, rows: Sequence[range]) -> set[int]:
    def asked(place: Place) -> bool:
        return place.row is not None and any(place.row in some for some in rows)

    places = reading.places_at(stage)
    if not of_patches(stage):
        return {i for i, place in enumerate(places) if asked(place)}
    tokens = {(p.grid, patch) for p in reading.places if asked(p) for patch in p.patches}
    # in a grid without tokens (a vision-only model, a resampler) rows and columns are those of vision patches
    by_itself = {grid.id for grid in reading.grids if not (grid.rows and reading.places)}
    return {
        i
        for i, p in enumerate(places)
        if (asked(p) if p.grid in by_itself else any((p.grid, patch) in tokens for patch in p.patches))
    }


def entries_at(reading: Reading, stage: str, patch: PatchPosition) -> tuple[int, ...]:
    """Indices into `reading.places_at(stage)` of the entries at one patch position.

    At a vision stage these are the vision patches that the token was made from. Without a grid in `patch`, the grid of
    the whole image is used, or the first one. Raises `UsageError` where there is no such patch.
    """
    places = reading.places_at(stage)
    grid = _grid(reading, patch)
    # in a grid without tokens (a vision-only model, a resampler) rows and columns are those of vision patches
    rows, cols = (grid.rows, grid.cols) if grid.rows else (grid.patch_rows, grid.patch_cols)
    if not (patch.row < rows and patch.col < cols):
        there = f"rows 0 to {rows - 1} and columns 0 to {cols - 1}"
        raise UsageError(f"there is no patch {patch}: grid {grid.id} has {there}")
    if not of_patches(stage) and not grid.rows:
        why = f": {reading.placeless}" if reading.placeless else ""
        raise UsageError(f"there is no token at {patch}: grid {grid.id} has vision patches only{why}")
    token = _at(reading.places, grid, patch)
    if not of_patches(stage):
        found: tuple[int, ...] = () if token is None else (token,)
    elif token is not None:
        wanted = set(reading.places[token].patches)
        found = tuple(i for i, p in enumerate(places) if p.grid == grid.id and not wanted.isdisjoint(p.patches))
    else:
        direct = _at(places, grid, patch) if not (grid.rows and reading.places) else None
        found = () if direct is None else (direct,)
    if not found:
        raise UsageError(f"there is no token at {patch}: the model leaves out that position of grid {grid.id}")
    return found


def _grid(reading: Reading, patch: PatchPosition) -> Grid:
    grids = reading.grids
    if not grids:
        raise UsageError(f"there is no patch {patch}: this model has no grid of the image")
    if patch.grid is None:
        return next((grid for grid in grids if grid.kind == "whole"), grids[0])
    for grid in grids:
        if grid.id == patch.grid:
            return grid
    raise UsageError(f"there is no grid {patch.grid}: choose from {', '.join(str(grid.id) for grid in grids)}")


def _at(places: tuple[Place, ...], grid: Grid, patch: PatchPosition) -> int | None:
    for i, place in enumerate(places):
        if place.kind == "patch" and (place.grid, place.row, place.col) == (grid.id, patch.row, patch.col):
            return i
    return None
