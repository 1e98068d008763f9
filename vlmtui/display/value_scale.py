"""Scale of a map of numbers: which colour a number has, and which numbers are no more than noise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from vlmtui.display.colours import Rgb, magnitude_colours, robust_range

LEAST_SHARE = 0.25
"""Of the range of all numbers, the least that a scale above noise spans: numbers that are hardly above it stay dark."""
GREY = np.uint8(96)
"""Of numbers that are no more than noise."""


@dataclass(frozen=True)
class ValueScale:
    """Colours from `low` (dark) to `high` (yellow); numbers up to the `floor`, if it is known, are noise and grey."""

    low: float
    high: float
    floor: float | None = None

    @classmethod
    def of(cls, values: ArrayLike, floor: float | None = None, reach: float | None = None) -> ValueScale:
        """The scale of some numbers: that of `robust_range`; with a `floor` from there to the 98th percentile, or to
        the largest number where that is noise, so that noise takes none of it, and no less than `LEAST_SHARE` of the
        whole range. Above noise it goes up to `reach` at least, where that is given."""
        low, high = robust_range(values)
        if floor is None:
            return cls(low, high)
        above = _above(values, floor)
        if not above.size:
            return cls(floor, floor, floor)
        top = high if high > floor else float(above.max())
        least = floor + LEAST_SHARE * (high - low)
        return cls(floor, max(top, least, least if reach is None else reach), floor)

    @classmethod
    def shared(cls, maps: Sequence[tuple[ArrayLike, float | None]]) -> list[ValueScale]:
        """One scale for several maps, of the numbers of all; what is noise in each is told by its own floor."""
        if not maps:
            return []
        floors = [floor for _, floor in maps if floor is not None]
        every = np.concatenate([np.asarray(values, np.float64).ravel() for values, _ in maps])
        whole = cls.of(every, min(floors) if len(floors) == len(maps) else None)
        return [replace(whole, floor=floor) for _, floor in maps]

    def note(self, values: ArrayLike) -> str:
        """What the legend of these numbers says of noise; "" where none is known, or no number is."""
        if self.floor is None:
            return ""
        if not _above(values, self.floor).size:
            return "nothing above noise"
        return "grey: noise" if (np.asarray(values) <= self.floor).any() else ""

    def colours(self, values: ArrayLike) -> Rgb:
        """The colours of numbers [...], uint8 [..., 3]."""
        coloured = magnitude_colours(values, self.low, self.high)
        if self.floor is None:
            return coloured
        return np.where((np.asarray(values) <= self.floor)[..., None], GREY, coloured)


def _above(values: ArrayLike, floor: float) -> np.ndarray:
    """The numbers above noise."""
    array = np.asarray(values, np.float64)
    return array[np.isfinite(array) & (array > floor)]
