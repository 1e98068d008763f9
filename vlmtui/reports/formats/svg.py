"""`svg`: a drawing as SVG, with text as text and the photograph embedded in the file."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable, Iterator
from xml.etree import ElementTree

from PIL import Image

from vlmtui.display.colours import Colour, Rgb, hex_colour
from vlmtui.query.options import Query
from vlmtui.reports.images.composition import compose
from vlmtui.reports.images.content import ReportDrawing
from vlmtui.reports.images.scene import AreaMark, DotMark, LineMark, Mark, PhotoMark, RectMark, Scene, TextMark
from vlmtui.reports.per_image import ImageFailure

_SVG = "http://www.w3.org/2000/svg"
_LETTERS = "Aileron, Helvetica, Arial, 'Noto Sans', sans-serif"


def write_svg(drawings: Iterable[ReportDrawing | ImageFailure], query: Query, several: bool) -> Iterator[str]:
    """Write the file in one piece."""
    yield from (svg(compose(drawing)) for drawing in drawings if isinstance(drawing, ReportDrawing))


def svg(scene: Scene) -> str:
    """Encode a scene as an SVG file."""
    size = {"width": str(scene.width), "height": str(scene.height)}
    root = ElementTree.Element(
        "svg", {"xmlns": _SVG, **size, "viewBox": f"0 0 {scene.width} {scene.height}", "role": "img"}
    )
    ElementTree.SubElement(root, "title").text = scene.title
    ElementTree.SubElement(root, "rect", {**size, "fill": hex_colour(scene.ground)})
    letters = ElementTree.SubElement(root, "g", {"font-family": _LETTERS})
    for mark in scene.marks:
        name, attributes, text = _element(mark)
        ElementTree.SubElement(letters, name, attributes).text = text
    return f"{ElementTree.tostring(root, encoding='unicode')}\n"


def _element(mark: Mark) -> tuple[str, dict[str, str], str | None]:
    match mark:
        case PhotoMark(x, y, rgb, smooth):
            where = _numbers(x=x, y=y, width=rgb.shape[1], height=rgb.shape[0])
            return "image", {**where, "href": _embedded(rgb, smooth)}, None
        case RectMark(x, y, width, height, fill, opacity):
            return "rect", {**_numbers(x=x, y=y, width=width, height=height), **_filled(fill, opacity)}, None
        case LineMark(points, colour, width, opacity):
            stroke = {
                "fill": "none",
                "stroke": hex_colour(colour),
                **_numbers(stroke_width=width, stroke_opacity=opacity),
            }
            return "polyline", {"points": _points(points), **stroke, "stroke-linejoin": "round"}, None
        case AreaMark(points, fill, opacity):
            return "polygon", {"points": _points(points), **_filled(fill, opacity)}, None
        case DotMark(x, y, radius, fill, opacity):
            return "circle", {**_numbers(cx=x, cy=y, r=radius), **_filled(fill, opacity)}, None
        case TextMark(x, y, text, size, colour, anchor, halo):
            how = {**_numbers(x=x, y=y, font_size=size), "fill": hex_colour(colour), "text-anchor": anchor}
            if halo is not None:
                edge = _numbers(stroke_width=2 * size / 9)
                how |= {"stroke": hex_colour(halo), **edge, "paint-order": "stroke", "stroke-linejoin": "round"}
            return "text", how, text


def _numbers(**values: float) -> dict[str, str]:
    """Numeric attributes, rounded to two decimals."""
    return {name.replace("_", "-"): f"{value:.2f}".rstrip("0").rstrip(".") for name, value in values.items()}


def _filled(fill: Colour, opacity: float) -> dict[str, str]:
    return {"fill": hex_colour(fill), **(_numbers(fill_opacity=opacity) if opacity < 1 else {})}


def _points(points: tuple[tuple[float, float], ...]) -> str:
    return " ".join(f"{x:.2f},{y:.2f}" for x, y in points)


def _embedded(rgb: Rgb, smooth: bool) -> str:
    """Embed pixels as a `data:` URL: a photograph as JPEG, an image with sharp edges as PNG."""
    file = io.BytesIO()
    if smooth:
        Image.fromarray(rgb).save(file, "JPEG", quality=88)
    else:
        Image.fromarray(rgb).save(file, "PNG", optimize=True)
    kind = "jpeg" if smooth else "png"
    return f"data:image/{kind};base64,{base64.b64encode(file.getvalue()).decode()}"
