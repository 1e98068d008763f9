"""Go to: what a person types to name a row and column, a grid, or a pixel."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class GoTo:
    """Where to go: row and column, of a `grid` where one is named, or x and y of a `pixel` of the file."""

    first: float
    second: float
    pixel: bool
    grid: int | None = None


_N = r"(\d+(?:\.\d+)?)"
_BETWEEN = r"\s*[,;:\s]\s*"
_ROW_COLUMN = re.compile(rf"\(?(\d+){_BETWEEN}(\d+)\)?")
_GRID = re.compile(r"(\d+)\s*:\s*(\d+)\s*,\s*(\d+)")
_X_THEN_Y = re.compile(rf"x\s*=?\s*{_N}{_BETWEEN}y\s*=?\s*{_N}|{_N}\s*x\s*{_N}\s*(?:px)?|{_N}{_BETWEEN}{_N}\s*px")
_Y_THEN_X = re.compile(rf"y\s*=?\s*{_N}{_BETWEEN}x\s*=?\s*{_N}")


def parse_go_to(text: str) -> GoTo | None:
    """`3,4` or `3 4` is row 3, column 4; `2:3,4` the same of grid 2; `x120 y80`, `y80 x120`, `120x80` or `120,80 px` a
    pixel; None for all else."""
    text = text.strip().lower()
    if match := _GRID.fullmatch(text):
        return GoTo(float(match[2]), float(match[3]), pixel=False, grid=int(match[1]))
    if match := _ROW_COLUMN.fullmatch(text):
        return GoTo(float(match[1]), float(match[2]), pixel=False)
    for pattern, turned in ((_X_THEN_Y, False), (_Y_THEN_X, True)):
        if match := pattern.fullmatch(text):
            first, second = (float(g) for g in match.groups() if g is not None)
            return GoTo(second, first, pixel=True) if turned else GoTo(first, second, pixel=True)
    return None
