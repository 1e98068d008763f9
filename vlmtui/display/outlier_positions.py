"""Outlier positions: a test whether norm outliers repeat at the same positions in many images or depend on the content.

A position is a row and column of one grid that the tower sees (the whole image or a tile); only grids with equal rows
and columns are compared. If outliers depended on content alone, they would be equally likely at every position, and
the number of grids in which a position is an outlier would be binomial with the overall outlier rate. The probability
of as many or more is computed exactly and multiplied by the number of positions (Bonferroni). Repeated outliers count
in the rate too, so the test is conservative. Images with their subject in the same place can make it look like a
position, so the images should differ from each other.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from vlmtui.display.binomial import binomial_tail
from vlmtui.geometry import Grid, Place

EntryKind = Literal["patch", "token", "query"]
Verdict = Literal["position", "content", "both", "too few", "none"]
Counts = NDArray[np.int64]

LEAST = 3
"""The fewest images that can be tested."""
ALPHA = 0.01
MOSTLY = 0.8

TEST = (
    "a position repeats if its outliers are too many for chance: the exact binomial probability of as many or "
    f"more, at the overall outlier rate, times the number of positions (Bonferroni), is at most {ALPHA}"
)
VERDICTS: dict[Verdict, str] = {
    "position": f"at least {MOSTLY:.0%} of the outliers are at positions that repeat",
    "both": "some are at positions that repeat, others are not",
    "content": f"no position repeats (a position in ≥ {MOSTLY:.0%} of images would be detected)",
    "too few": f"fewer than {LEAST} images, or too few to distinguish such a position from chance",
    "none": "no entry is an outlier in any image",
}


@dataclass(frozen=True, order=True)
class GridShape:
    """The shape of a grid, by which grids are compared: patches or image tokens on rows and columns, or query tokens
    without a place, one per row."""

    kind: EntryKind
    rows: int
    cols: int

    @property
    def size(self) -> int:
        """The number of positions."""
        return self.rows * self.cols


@dataclass
class PositionCounts:
    """Counts for one stage and shape: in how many grids each position was an outlier, and in how many it was present.

    Both int64 [positions], row by row. `pictures` is the number of images with such a grid, `views` that of the grids.
    """

    shape: GridShape
    counts: Counts
    there: Counts
    pictures: int = 0
    views: int = 0

    @classmethod
    def of(cls, shape: GridShape) -> PositionCounts:
        """Empty counts."""
        return cls(shape, np.zeros(shape.size, np.int64), np.zeros(shape.size, np.int64))


@dataclass(frozen=True)
class PositionTest:
    """The test of one tally: the outlier `rate` among all entries, `chances` float64 [positions] of as many outliers or
    more, corrected for the number of positions (at most 1), and the positions that `repeat`, least likely first."""

    rate: float
    chances: NDArray[np.float64]
    repeat: tuple[int, ...]
    verdict: Verdict


@dataclass
class ShapeCounts:
    """Position counts of one stage by shape, for at most `most` shapes; the longest unused is dropped first.

    An image that is added again counts once.
    """

    most: int = 10_000
    _by_shape: dict[GridShape, PositionCounts] = field(default_factory=dict)
    _seen: dict[GridShape, set[str]] = field(default_factory=dict)

    def add(self, picture: str, marks: dict[GridShape, list[GridOutliers]]) -> None:
        """Count the grids of an image, which is identified by a string such as its sha256; each shape of it once."""
        for shape in marks:
            if shape in self._by_shape:
                self._by_shape[shape] = self._by_shape.pop(shape)  # used last
        self.add_new({shape: views for shape, views in marks.items() if picture not in self._seen.get(shape, ())})
        for shape in marks:
            if shape in self._by_shape:
                self._seen.setdefault(shape, set()).add(picture)

    def add_new(self, marks: dict[GridShape, list[GridOutliers]]) -> None:
        """Count the grids of an image that was not counted before; nothing of it is kept but the counts."""
        for shape, views in marks.items():
            tally = self._by_shape.pop(shape, None) or PositionCounts.of(shape)
            self._by_shape[shape] = tally
            tally.pictures += 1
            tally.views += len(views)
            for view in views:
                tally.counts[view.at] += view.outlier
                tally.there[view.at] += 1
        while len(self._by_shape) > self.most:
            oldest = next(iter(self._by_shape))
            del self._by_shape[oldest]
            self._seen.pop(oldest, None)

    def __getitem__(self, shape: GridShape) -> PositionCounts:
        """The counts of a shape, empty where none were added."""
        return self._by_shape.get(shape) or PositionCounts.of(shape)

    @property
    def all(self) -> list[PositionCounts]:
        """The counts of every shape, most images first."""
        return sorted(self._by_shape.values(), key=lambda tally: (-tally.pictures, tally.shape))


@dataclass(frozen=True)
class GridOutliers:
    """The outliers of one grid: positions `at`, int64 [entries], and whether each is an `outlier`, bool [entries]."""

    at: Counts
    outlier: NDArray[np.bool_]


@dataclass(frozen=True)
class GridEntries:
    """The grids of one image by shape, each as the positions of its entries and the indices of the entries.

    Both int64 [entries]. Newline tokens lie in no grid and are left out.
    """

    of: dict[GridShape, list[tuple[Counts, Counts]]]

    def marked(self, marks: NDArray[np.bool_]) -> dict[GridShape, list[GridOutliers]]:
        """Add whether each of all the stage's entries is an outlier, bool [entries]."""
        return {shape: [GridOutliers(at, marks[entries]) for at, entries in views] for shape, views in self.of.items()}


def entries_by_grid(grids: Sequence[Grid], places: Sequence[Place], kind: EntryKind) -> GridEntries:
    """The grids of one image at a stage whose entries have these `places`."""
    by_grid: dict[int, list[int]] = {}
    queries = np.array([i for i, place in enumerate(places) if place.kind == "query"], np.int64)
    for i, place in enumerate(places):
        if place.grid is not None and place.row is not None:
            by_grid.setdefault(place.grid, []).append(i)
    found: dict[GridShape, list[tuple[Counts, Counts]]] = {}
    for grid in grids:
        if entries := by_grid.get(grid.id):
            rows, cols = (grid.patch_rows, grid.patch_cols) if kind == "patch" else (grid.rows, grid.cols)
            at = np.array([_at(places[i], cols) for i in entries], np.int64)
            found.setdefault(GridShape(kind, rows, cols), []).append((at, np.array(entries, np.int64)))
    if len(queries):
        found[GridShape("query", len(queries), 1)] = [(np.arange(len(queries), dtype=np.int64), queries)]
    return GridEntries(found)


class GridLayouts:
    """`entries_by_grid` of many images: those of an image whose entries lie as in another one are found again."""

    def __init__(self, most: int = 256) -> None:
        self._most = most
        self._known: dict[tuple[object, ...], GridEntries] = {}

    def entries(self, grids: Sequence[Grid], places: Sequence[Place], kind: EntryKind) -> GridEntries:
        """The grids of one image at a stage whose entries have these `places`."""
        shapes = tuple((grid.id, grid.rows, grid.cols, grid.patch_rows, grid.patch_cols) for grid in grids)
        # a tuple for each field, not one for each place: it takes half the time
        rows, cols = tuple([place.row for place in places]), tuple([place.col for place in places])
        kinds = tuple([place.kind for place in places]) if None in rows else ()
        key = (kind, shapes, rows, cols, tuple([place.grid for place in places]), kinds)
        found = self._known.get(key)
        if found is None:
            found = entries_by_grid(grids, places, kind)
            if len(self._known) < self._most:
                self._known[key] = found
        return found


def _at(place: Place, cols: int) -> int:
    assert place.row is not None
    assert place.col is not None
    return place.row * cols + place.col


def position_test(tally: PositionCounts) -> PositionTest:
    """Test whether the outliers of a tally depend on position, on content, or on both."""
    total, entries, size = int(tally.counts.sum()), int(tally.there.sum()), tally.shape.size
    rate = total / entries if entries else 0.0
    known: dict[tuple[int, int], float] = {}
    chances = np.ones(size)
    for i in np.flatnonzero(tally.counts):
        key = int(tally.counts[i]), int(tally.there[i])
        if key not in known:
            known[key] = min(1.0, size * binomial_tail(*key, rate))
        chances[i] = known[key]
    repeat: tuple[int, ...] = ()
    if not total:
        verdict: Verdict = "none"
    elif tally.pictures < LEAST:
        verdict = "too few"
    else:
        at = np.flatnonzero(chances <= ALPHA)
        repeat = tuple(at[np.lexsort((at, chances[at]))].tolist())
        if repeat:
            verdict = "position" if tally.counts[list(repeat)].sum() >= MOSTLY * total else "both"
        else:
            could = size * binomial_tail(math.ceil(MOSTLY * tally.views), tally.views, rate)
            verdict = "content" if could <= ALPHA else "too few"
    return PositionTest(rate, chances, repeat, verdict)
