"""Layout of an image: grids and places, from the patches that tokens are made of and the parts that tiles show."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from vlmtui.errors import ModelError
from vlmtui.geometry import Box, Grid, Place, clip_box, raster_boxes
from vlmtui.models.geometry.views import TileView

Shape = tuple[int, int]
Boxes = NDArray[np.float64]


@dataclass(frozen=True)
class Layout:
    """The grids of one image, and the places of its image tokens and vision patches.

    `seen` describes the preprocessing in a few words. `patch_size` is (height, width) in input pixels. `placeless` is
    the reason why tokens or patches have no place, or "".
    """

    grids: tuple[Grid, ...]
    places: tuple[Place, ...]
    patch_places: tuple[Place, ...]
    seen: str
    patch_size: Shape
    placeless: str = ""


@dataclass(frozen=True)
class Raster:
    """The vision patches of one tile, whose part of the image is `view`.

    `shape` is (rows, columns), `patch` the (height, width) of a patch in input pixels.
    """

    view: TileView
    shape: Shape
    patch: Shape

    def boxes(self) -> Boxes:
        """The unclipped boxes of the patches, row by row, float64 [patches, 4]."""
        return raster_boxes(*self.shape, self.patch, self.view.x, self.view.y)

    def box(self) -> Box:
        """The unclipped box around all patches."""
        boxes = self.boxes()
        return _union(boxes)


def lay_out(
    rasters: list[Raster],
    picture: tuple[int, int],
    sources: NDArray[np.int64] | None,
    tokens: int,
    *,
    resampled: tuple[int, Shape] | None = None,
    without: Literal["newline", "query"] = "query",
    placeless: str = "",
) -> Layout:
    """Lay out one image; `picture` is its (width, height).

    `sources` [tokens, patches per token] are the patches that each token is made of, numbered through all rasters, -1
    for none. It is None where no token has a place, and `placeless` says why. `without` is the kind of a token without
    patches. From token `resampled[0]` on, tokens lie on a grid of `resampled[1]` rows and columns over the whole image,
    whatever their patches. `ModelError` where tokens and patches do not match.
    """
    if not rasters:
        return Layout((), tuple(_placeless(tokens)), (), "", (0, 0), placeless)
    shapes = [raster.shape for raster in rasters]
    first = np.cumsum([0, *(rows * cols for rows, cols in shapes)])
    boxes = np.concatenate([raster.boxes() for raster in rasters])
    patches = []
    for grid, (rows, cols) in enumerate(shapes):
        for index in range(rows * cols):
            clipped, inside = clip_box(_box(boxes[first[grid] + index]), *picture)
            where = int(first[grid]) + index
            patches.append(Place(where, "patch", grid, index // cols, index % cols, clipped, inside, (index,)))
    whole = _whole(rasters, picture)
    grids = [
        Grid(i, "whole" if i == whole else "tile", _clipped(raster.box(), picture), 0, 0, *raster.shape)
        for i, raster in enumerate(rasters)
    ]
    if sources is None:
        return _layout(grids, _placeless(tokens), patches, rasters, placeless)
    if len(sources) != tokens:
        raise ModelError(
            f"the model makes {tokens} image tokens where its layout has {len(sources)}: choose another model"
        )
    places = []
    for index, row in enumerate(sources):
        made_of = np.unique(row[row >= 0])
        if not len(made_of):
            places.append(Place(index, without, None, None, None, None, 0.0, ()))
            continue
        clipped, inside = clip_box(_union(boxes[made_of]), *picture)
        grid = int(np.searchsorted(first, made_of[0], side="right")) - 1
        places.append(
            Place(index, "patch", grid, None, None, clipped, inside, tuple(int(n - first[grid]) for n in made_of))
        )
    if resampled is None:
        grids, places = _in_blocks(grids, places)
    else:
        base, rest = places[: resampled[0]], places[resampled[0] :]
        grids, base = _in_blocks(grids, base)
        covered = _union(np.array([place.box for place in rest if place.box is not None]))
        grids.append(Grid(len(grids), "whole", covered, *resampled[1], 0, 0))
        places = base + _anew(rest, len(grids) - 1, resampled[1][1])
    return _layout(grids, places, patches, rasters, "")


def _placeless(tokens: int) -> list[Place]:
    return [Place(i, "query", None, None, None, None, 0.0, ()) for i in range(tokens)]


def _layout(grids: list[Grid], places: list[Place], patches: list[Place], rasters: list[Raster], why: str) -> Layout:
    seen = rasters[0].view.words if len(rasters) == 1 else f"{len(rasters)} tiles of {rasters[0].view.words}"
    return Layout(tuple(grids), tuple(places), tuple(patches), seen, rasters[0].patch, why)


def _in_blocks(grids: list[Grid], places: list[Place]) -> tuple[list[Grid], list[Place]]:
    """Give rows and columns to tokens made of blocks of patches, and to their grids the numbers of those.

    The blocks of a grid are of one size; at its right and lower edge they may be cut off.
    """
    spans = [_span(place, grids[place.grid].patch_cols) if place.grid is not None else None for place in places]
    sides: dict[int, Shape] = {}
    for place, span in zip(places, spans, strict=True):
        if place.grid is not None and span is not None:
            tall, wide = sides.get(place.grid, (0, 0))
            sides[place.grid] = max(tall, len(span[0])), max(wide, len(span[1]))
    found: list[Place] = []
    counts = {i: (grids[i].patch_rows // tall, grids[i].patch_cols // wide) for i, (tall, wide) in sides.items()}
    for place, span in zip(places, spans, strict=True):
        if place.grid is None or span is None:
            found.append(place)
            continue
        grid, (down, across), (tall, wide) = grids[place.grid], span, sides[place.grid]
        regular = (
            len(down) * len(across) == len(place.patches)
            and down.start % tall == across.start % wide == 0
            and len(down) == min(tall, grid.patch_rows - down.start)
            and len(across) == min(wide, grid.patch_cols - across.start)
        )
        if not regular:
            raise ModelError(
                "the model arranges its patches in a way vlmtui cannot map to the image: choose another model"
            )
        found.append(replace(place, row=down.start // tall, col=across.start // wide))
        rows, cols = counts[grid.id]
        counts[grid.id] = max(rows, down.start // tall + 1), max(cols, across.start // wide + 1)
    counted = [
        replace(grid, rows=counts[grid.id][0], cols=counts[grid.id][1]) if grid.id in counts else grid for grid in grids
    ]
    return counted, found


def _span(place: Place, cols: int) -> tuple[range, range]:
    """The rows and columns from the first to the last of a place's patches, in a grid of so many columns."""
    rows, columns = [n // cols for n in place.patches], [n % cols for n in place.patches]
    return range(min(rows), max(rows) + 1), range(min(columns), max(columns) + 1)


def _anew(places: list[Place], grid: int, cols: int) -> list[Place]:
    """Place tokens on a grid over the whole image, row by row; each is a mixture of patches, not a block."""
    found, count = [], 0
    for place in places:
        if place.grid is not None:
            place = replace(place, grid=grid, row=count // cols, col=count % cols, patches=())
            count += 1
        found.append(place)
    return found


def _whole(rasters: list[Raster], picture: tuple[int, int]) -> int | None:
    """The index of the tile that shows the whole image: the first that covers all others; None if there is none."""
    boxes = [_clipped(raster.box(), picture) for raster in rasters]
    every = _union(np.array(boxes))
    # the remainder that no whole patch covers at an edge differs from tile to tile
    slack = [0.02 * (every[2] - every[0]), 0.02 * (every[3] - every[1])] * 2
    for index, box in enumerate(boxes):
        if all(abs(a - b) <= s for a, b, s in zip(box, every, slack, strict=True)):
            return index
    return None


def _union(boxes: Boxes) -> Box:
    low, high = boxes.min(axis=0), boxes.max(axis=0)
    return float(low[0]), float(low[1]), float(high[2]), float(high[3])


def _clipped(box: Box, picture: tuple[int, int]) -> Box:
    """The part of `box` inside the image, of zero size where there is none."""
    width, height = picture
    x0, x1 = (min(max(x, 0.0), float(width)) for x in box[0::2])
    y0, y1 = (min(max(y, 0.0), float(height)) for y in box[1::2])
    return x0, y0, x1, y1


def _box(values: Boxes) -> Box:
    x0, y0, x1, y1 = (float(value) for value in values)
    return x0, y0, x1, y1
