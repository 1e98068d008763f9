"""`png`: a drawing rasterised with Pillow."""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Iterable, Iterator

from PIL import Image, ImageDraw

from vlmtui.display.colours import Colour
from vlmtui.query.options import Query
from vlmtui.reports.images import fonts
from vlmtui.reports.images.composition import compose
from vlmtui.reports.images.content import ReportDrawing
from vlmtui.reports.images.scene import AreaMark, DotMark, LineMark, Mark, PhotoMark, Point, RectMark, Scene, TextMark
from vlmtui.reports.per_image import ImageFailure

_BEFORE = {"start": 0.0, "middle": 0.5, "end": 1.0}
_FINER = 4
"""Oversampling factor of lines and curves, which Pillow draws without antialiasing."""


def write_png(drawings: Iterable[ReportDrawing | ImageFailure], query: Query, several: bool) -> Iterator[bytes]:
    """Write the file in one piece."""
    yield from (png(compose(drawing)) for drawing in drawings if isinstance(drawing, ReportDrawing))


def png(scene: Scene) -> bytes:
    """Encode a scene as a PNG file."""
    file = io.BytesIO()
    raster(scene).save(file, "PNG", optimize=False)
    return file.getvalue()


def raster(scene: Scene) -> Image.Image:
    """Rasterise a scene to an RGB image."""
    picture = Image.new("RGB", (scene.width, scene.height), scene.ground)
    for mark in scene.marks:
        _put(picture, mark)
    return picture


def _put(picture: Image.Image, mark: Mark) -> None:
    """Draw one mark onto the image."""
    match mark:
        case PhotoMark():
            picture.paste(Image.fromarray(mark.rgb), (mark.x, mark.y))
        case RectMark(x, y, width, height, fill, opacity):
            left, top, right, bottom = round(x), round(y), round(x + width), round(y + height)
            if right > left and bottom > top:
                over = Image.new("RGB", (right - left, bottom - top), fill)
                under = picture.crop((left, top, right, bottom))
                picture.paste(over if opacity >= 1 else Image.blend(under, over, opacity), (left, top))
        case TextMark(x, y, text, size, colour, anchor, halo):
            wide = fonts.text_width(text, size)
            fonts.draw_text(picture, x - _BEFORE[anchor] * wide, y, text, size, colour, halo)
        case LineMark(points, colour, wide, opacity):
            _smooth(picture, points, wide / 2, colour, opacity, lambda canvas, at: _line(canvas, at, wide))
        case AreaMark(points, fill, opacity):
            _smooth(picture, points, 0, fill, opacity, lambda canvas, at: canvas.polygon(at, 255))
        case DotMark(x, y, radius, fill, opacity):
            _smooth(
                picture, ((x, y),), radius, fill, opacity, lambda canvas, at: canvas.circle(at[0], radius * _FINER, 255)
            )


def _smooth(
    picture: Image.Image,
    points: tuple[Point, ...],
    beyond: float,
    colour: Colour,
    opacity: float,
    draw: Callable[[ImageDraw.ImageDraw, list[Point]], None],
) -> None:
    """Draw an antialiased shape: on an oversampled canvas of its bounds, `beyond` around the points, then pasted."""
    xs, ys = zip(*points, strict=True)
    left, top = math.floor(min(xs) - beyond) - 1, math.floor(min(ys) - beyond) - 1
    wide, tall = math.ceil(max(xs) + beyond) + 2 - left, math.ceil(max(ys) + beyond) + 2 - top
    mask = Image.new("L", (wide * _FINER, tall * _FINER))
    draw(ImageDraw.Draw(mask), [((x - left) * _FINER, (y - top) * _FINER) for x, y in points])
    shares = mask.reduce(_FINER).point(lambda share: share * opacity)
    picture.paste(Image.new("RGB", (wide, tall), colour), (left, top), shares)


def _line(canvas: ImageDraw.ImageDraw, points: list[Point], width: float) -> None:
    # a point equal to the one before it has no angle for a joint
    apart = [point for i, point in enumerate(points) if not i or point != points[i - 1]]
    canvas.line(apart, 255, max(1, round(width * _FINER)), joint="curve" if len(apart) > 2 else None)
