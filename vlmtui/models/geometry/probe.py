"""Coordinate probe: an image whose colours encode its coordinates, sent through the real image processor.

Red rises along x, green rises along y, and blue is full. So the output shows for every pixel of a tile where in the
image it comes from, and whether it comes from the image at all.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vlmtui.geometry import AxisMap
from vlmtui.models.geometry.processor_plan import Axis
from vlmtui.models.vision.pixel_values import Levels, denormalised

# a model's image processor: from an image to its normalised tiles, each [3, height, width]
Preprocess = Callable[[Image.Image], list[NDArray[np.float32]]]

# a pixel of the image has full blue; one that a resize has mixed with padding has less, and its origin is unknown
_BLUE = 250
_CLEAN = 252


def probe_levels(
    see: Preprocess, processor: Any, width: int, height: int, slopes: tuple[int, int] = (1, 1)
) -> list[Levels]:
    """The probe's levels (0–255) as the model receives them, each tile float64 [3, height, width].

    `slopes` is how many times red rises or falls along x, and green along y. With one slope, a level has a unique
    origin; many slopes locate it more exactly if its approximate origin is known.
    """
    ramp = np.empty((height, width, 3), dtype=np.uint8)
    ramp[..., 0] = np.rint(_ramp(width, slopes[0]))[None, :]
    ramp[..., 1] = np.rint(_ramp(height, slopes[1]))[:, None]
    ramp[..., 2] = 255
    return [denormalised(tile, processor) for tile in see(Image.fromarray(ramp))]


def _ramp(length: int, slopes: int = 1) -> Levels:
    slope, share = np.divmod(slopes * (np.arange(length, dtype=np.float64) + 0.5) / length, 1)
    return np.asarray(255.0 * np.where(slope % 2 == 0, share, 1 - share))


def confirms_plan(levels: Levels, axes: tuple[Axis, Axis]) -> bool:
    """Whether the levels of a probe are those that the plan predicts."""
    shown = [_shown(axis) for axis in axes]
    mask = shown[1][:, None] & shown[0][None, :]
    if not mask.any():
        return False
    # padding is black or has the mean colour; pixels of the image have full blue
    if abs(float((levels[2] > _BLUE).mean()) - float(mask.mean())) > 0.02 + 2 / min(levels.shape[1:]):
        return False
    clean = mask & (levels[2] > _CLEAN)
    return _agrees(levels[0], axes[0], clean, 1) and _agrees(levels[1], axes[1], clean, 0)


def _shown(axis: Axis) -> NDArray[np.bool_]:
    """Which pixels of the model's input show the image, according to the plan: bool [pixels]."""
    at = _positions(axis)
    return (at >= 0) & (at < axis.original)


def _positions(axis: Axis) -> Levels:
    """The original coordinate at the middle of each pixel of the model's input."""
    to_original = axis.map()
    return to_original.scale * (np.arange(axis.seen, dtype=np.float64) + 0.5) + to_original.offset


def _agrees(levels: Levels, axis: Axis, clean: NDArray[np.bool_], along: int) -> bool:
    """Whether the levels rise along the axis as planned, wherever the probe is `clean` (not mixed with padding)."""
    count = clean.sum(axis=1 - along)
    there = count > 0
    if not there.any():
        return False
    middle = np.where(clean, levels, 0.0).sum(axis=1 - along)[there] / count[there]
    expected = 255.0 * _positions(axis)[there] / axis.original
    off = np.abs(middle - expected)
    # at the image's edges the resize has no neighbours to mix: about two source pixels, or two of its own
    reach = 255.0 * 2 * max(1.0, axis.padded / axis.resized) / axis.original
    if off.max() > 2 + reach:
        return False
    inner = (expected > reach) & (expected < 255 - reach)
    return not inner.any() or float(np.median(off[inner])) <= 1.0


def fit_lines(tiles: list[Levels], along: int, length: int) -> list[AxisMap] | None:
    """Fit approximate straight lines to the levels of every tile along an axis, in pixels of an image `length` long.

    `along` is 1 for x, 0 for y. None where the levels of a tile lie on no line.
    """
    seen = [_seen(tile, along, length, 8.0) for tile in tiles]
    free = [_line(tile) for tile in seen]
    scales = [line.scale for line in free if line is not None]
    if not scales:
        return None
    # less than three source pixels from the image's edge, a resize has no neighbours to mix
    margin = 255.0 * 3 * max(1.0, max(scales)) / length + 0.5
    seen = [_seen(tile, along, length, margin) for tile in tiles]
    return _lines([_line(tile) or old for tile, old in zip(seen, free, strict=True)], seen, length, length / 255)


def slopes_for(lines: list[AxisMap], length: int) -> int:
    """The number of slopes of a finer probe of an axis: each must be longer than a resize reaches at both its ends."""
    return max(1, min(64, int(length / (16 * max(1.0, *(line.scale for line in lines))))))


def refine_lines(
    lines: list[AxisMap], tiles: list[Levels], along: int, length: int, slopes: int
) -> list[AxisMap] | None:
    """Refine the lines of a probe of one slope by a probe of many.

    Most processors resize the whole image to some size and cut tiles out of it. Where that explains the probe as well
    as free lines do, the lines are exact. None where the levels of a tile lie on no line.
    """
    seen = [_seen_on_slopes(tile, along, length, slopes, line) for tile, line in zip(tiles, lines, strict=True)]
    return _lines([_line(tile) for tile in seen], seen, length, length / 255 / slopes)


def _lines(free: list[AxisMap | None], seen: list[_Seen], length: int, level: float) -> list[AxisMap] | None:
    """For every tile its exact line, where resizing to a whole number of pixels explains it, or else its free line.

    `level` is the number of image pixels per level. None where a tile has neither.
    """
    sizes: dict[tuple[int, ...], int | None] = {}
    for line in free:
        if line is not None:
            alike = tuple(i for i, other in enumerate(free) if other and abs(other.scale / line.scale - 1) < 0.03)
            if alike not in sizes:
                sizes[alike] = _resized([seen[i] for i in alike if len(seen[i].u)], length, level)
    found: list[AxisMap | None] = []
    for index, (mine, line) in enumerate(zip(seen, free, strict=True)):
        resized = next((size for alike, size in sizes.items() if index in alike), None)
        if line is None:
            line = _by_edge(mine, sizes, length)
        elif resized and len(mine.u):
            step = length / resized
            line = AxisMap(step, step * _cut(mine, step)[0])
        found.append(line if line and _close(line, mine, level) else None)
    return [line for line in found if line] if all(found) else None


def _by_edge(mine: _Seen, sizes: dict[tuple[int, ...], int | None], length: int) -> AxisMap | None:
    """The line of a tile that shows too little of the image for a fit: from its edge and most other tiles' scale."""
    resized = sizes[max(sizes, key=len)] if sizes else None
    if resized is None or (mine.start == 0 and mine.end == mine.size):
        return None
    # a tile that shows nothing of the image may lie anywhere outside it: it is placed just past the end
    first = -mine.start if mine.start else resized - mine.end
    return AxisMap(length / resized, length / resized * first)


@dataclass(frozen=True)
class _Seen:
    """One axis of a tile: the pixel centres `u` show the image at the coordinates `x`, where that is unambiguous.

    The image covers the pixels from `start` to `end` of the tile's `size`.
    """

    u: Levels
    x: Levels
    size: int
    start: int
    end: int


def _seen(levels: Levels, along: int, length: int, margin: float) -> _Seen:
    valid = levels[2] > _CLEAN
    count = valid.sum(axis=1 - along)
    mean = np.where(valid, levels[1 - along], 0.0).sum(axis=1 - along) / np.maximum(count, 1)
    at = np.flatnonzero((count > 0) & (mean > margin) & (mean < 255 - margin))
    there = np.flatnonzero((levels[2] > 128).any(axis=1 - along))
    start, end = (int(there[0]), int(there[-1]) + 1) if len(there) else (0, 0)
    return _Seen((at + 0.5).astype(np.float64), np.asarray(mean[at] / 255.0 * length), len(mean), start, end)


def _seen_on_slopes(levels: Levels, along: int, length: int, slopes: int, line: AxisMap) -> _Seen:
    """As `_seen`, for a probe of many slopes: `line` tells which of them a level is on."""
    span = length / slopes
    margin = 255.0 * 4 * max(1.0, line.scale) / span
    seen = _seen(levels, along, length, margin)
    share = seen.x / length
    slope = np.floor((line.scale * seen.u + line.offset) / span)
    return replace(seen, x=np.asarray((slope + np.where(slope % 2 == 0, share, 1 - share)) * span))


def _line(seen: _Seen) -> AxisMap | None:
    u, x = seen.u, seen.x
    if len(u) < 4 or np.ptp(x) == 0:
        return None
    scale, offset = np.polyfit(u, x, 1)
    # the ends of a tile that was cut out before it was resized lie off the line
    off = np.abs(scale * u + offset - x)
    keep = off <= 3 * np.median(off) + 1e-9
    if keep.sum() >= 4:
        scale, offset = np.polyfit(u[keep], x[keep], 1)
    return AxisMap(float(scale), float(offset)) if scale > 0 else None


def _resized(alike: list[_Seen], length: int, level: float) -> int | None:
    """The length in pixels to which the image was resized before these tiles, of one scale, were cut out of it.

    None where no whole number explains them.
    """
    if not alike:
        return None
    u = np.concatenate([seen.u - seen.u.mean() for seen in alike])
    x = np.concatenate([seen.x - seen.x.mean() for seen in alike])
    scale = float((u * x).sum() / (u * u).sum())
    if not scale > 0:
        return None
    free = float(np.sqrt(np.mean((scale * u - x) ** 2)))
    middle = round(length / scale)
    reach = max(3, round(middle * min(0.03, 4 * level / float(np.ptp(x)))))
    errors: dict[int, float] = {}
    for resized in range(max(1, middle - reach), middle + reach + 1):
        cuts = [_cut(seen, length / resized) for seen in alike]
        if all(_fills(seen, resized, first) for seen, (first, _) in zip(alike, cuts, strict=True)):
            errors[resized] = float(np.sqrt(np.mean(np.concatenate([off for _, off in cuts]) ** 2)))
    # the error that rounding to 256 levels may cause by chance
    chance = 0.2 * level
    if not errors or min(errors.values()) > 1.2 * free + 0.02 * scale + chance:
        return None
    # among lengths that fit equally well within that error, a whole number of tiles is likeliest
    alike_size = alike[0].size
    near = [r for r, error in errors.items() if error <= 1.2 * min(errors.values()) + chance and r % alike_size == 0]
    return min(near or errors, key=errors.__getitem__)


def _cut(seen: _Seen, step: float) -> tuple[int, Levels]:
    """The whole pixel of the resized image at which a tile begins, and the errors of its points for that."""
    first = round(float(np.median(seen.x / step - seen.u)))
    return first, step * (seen.u + first) - seen.x


def _fills(seen: _Seen, resized: int, first: int) -> bool:
    """Whether the image would cover the observed part of a tile, to within a pixel."""
    return abs(max(0, -first) - seen.start) <= 1 and abs(min(seen.size, resized - first) - seen.end) <= 1


def _close(line: AxisMap, seen: _Seen, level: float) -> bool:
    off = np.abs(line.scale * seen.u + line.offset - seen.x)
    return not len(off) or float(np.quantile(off, 0.9)) <= max(1.0, line.scale) + level


def confirms_lines(maps: list[AxisMap], tiles: list[Levels], along: int, length: int) -> bool:
    """Whether a probe that is too small for a fit agrees with lines that were found otherwise."""
    for line, levels in zip(maps, tiles, strict=True):
        seen = _seen(levels, along, length, -1.0)
        # at most one image pixel off anywhere: the distance between pixel centres
        off = np.abs(np.clip(line.scale * seen.u + line.offset, 0.5, length - 0.5) - seen.x)
        if len(off) and off.max() > 1.0:
            return False
    return True
