"""Layout shared by all drawings: the scaled photograph, the caption below it, the colour bar."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from PIL import Image

from vlmtui.display import numbers
from vlmtui.display.colours import VIRIDIS, Rgb, blend, brightness
from vlmtui.display.pieces import plain
from vlmtui.geometry import Place
from vlmtui.reports.image_report import ImageReport
from vlmtui.reports.images import fonts
from vlmtui.reports.images.scene import INK, PALE, Mark, PhotoMark, TextMark

MARGIN = 16
_COLOUR_SHARE = 0.75
LINE = 22
CAPTION = 16.0
SMALL = 13.0
NARROWEST, WIDEST = 420, 640
"""Width of the caption in pixels below a narrow image: at least the first, up to the second if the text needs it."""


def resize_photo(rgb: Rgb, long_side: int) -> tuple[Rgb, float]:
    """Scale the photograph to this longer side; return it with the scale factor."""
    height, width = rgb.shape[:2]
    scale = long_side / max(width, height)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    how = Image.Resampling.BICUBIC if scale > 1 else Image.Resampling.BOX
    return np.asarray(Image.fromarray(rgb).resize(size, how)), scale


def paint_entries(under: Rgb, places: Sequence[Place], colours: Rgb, scale: float) -> Rgb:
    """Blend the colours of entries over the image, each within its box; smaller boxes are painted last."""
    over = under.copy()
    there = np.zeros(under.shape[:2], dtype=bool)
    boxes = [(place.box, colour) for place, colour in zip(places, colours, strict=True) if place.box]
    for (x0, y0, x1, y1), colour in sorted(boxes, key=lambda one: -(one[0][2] - one[0][0]) * (one[0][3] - one[0][1])):
        part = slice(round(y0 * scale), round(y1 * scale)), slice(round(x0 * scale), round(x1 * scale))
        over[part], there[part] = colour, True
    mixed = blend(brightness(under), over, _COLOUR_SHARE)
    return np.where(there[..., None], mixed, under)


def image_name(seen: ImageReport) -> str:
    """File name of the image, `china.jpg`, shortened to fit a line."""
    source = seen.reading.image.source
    return "standard input" if source == "-" else plain(source.rsplit("/", 1)[-1] or source)


def model_name(seen: ImageReport) -> str:
    """The model's name, with its note if it has one."""
    model = seen.reading.model
    return f"{plain(model.name)}{f' ({model.note})' if model.note else ''}"


def caption_width(title: str, facts: str) -> int:
    """Width in pixels that both lines of a caption need at full size, within limits."""
    wide = max(fonts.text_width(title, CAPTION), fonts.text_width(facts, SMALL))
    return min(WIDEST, max(NARROWEST, math.ceil(wide)))


def caption(x: float, y: float, title: str, facts: str, room: float) -> list[Mark]:
    """Caption of two lines, what is shown and its details; neither is wider than `room`."""
    first, size = fonts.fit_text(title, CAPTION, room)
    second, smaller = fonts.fit_text(facts, SMALL, room)
    return [TextMark(x, y + LINE - 6, first, size, INK), TextMark(x, y + 2 * LINE - 7, second, smaller, PALE)]


def colour_bar(x: int, y: int, width: int, low: float, high: float) -> list[Mark]:
    """The colour scale, from `low` to `high`."""
    bar = np.repeat(VIRIDIS[np.linspace(0, 255, width).round().astype(int)][None], 10, axis=0)
    first, last = numbers.format_number(low, 3), numbers.format_number(high, 3)
    return [
        PhotoMark(x, y, bar, smooth=False),
        TextMark(x, y + 26, first, SMALL, PALE),
        TextMark(x + width, y + 26, last, SMALL, PALE, "end"),
    ]
