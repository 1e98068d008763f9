"""`--patch [GRID:]R,C`: the words for a place in a grid, and the entries of a stage that are meant."""

from __future__ import annotations

import re
from dataclasses import dataclass

from vlmtui.errors import UsageError
from vlmtui.grid import Grid, Place
from vlmtui.reading import Reading, of_patches

_WORDS = re.compile(r"\s*(?:(\d{1,6})\s*:\s*)?(\d{1,6})\s*,\s*(\d{1,6})\s*", re.ASCII)


@dataclass(frozen=True)
class PatchWords:
    """Row and column of an LLM token, from 0; `grid` is None where the person named none."""

    grid: int | None
    row: int
    col: int

    def __str__(self) -> str:
        place = f"{self.row},{self.col}"
        return place if self.grid is None else f"{self.grid}:{place}"


def parse_patch(words: str, option: str = "--patch") -> PatchWords:
    """`[GRID:]R,C` as numbers; `UsageError`, which names the option, for anything else."""
    match = _WORDS.fullmatch(words)
    if not match:
        raise UsageError(f"{option} {words!r} is not [GRID:]ROW,COLUMN: give numbers from 0, such as 3,5 or 1:3,5")
    grid, row, col = match.groups()
    return PatchWords(int(grid) if grid is not None else None, int(row), int(col))


def entries_at(reading: Reading, stage: str, patch: PatchWords | None) -> tuple[int, ...]:
    """Which of `reading.places_at(stage)` a report is about: all, or those of one patch.

    At a vision stage these are the vision patches that the token was made of. Without a grid the whole picture's is
    meant, or else the first. Raises `UsageError` where there is no such patch.
    """
    places = reading.places_at(stage)
    if patch is None:
        return tuple(range(len(places)))
    grid = _grid(reading, patch)
    # a grid without tokens (a tower's, a resampler's) counts its vision patches
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
        raise UsageError(f"there is no token at {patch}: the model leaves that place of grid {grid.id} out")
    return found


def _grid(reading: Reading, patch: PatchWords) -> Grid:
    grids = reading.grids
    if not grids:
        raise UsageError(f"there is no patch {patch}: this model keeps no grid of the picture")
    if patch.grid is None:
        return next((grid for grid in grids if grid.kind == "whole"), grids[0])
    for grid in grids:
        if grid.id == patch.grid:
            return grid
    raise UsageError(f"there is no grid {patch.grid}: choose from {', '.join(str(grid.id) for grid in grids)}")


def _at(places: tuple[Place, ...], grid: Grid, patch: PatchWords) -> int | None:
    for i, place in enumerate(places):
        if place.kind == "patch" and (place.grid, place.row, place.col) == (grid.id, patch.row, patch.col):
            return i
    return None
