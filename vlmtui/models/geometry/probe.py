"""The coordinate probe: a picture whose colours are its coordinates, sent through the real image processor.

Red rises along x, green along y, and blue is full, so that what comes out tells for every pixel of a tile where in the
picture it is from, and whether it is from the picture at all.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vlmtui.grid import AxisMap
from vlmtui.models.geometry.plan import Axis

Levels = NDArray[np.float64]
# what a model's processor makes of a picture: the tiles, normalised, each [3, height, width]
See = Callable[[Image.Image], list[NDArray[np.float32]]]

# a pixel of the picture has full blue; what a resize has mixed with padding has less, and says nothing of its origin
_BLUE = 250
_CLEAN = 252


def probe(see: See, processor: Any, width: int, height: int) -> list[Levels]:
    """The probe's levels (0–255) as the model gets them, each tile float64 [3, height, width]."""
    ramp = np.empty((height, width, 3), dtype=np.uint8)
    ramp[..., 0] = np.rint(_ramp(width))[None, :]
    ramp[..., 1] = np.rint(_ramp(height))[:, None]
    ramp[..., 2] = 255
    return [_levels(tile, processor) for tile in see(Image.fromarray(ramp))]


def _levels(tile: NDArray[np.float32], processor: Any) -> Levels:
    """What the processor's last steps did to the levels undone."""
    levels = tile.astype(np.float64)
    if getattr(processor, "do_normalize", None):
        std, mean = np.asarray(processor.image_std, float), np.asarray(processor.image_mean, float)
        levels = levels * np.broadcast_to(std, 3)[:, None, None] + np.broadcast_to(mean, 3)[:, None, None]
    if getattr(processor, "do_rescale", None):
        levels = levels / float(processor.rescale_factor)
    return np.asarray(levels)


def _ramp(length: int) -> Levels:
    return 255.0 * (np.arange(length, dtype=np.float64) + 0.5) / length


def borne_out(levels: Levels, axes: tuple[Axis, Axis]) -> bool:
    """Whether a probe shows what the plan says it must."""
    shown = [_shown(axis) for axis in axes]
    mask = shown[1][:, None] & shown[0][None, :]
    if not mask.any():
        return False
    # padding is black or of the mean's colour; what is picture has all the blue there is
    if abs(float((levels[2] > _BLUE).mean()) - float(mask.mean())) > 0.02 + 2 / min(levels.shape[1:]):
        return False
    clean = mask & (levels[2] > _CLEAN)
    return _agrees(levels[0], axes[0], clean, 1) and _agrees(levels[1], axes[1], clean, 0)


def _shown(axis: Axis) -> NDArray[np.bool_]:
    """Which pixels of the model's input are picture, by the plan."""
    at = _positions(axis)
    return (at >= 0) & (at < axis.original)


def _positions(axis: Axis) -> Levels:
    """The original coordinate at the middle of each pixel of the model's input."""
    to_original = axis.map()
    return to_original.scale * (np.arange(axis.seen, dtype=np.float64) + 0.5) + to_original.offset


def _agrees(levels: Levels, axis: Axis, clean: NDArray[np.bool_], along: int) -> bool:
    """Whether the levels rise along the axis as the plan has it, wherever the probe is `clean`."""
    count = clean.sum(axis=1 - along)
    there = count > 0
    if not there.any():
        return False
    middle = np.where(clean, levels, 0.0).sum(axis=1 - along)[there] / count[there]
    expected = 255.0 * _positions(axis)[there] / axis.original
    off = np.abs(middle - expected)
    # at the picture's edges the resize has nothing to mix with: about two source pixels, or two of its own
    reach = 255.0 * 2 * max(1.0, axis.padded / axis.resized) / axis.original
    if off.max() > 2 + reach:
        return False
    inner = (expected > reach) & (expected < 255 - reach)
    return not inner.any() or float(np.median(off[inner])) <= 1.0


def fit(tiles: list[Levels], along: int, length: int) -> list[AxisMap] | None:
    """The straight line through the levels of every tile along an axis, in pixels of an original of that length.

    Most processors resize the whole picture to some size and cut tiles out of it: where that explains what is seen as
    well as free lines do, the lines are exact. None where the levels lie on no line.
    """
    channel = 1 - along
    points = [_points(tile, channel, along, length, 8.0) for tile in tiles]
    free = [_line(u, x) for u, x in points]
    scales = [line.scale for line in free if line is not None]
    if not scales or min(scales) <= 0:
        return None
    # nearer to the picture's edge than three source pixels, a resize has nothing to mix with
    margin = 255.0 * 3 * max(1.0, max(scales)) / length + 0.5
    points = [_points(tile, channel, along, length, margin) for tile in tiles]
    free = [_line(u, x) or old for (u, x), old in zip(points, free, strict=True)]
    found: list[AxisMap] = []
    for index, line in enumerate(free):
        alike = [
            points[i] for i, other in enumerate(free) if line and other and abs(other.scale / line.scale - 1) < 0.03
        ]
        best = _whole_numbers(alike, points[index], length) if line else None
        best = best or line
        if best is None or not _close(best, points[index]):
            return None
        found.append(best)
    return found


_Points = tuple[Levels, Levels]


def _points(levels: Levels, channel: int, along: int, length: int, margin: float) -> _Points:
    """Where in a tile (pixel middles) which original coordinates are, as far as the levels tell without doubt."""
    valid = levels[2] > _CLEAN
    count = valid.sum(axis=1 - along)
    mean = np.where(valid, levels[channel], 0.0).sum(axis=1 - along) / np.maximum(count, 1)
    at = np.flatnonzero((count > 0) & (mean > margin) & (mean < 255 - margin))
    return (at + 0.5).astype(np.float64), np.asarray(mean[at] / 255.0 * length)


def _line(u: Levels, x: Levels) -> AxisMap | None:
    if len(u) < 4 or np.ptp(x) == 0:
        return None
    scale, offset = np.polyfit(u, x, 1)
    # a tile that was cut out before it was resized has ends that lie off the line
    off = np.abs(scale * u + offset - x)
    keep = off <= 3 * np.median(off) + 1e-9
    if keep.sum() >= 4:
        scale, offset = np.polyfit(u[keep], x[keep], 1)
    return AxisMap(float(scale), float(offset)) if scale > 0 else None


def _whole_numbers(alike: list[_Points], mine: _Points, length: int) -> AxisMap | None:
    """The line of a picture resized to a whole number of pixels and cut at one; None where none explains the points.

    `alike` are the points of all tiles of one scale, which narrow down that size together.
    """
    centred = [(u - u.mean(), x - x.mean()) for u, x in alike]
    u, x = (np.concatenate(parts) for parts in zip(*centred, strict=True))
    scale = float((u * x).sum() / (u * u).sum())
    free = float(np.sqrt(np.mean((scale * u - x) ** 2)))
    best: tuple[float, AxisMap] | None = None
    middle = round(length / scale)
    for resized in range(max(1, middle - 3), middle + 4):
        step = length / resized
        errors = [_cut(points, step)[1] for points in alike]
        error = float(np.sqrt(np.mean(np.concatenate(errors) ** 2)))
        if best is None or error < best[0]:
            best = error, AxisMap(step, step * _cut(mine, step)[0])
    # what is lost against free lines must be no more than whole numbers may lose by chance
    return best[1] if best and best[0] <= 1.2 * free + 0.02 * scale else None


def _cut(points: _Points, step: float) -> tuple[int, Levels]:
    """At which whole pixel of the resized picture a tile begins, and how far its points then lie off."""
    u, x = points
    first = round(float(np.median(x / step - u)))
    return first, step * (u + first) - x


def _close(line: AxisMap, points: _Points) -> bool:
    u, x = points
    off = np.abs(line.scale * u + line.offset - x)
    return not len(off) or float(np.quantile(off, 0.9)) <= max(1.0, 2 * line.scale)
