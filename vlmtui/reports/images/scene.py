"""Scene of a drawing: marks in pixel coordinates, in painting order, independent of PNG and SVG."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from vlmtui.display.colours import Colour, Rgb

Anchor = Literal["start", "middle", "end"]
Point = tuple[float, float]

GROUND: Colour = (255, 255, 255)
INK: Colour = (31, 35, 40)
PALE: Colour = (110, 118, 129)
RULE: Colour = (222, 226, 231)


@dataclass(frozen=True)
class PhotoMark:
    """Pixels, uint8 [height, width, 3], with their upper left corner at (x, y); `smooth` marks a photograph."""

    x: int
    y: int
    rgb: Rgb
    smooth: bool = True


@dataclass(frozen=True)
class RectMark:
    """A filled rectangle."""

    x: float
    y: float
    width: float
    height: float
    fill: Colour
    opacity: float = 1.0


@dataclass(frozen=True)
class LineMark:
    """A line through points."""

    points: tuple[Point, ...]
    colour: Colour
    width: float = 1.0
    opacity: float = 1.0


@dataclass(frozen=True)
class AreaMark:
    """A filled polygon."""

    points: tuple[Point, ...]
    fill: Colour
    opacity: float = 1.0


@dataclass(frozen=True)
class DotMark:
    """A filled circle."""

    x: float
    y: float
    radius: float
    fill: Colour
    opacity: float = 1.0


@dataclass(frozen=True)
class TextMark:
    """One line of text with its baseline at `y`; `halo` is the colour of an outline around its letters."""

    x: float
    y: float
    text: str
    size: float
    colour: Colour = INK
    anchor: Anchor = "start"
    halo: Colour | None = None


Mark = PhotoMark | RectMark | LineMark | AreaMark | DotMark | TextMark


@dataclass
class Scene:
    """Marks on a background; `title` is a sentence that describes the image."""

    width: int
    height: int
    title: str
    ground: Colour = GROUND
    marks: list[Mark] = field(default_factory=list)
