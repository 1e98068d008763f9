"""Processor plan: the padding, resizing and centre crop that a standard image processor's settings prescribe."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from vlmtui.errors import ImageError
from vlmtui.geometry import AxisMap

# a thin strip whose short side is enlarged to the model's size would exhaust memory
_RESIZED_PIXELS = 600_000_000


@dataclass(frozen=True)
class Axis:
    """One axis of the plan, in pixels: `original`, padded to `padded` with `pad` before, `resized`, cut at `offset`.

    A negative `offset` is padding after the resize. `seen` is the number of pixels that the model receives.
    """

    original: int
    padded: int
    pad: int
    resized: int
    offset: int
    seen: int

    def map(self) -> AxisMap:
        """The map from coordinates in the model's input to coordinates in the image."""
        scale = Fraction(self.padded, self.resized)
        return AxisMap(float(scale), float(scale * self.offset - self.pad))


def preprocessing_plan(processor: Any, width: int, height: int) -> tuple[Axis, Axis] | None:
    """Derive the plan for x and y from the settings of a standard image processor; None where they do not suffice."""
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
    """Raise `ImageError` for a strip so thin that the processor would enlarge it beyond available memory."""
    axes = preprocessing_plan(processor, width, height)
    if axes is not None and axes[0].resized * axes[1].resized > _RESIZED_PIXELS:
        raise ImageError(
            f"{name} is {width}×{height} pixels: its model would enlarge it to {axes[0].resized}×{axes[1].resized} "
            "before cropping the middle; crop it first"
        )


def resized_size(size: Any, width: int, height: int) -> tuple[int, int] | None:
    """The (width, height) that a processor's `size` setting prescribes, rounded as in transformers; None if unknown."""
    from transformers.image_transforms import get_size_with_aspect_ratio
    from transformers.image_utils import get_image_size_for_max_height_width

    short, long = _setting(size, "shortest_edge"), _setting(size, "longest_edge")
    tallest, widest = _setting(size, "max_height"), _setting(size, "max_width")
    fixed_tall, fixed_wide = _setting(size, "height"), _setting(size, "width")
    if short and long:
        tall, wide = get_size_with_aspect_ratio((height, width), short, long)
    elif short:
        # as transformers.image_transforms.get_resize_output_image_size, which needs the image itself
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
    # with an odd remainder, the two backends put the extra pixel of padding on different sides
    before = -((resized - cut) // 2) if pil else (cut - resized) // 2
    return Axis(original, padded, pad, resized, -before, cut)


def plan_text(axes: tuple[Axis, Axis]) -> str:
    """Describe the plan in a few words for the user."""
    x, y = axes
    words = f"{x.seen}×{y.seen}"
    if x.offset > 0 or y.offset > 0:
        return f"{words}, centre crop"
    if x.offset < 0 or y.offset < 0 or x.pad or y.pad:
        return f"{words}, padded"
    across, down = x.resized / x.padded, y.resized / y.padded
    return f"{words}, squashed" if abs(across / down - 1) > 0.01 else words
