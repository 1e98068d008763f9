"""Letters and digits as real print, and plain shapes."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from demo_training.drawings import palette as p
from demo_training.drawings.canvas import Canvas, Draw
from demo_training.vocabulary import CLASSES, GLYPHS, INDEX, OTHER


@cache
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    # Pillow carries this face itself, so that scenes do not depend on the fonts of a machine.
    return ImageFont.load_default(size)


class Hand:
    """Style of all characters of one sign: weight, width, slant, outline."""

    def __init__(self, c: Canvas) -> None:
        g = c.layout
        self.bold, self.width, self.slant = (
            int(g.integers(0, 9)),
            float(g.uniform(0.65, 1.35)),
            float(g.normal(0, 0.12)),
        )
        self.hollow, self.turn = g.random() < 0.1, float(g.normal(0, 5))

    def sheet(self, text: str) -> Image.Image:
        big = Image.new("L", (160, 160))
        d = ImageDraw.Draw(big)
        d.text((80, 80), text, fill=255, font=_font(104), anchor="mm", stroke_width=self.bold + 5 * self.hollow)
        if self.hollow:
            d.text((80, 80), text, fill=0, font=_font(104), anchor="mm", stroke_width=self.bold)
        shear = (1 / self.width, self.slant, 80 - 80 / self.width - 80 * self.slant, 0, 1, 0)
        big = big.transform((160, 160), Image.Transform.AFFINE, shear, Image.Resampling.BILINEAR)
        return big.rotate(self.turn, Image.Resampling.BILINEAR)


def glyph(c: Canvas, hand: Hand, text: str, x: float, y: float, size: float, colour: p.Colours) -> None:
    """One character; its box is of its class, as a line of print is to whoever names what is there."""
    label = len(CLASSES) + GLYPHS.index(text)
    big = hand.sheet(text)
    box = big.getbbox()
    if box is None:
        return
    big = big.crop(box)
    h = max(2, round(size * c.side))
    w = max(2, round(h * big.width / big.height))
    left, top = round(x * c.side - w / 2), round(y * c.side - h / 2)
    stamp = big.resize((w, h))
    # The box gets the label first, with the colours left as they are; then the strokes are painted.
    y0, x0 = max(0, top), max(0, left)
    c.labels[y0 : max(y0, top + h), x0 : max(x0, left + w)] = label
    c.paint(label, p.tinted(colour, 0.05), lambda d: d.bitmap((left, top), stamp, fill=255), 0.25)


def around(x: float, y: float, n: int, radius: float, turn: float) -> list[tuple[float, float]]:
    """Corners of a regular polygon."""
    angles = [turn + k * 2 * np.pi / n for k in range(n)]
    return [(float(x + radius * np.cos(a)), float(y + radius * np.sin(a))) for a in angles]


SHAPES: Sequence[str] = ("circle", "square", "triangle", "ring", "star")


def shape(c: Canvas, name: str, x: float, y: float, size: float, turn: float) -> Draw:
    r = c.layout
    if name == "circle":
        return c.ellipse(x, y, size, size * r.uniform(0.7, 1.1))
    if name == "square":
        return c.polygon(around(x, y, 4, size * 1.15, np.pi / 4 + float(r.normal(0, 0.25))))
    if name == "triangle":
        return c.polygon(around(x, y, 3, size * 1.2, turn))
    if name == "star":
        dent = r.uniform(0.4, 0.6)
        tips, dents = around(x, y, 5, size * 1.25, turn), around(x, y, 5, size * 1.2 * dent, turn + np.pi / 5)
        return c.polygon([q for pair in zip(tips, dents, strict=True) for q in pair])
    return c.band(x, y, size, size * r.uniform(0.45, 0.78), float(r.uniform(0.7, 1)))


def lines(c: Canvas, x0: float, y0: float, x1: float, y1: float, size: float, ink: p.Colours) -> str:
    """Running text of words, too small to be taught letter by letter; returns its capitals."""
    g = c.layout
    pixels, gap, bold = max(4, round(size * c.side)), size * g.uniform(1.2, 1.8), int(g.random() < 0.3)
    sheet = Image.new("L", (c.side, c.side))
    d, y, said = ImageDraw.Draw(sheet), y0, ""
    boxes: list[tuple[float, float, float, float]] = []
    while y + size < y1:
        count = max(1, int((x1 - x0) / size / 3.2))
        words = " ".join(OTHER[int(i)] for i in g.integers(0, len(OTHER), count))
        words = words.upper() if g.random() < 0.1 else words.capitalize() if g.random() < 0.4 else words
        long = min(x1, x0 + len(words) * size * 0.5)
        d.text((x0 * c.side, y * c.side), words, fill=255, font=_font(pixels), stroke_width=bold)
        boxes.append((x0, y, long, y + size * 1.1))
        said += "".join(ch for ch in words if ch in GLYPHS)
        y += gap * (1 if g.random() < 0.9 else 1.8)
    for a, b, e, f in boxes:
        c.labels[round(b * c.side) : round(f * c.side), round(a * c.side) : round(e * c.side)] = INDEX["letter"]
    sheet.paste(0, (round(x1 * c.side), 0, c.side, c.side))
    c.paint("letter", p.tinted(ink, 0.06), lambda d: d.bitmap((0, 0), sheet, fill=255), 0.2)
    return said
