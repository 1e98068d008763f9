"""Where in the picture the pixels that a model gets come from: the coordinate probe and the standard plan.

The *plan* derives from an image processor's settings what it does to a picture of some size (pad to a square, resize,
centre crop), exactly. The *probe* sends a picture of the same size through the real processor, whose red channel rises
along x, green along y, and blue is full, and reads off what came out where. A plan that the probe bears out is used;
one that it does not is dropped for a straight line fitted to the probe; where that is no straight line either, nothing
is known, and nothing is claimed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vlmtui.errors import ImageError
from vlmtui.grid import AxisMap, Box, Grid, Place, clip, raster_boxes

# the probe of a larger picture is made smaller by a whole factor: it bears out the same plan, at less cost
_PROBE_PIXELS = 16_000_000
_PROBE_SHORTEST = 32
# a thin strip whose short side is blown up to the model's size would fill the memory
_RESIZED_PIXELS = 600_000_000

Levels = NDArray[np.float64]


@dataclass(frozen=True)
class Axis:
    """One axis of the plan: pixels `original`, padded by `pad` before to `padded`, resized, then cut at `offset`.

    A negative `offset` is padding after the resize. `seen` is how many pixels of it the model gets.
    """

    original: int
    padded: int
    pad: int
    resized: int
    offset: int
    seen: int

    def map(self) -> AxisMap:
        """Original coordinates from the coordinates of the model's input."""
        scale = Fraction(self.padded, self.resized)
        return AxisMap(float(scale), float(scale * self.offset - self.pad))


@dataclass(frozen=True)
class View:
    """What one tile of `pixel_values` shows: maps to the picture, its (height, width), and that in a few words."""

    x: AxisMap
    y: AxisMap
    size: tuple[int, int]
    words: str


def view(processor: Any, width: int, height: int, size: tuple[int, int]) -> View | None:
    """How a width × height picture reaches an input of `size` (height, width); None where that cannot be told.

    `processor` is the image processor that is really used.
    """
    axes = plan(processor, width, height)
    if axes is not None and (axes[1].seen, axes[0].seen) != size:
        axes = None
    probe_width, probe_height = probe_size(width, height)
    probed = probe(processor, probe_width, probe_height)
    if probed is None or probed.shape[1:] != size:
        return None
    if axes is not None:
        small = plan(processor, probe_width, probe_height)
        if small is not None and borne_out(probed, small):
            return View(axes[0].map(), axes[1].map(), size, _words(axes))
    if _thickened(width, height) != (width, height):
        return None  # what was fitted to another shape does not hold for this one
    x, y = fit(probed[0], probed[2], 1, width), fit(probed[1], probed[2], 0, height)
    if x is None or y is None:
        return None
    return View(x, y, size, f"{size[1]}×{size[0]}")


def probe_size(width: int, height: int) -> tuple[int, int]:
    """The (width, height) to probe in the place of a picture's.

    The picture's own, as far as a probe of it can tell something: of a strip seven pixels wide, or of a single pixel,
    the ramps show nothing, so a picture less thin shows whether the plan holds; a very large one is made smaller by a
    whole factor.
    """
    width, height = _thickened(width, height)
    factor = 1
    while (width // factor) * (height // factor) > _PROBE_PIXELS:
        factor += 1
    return width // factor, height // factor


def _thickened(width: int, height: int) -> tuple[int, int]:
    return max(width, _PROBE_SHORTEST, height // 4), max(height, _PROBE_SHORTEST, width // 4)


def plan(processor: Any, width: int, height: int) -> tuple[Axis, Axis] | None:
    """What the settings of a standard image processor say it does, for x and y; None where they say too little."""
    padded_width, padded_height = width, height
    if getattr(processor, "do_pad", None) and hasattr(processor, "pad_to_square"):
        padded_width = padded_height = max(width, height)
    resized_width, resized_height = padded_width, padded_height
    if getattr(processor, "do_resize", None):
        resized = resized_size(processor.size, padded_width, padded_height)
        if resized is None:
            return None
        resized_width, resized_height = resized
    cut: tuple[int | None, int | None] = (None, None)
    if getattr(processor, "do_center_crop", None):
        cut = (_setting(processor.crop_size, "width"), _setting(processor.crop_size, "height"))
        if None in cut:
            return None
    pil = getattr(processor, "backend", "pil") == "pil"
    return (
        _axis(width, padded_width, resized_width, cut[0], pil),
        _axis(height, padded_height, resized_height, cut[1], pil),
    )


def check_size(processor: Any, width: int, height: int, name: str) -> None:
    """`ImageError` for a strip so thin that the processor would blow it up past all memory."""
    axes = plan(processor, width, height)
    if axes is not None and axes[0].resized * axes[1].resized > _RESIZED_PIXELS:
        raise ImageError(
            f"{name} is {width}×{height} pixels: its model would enlarge it to {axes[0].resized}×{axes[1].resized} "
            "before it cuts out the middle; crop it first"
        )


def resized_size(size: Any, width: int, height: int) -> tuple[int, int] | None:
    """The (width, height) that a processor's `size` setting asks for, with transformers' own rounding."""
    from transformers.image_transforms import get_size_with_aspect_ratio
    from transformers.image_utils import get_image_size_for_max_height_width

    short, long = _setting(size, "shortest_edge"), _setting(size, "longest_edge")
    tallest, widest = _setting(size, "max_height"), _setting(size, "max_width")
    fixed_tall, fixed_wide = _setting(size, "height"), _setting(size, "width")
    if short and long:
        tall, wide = get_size_with_aspect_ratio((height, width), short, long)
    elif short:
        # as transformers.image_transforms.get_resize_output_image_size, which wants the pixels themselves
        larger = int(short * max(width, height) / min(width, height))
        tall, wide = (larger, short) if width <= height else (short, larger)
    elif tallest and widest:
        tall, wide = get_image_size_for_max_height_width((height, width), tallest, widest)
    elif fixed_tall and fixed_wide:
        tall, wide = fixed_tall, fixed_wide
    else:
        return None
    return int(wide), int(tall)


def _setting(size: Any, key: str) -> int | None:
    value = size.get(key) if hasattr(size, "get") else getattr(size, key, None)
    return int(value) if value else None


def _axis(original: int, padded: int, resized: int, cut: int | None, pil: bool) -> Axis:
    pad = (padded - original) // 2
    if cut is None:
        return Axis(original, padded, pad, resized, 0, resized)
    if resized >= cut:
        return Axis(original, padded, pad, resized, (resized - cut) // 2, cut)
    # the two backends round the padding of an odd remainder to different sides
    before = -((resized - cut) // 2) if pil else (cut - resized) // 2
    return Axis(original, padded, pad, resized, -before, cut)


def probe(processor: Any, width: int, height: int) -> Levels | None:
    """The probe's levels (0–255) as the model gets them, float64 [3, height, width]; None unless it is one tile."""
    ramp = np.empty((height, width, 3), dtype=np.uint8)
    ramp[..., 0] = np.rint(_ramp(width))[None, :]
    ramp[..., 1] = np.rint(_ramp(height))[:, None]
    ramp[..., 2] = 255
    values = processor(images=Image.fromarray(ramp), return_tensors="np")["pixel_values"]
    levels = np.asarray(values, dtype=np.float64)
    if levels.ndim != 4 or levels.shape[:2] != (1, 3):
        return None
    levels = levels[0]
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
    if abs(float((levels[2] > 250).mean()) - float(mask.mean())) > 0.02 + 2 / min(levels.shape[1:]):
        return False
    # what a resize has mixed with padding is no longer as blue, and says nothing of where it comes from
    clean = mask & (levels[2] > 252)
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


def fit(levels: Levels, blue: Levels, along: int, length: int) -> AxisMap | None:
    """The straight line through a probe's levels along an axis, in pixels of an original of that length."""
    valid = blue > 250
    if valid.sum() < 64 or length < 8:
        return None
    count = valid.sum(axis=1 - along)
    mean = np.where(valid, levels, 0.0).sum(axis=1 - along) / np.maximum(count, 1)
    at = np.flatnonzero((count > 0) & (mean > 8) & (mean < 247)).astype(float) + 0.5
    if len(at) < 8:
        return None
    original = mean[(at - 0.5).astype(int)] / 255.0 * length
    scale, offset = np.polyfit(at, original, 1)
    residual = np.abs(scale * at + offset - original)
    if scale <= 0 or residual.max() > max(1.0, 2 * scale):
        return None
    resized = round(length / scale)
    if resized and abs(length / resized - scale) * levels.shape[along] < 0.5:
        middle = float(at.mean())
        offset += (scale - length / resized) * middle
        scale = length / resized
    return AxisMap(float(scale), float(offset))


def _words(axes: tuple[Axis, Axis]) -> str:
    x, y = axes
    words = f"{x.seen}×{y.seen}"
    if x.offset > 0 or y.offset > 0:
        return f"{words}, centre crop"
    if x.offset < 0 or y.offset < 0 or x.pad or y.pad:
        return f"{words}, padded"
    across, down = x.resized / x.padded, y.resized / y.padded
    return f"{words}, squashed" if abs(across / down - 1) > 0.01 else words


@dataclass(frozen=True)
class Layout:
    """Grids and places of one picture: image tokens and vision patches."""

    grids: tuple[Grid, ...]
    places: tuple[Place, ...]
    patch_places: tuple[Place, ...]
    seen: str
    patch_size: tuple[int, int]


def raster(seen: View, patch: tuple[int, int], picture: tuple[int, int], leading: int = 0) -> Layout:
    """One token a patch, row by row, of a single view, after `leading` tokens that stand for no patch (CLS).

    `patch` is the (height, width) of a patch in the view's pixels, `picture` (width, height).
    """
    rows, cols = seen.size[0] // patch[0], seen.size[1] // patch[1]
    patches = []
    for index, box in enumerate(raster_boxes(rows, cols, patch, seen.x, seen.y)):
        clipped, inside = clip(_box(box), *picture)
        patches.append(Place(index, "patch", 0, index // cols, index % cols, clipped, inside, (index,)))
    whole, _ = clip(
        (seen.x(0), seen.y(0), seen.x(cols * patch[1]), seen.y(rows * patch[0])),
        *picture,
    )
    assert whole is not None, "a view shows something of its picture"
    grid = Grid(0, "whole", whole, rows, cols, rows, cols)
    placeless = [Place(index, "query", None, None, None, None, 0.0, ()) for index in range(leading)]
    tokens = (*placeless, *(replace(place, index=place.index + leading) for place in patches))
    return Layout((grid,), tokens, tuple(patches), seen.words, patch)


def _box(values: NDArray[np.float64]) -> Box:
    x0, y0, x1, y1 = (float(value) for value in values)
    return x0, y0, x1, y1
