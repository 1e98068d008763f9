"""Tile views: the part of the image that each tile shows, by the plan where the probe confirms it, or by the probe."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from vlmtui.geometry import AxisMap
from vlmtui.models.geometry.probe import (
    Preprocess,
    confirms_lines,
    confirms_plan,
    fit_lines,
    probe_levels,
    refine_lines,
    slopes_for,
)
from vlmtui.models.geometry.processor_plan import plan_text, preprocessing_plan
from vlmtui.models.vision.pixel_values import Levels

# the probe of a larger image is made smaller by a whole factor: it confirms the same plan at less cost
_PROBE_PIXELS = 16_000_000
_PROBE_SHORTEST = 32
# a side shorter than this has too few pixels for a ramp
_SMALL = 64


@dataclass(frozen=True)
class TileView:
    """The view of one tile: maps to image coordinates, its `size` (height, width), and the preprocessing in words."""

    x: AxisMap
    y: AxisMap
    size: tuple[int, int]
    words: str


def tile_views(
    see: Preprocess, processor: Any, width: int, height: int, sizes: list[tuple[int, int]]
) -> list[TileView] | None:
    """The views that tiles of `sizes` (height, width) have of a width × height image; None where they are unknown.

    `see` sends an image through the image processor in use, whose settings `processor` has.
    """
    if len(sizes) == 1 and (planned := _by_plan(see, processor, width, height, sizes[0])):
        return [planned]
    tiles = probe_levels(see, processor, width, height)
    if [tile.shape[1:] for tile in tiles] != sizes:
        return None  # the preprocessing depends on more than the image's size
    if min(width, height) < _SMALL and (enlarged := _by_larger(see, processor, width, height, tiles)):
        return enlarged
    return _by_probe(see, processor, tiles, width, height)


def _by_plan(see: Preprocess, processor: Any, width: int, height: int, size: tuple[int, int]) -> TileView | None:
    axes = preprocessing_plan(processor, width, height)
    if axes is None or (axes[1].seen, axes[0].seen) != size:
        return None
    small = probe_size(width, height)
    probed = probe_levels(see, processor, *small)
    told = preprocessing_plan(processor, *small)
    if len(probed) != 1 or told is None or probed[0].shape[1:] != (told[1].seen, told[0].seen):
        return None
    return TileView(axes[0].map(), axes[1].map(), size, plan_text(axes)) if confirms_plan(probed[0], told) else None


def _by_probe(see: Preprocess, processor: Any, tiles: list[Levels], width: int, height: int) -> list[TileView] | None:
    across, down = fit_lines(tiles, 1, width), fit_lines(tiles, 0, height)
    if across is None or down is None:
        return None
    slopes = slopes_for(across, width), slopes_for(down, height)
    if max(slopes) > 1:
        tiles = probe_levels(see, processor, width, height, slopes)
        across, down = refine_lines(across, tiles, 1, width, slopes[0]), refine_lines(down, tiles, 0, height, slopes[1])
        if across is None or down is None:
            return None
    sizes = [(tile.shape[1], tile.shape[2]) for tile in tiles]
    return [TileView(x, y, size, f"{size[1]}×{size[0]}") for x, y, size in zip(across, down, sizes, strict=True)]


def _by_larger(see: Preprocess, processor: Any, width: int, height: int, tiles: list[Levels]) -> list[TileView] | None:
    """The views of an image larger by a whole factor, scaled down; None unless the small image's probe agrees."""
    factor = -(-_SMALL // min(width, height))
    if width * height * factor**2 > _PROBE_PIXELS:
        return None
    larger = probe_levels(see, processor, width * factor, height * factor)
    if [tile.shape for tile in larger] != [tile.shape for tile in tiles]:
        return None
    found = _by_probe(see, processor, larger, width * factor, height * factor)
    if found is None:
        return None
    shrunk = [replace(view, x=_shrunk(view.x, factor), y=_shrunk(view.y, factor)) for view in found]
    agrees = confirms_lines([v.x for v in shrunk], tiles, 1, width) and confirms_lines(
        [v.y for v in shrunk], tiles, 0, height
    )
    return shrunk if agrees else None


def _shrunk(line: AxisMap, factor: int) -> AxisMap:
    return AxisMap(line.scale / factor, line.offset / factor)


def probe_size(width: int, height: int) -> tuple[int, int]:
    """The (width, height) of the probe that tests the plan for a width × height image.

    It is the image's own size if a probe of that size is informative. The ramps show nothing for a strip seven pixels
    wide or a single pixel, so the probe is less thin; for a very large image it is smaller by a whole factor.
    """
    width, height = max(width, _PROBE_SHORTEST, height // 4), max(height, _PROBE_SHORTEST, width // 4)
    factor = 1
    while (width // factor) * (height // factor) > _PROBE_PIXELS:
        factor += 1
    return width // factor, height // factor
