"""Made things that stand in the scenes: houses, cars, print; each function paints one onto a canvas."""

from __future__ import annotations

from functools import cache

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from vlmtui.demo import materials as m
from vlmtui.demo.canvas import Canvas
from vlmtui.demo.objects import together
from vlmtui.demo.words import CLASSES, GLYPHS

FILM = ("2c3a4c", "18222e", "88a8c0", "c0d4e0", "405870")


def house(c: Canvas, x: float, ground: float, w: float, h: float) -> None:
    """Facade with roof, windows, a door; `w`, `h` the facade's size, `x` its left."""
    lit = c.layout.random()
    facade = (
        m.brick
        if lit < 0.2
        else m.wood
        if lit < 0.3
        else m.tinted(
            m.pick(
                c.layout, ("e8dcc0", "f0f0ec", "d8a070", "c06050", "a8b8c8", "d8c070", "b0a898", "88a088", "d8b0a8"), 20
            ),
            0.04,
        )
    )
    c.paint("house", facade, c.rectangle(x, ground - h, x + w, ground), 0, 0.15)
    over, rise = w * 0.07, h * c.layout.uniform(0.3, 0.6)
    inset = w * c.layout.choice((0.5, 0.5, 0.2))
    c.paint(
        "roof",
        m.tiles,
        c.polygon(
            [
                (x - over, ground - h),
                (x + inset, ground - h - rise),
                (x + w - inset, ground - h - rise),
                (x + w + over, ground - h),
            ]
        ),
    )
    columns, rows = int(c.layout.integers(2, 4)), int(c.layout.integers(1, 3))
    pane = m.tinted(m.pick(c.layout, FILM), 0.12, "smooth")
    frame = m.tinted(m.pick(c.layout, ("f0f0ec", "5a4030", "d0d0d0")), 0.02)
    for i in range(columns):
        for j in range(rows):
            cx, cy = x + w * (i + 0.5) / columns, ground - h * (0.95 - 0.62 * (j + 0.4) / rows)
            a, b = w / columns * 0.28, h / rows * 0.22
            c.paint("window", frame, c.rectangle(cx - a * 1.15, cy - b * 1.15, cx + a * 1.15, cy + b * 1.15))
            c.paint("window", pane, c.rectangle(cx - a, cy - b, cx + a, cy + b), 0, 0.4)
    dx, dw = x + w * c.layout.uniform(0.15, 0.7), w * c.layout.uniform(0.16, 0.24)
    wood = m.wood if c.layout.random() < 0.4 else m.tinted(m.vivid(c.layout) * 0.75, 0.04)
    c.paint("door", wood, c.rectangle(dx, ground - h * 0.42, dx + dw, ground), 0, 0.2)


def car(c: Canvas, x: float, ground: float, w: float) -> None:
    """Side view: body with cabin, windows, two wheels; `w` its length."""
    h, coat = w * 0.22, m.vivid(c.layout)
    paint = m.tinted(coat, 0.06, "smooth")
    y = ground - h * 0.35
    c.darken(c.ellipse(x + w / 2, ground, w * 0.55, h * 0.16), 0.5, 2)
    slope = c.layout.uniform(0.1, 0.2)
    roof = [
        (x + w * slope, y - h),
        (x + w * (slope + 0.13), y - h * 1.75),
        (x + w * 0.68, y - h * 1.75),
        (x + w * 0.86, y - h),
    ]
    body = [
        (x, y - h * 0.1),
        (x + w * 0.02, y - h * 0.9),
        (x + w * slope, y - h),
        (x + w * 0.86, y - h),
        (x + w * 0.99, y - h * 0.75),
        (x + w, y),
        (x, y),
    ]
    c.paint("car", paint, together([c.polygon(roof), c.polygon(body)]), 0.4, 0.5)
    glass = m.tinted(m.pick(c.layout, FILM), 0.1, "smooth")
    for a, b in ((slope + 0.06, 0.43), (0.46, 0.76)):
        c.paint(
            "window",
            glass,
            c.polygon(
                [
                    (x + w * (a + 0.03), y - h * 1.02),
                    (x + w * (a + 0.09), y - h * 1.62),
                    (x + w * (b - 0.07), y - h * 1.62),
                    (x + w * b, y - h * 1.02),
                ]
            ),
            0,
            0.4,
        )
    for cx in (x + w * 0.2, x + w * 0.8):
        wheel(c, cx, ground - h * 0.36, w * c.layout.uniform(0.085, 0.11))


def wheel(c: Canvas, x: float, y: float, r: float) -> None:
    tire, hub = m.pick(c.layout, ("181818", "282828", "202024"), 5), m.pick(c.layout, ("b8bcc0", "8c9094", "d8d8d8"), 8)
    c.paint("wheel", m.tinted(tire, 0.15), c.ellipse(x, y, r, r))
    c.paint("wheel", m.tinted(hub, 0.1), c.ellipse(x, y, r * 0.58, r * 0.58))
    turn = c.layout.uniform(0, 1.2)
    for k in range(5):
        a = turn + k * 2 * np.pi / 5
        c.paint(
            "wheel",
            m.tinted(tire * 1.6),
            c.ellipse(x + r * 0.36 * np.cos(a), y + r * 0.36 * np.sin(a), r * 0.11, r * 0.11),
        )


@cache
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    # Pillow carries this face itself, so that scenes do not depend on the fonts of a machine.
    return ImageFont.load_default(size)


def glyph(c: Canvas, text: str, x: float, y: float, size: float, colour: m.Colours) -> None:
    """One character; its box is of its class, as a line of print is to whoever names what is there."""
    label = len(CLASSES) + GLYPHS.index(text)
    big = Image.new("L", (128, 128))
    ImageDraw.Draw(big).text((64, 64), text, fill=255, font=_font(112), anchor="mm")
    bold = max(1, round(2 + 6 * float(c.layout.random())))
    ImageDraw.Draw(big).text((64, 64), text, fill=255, font=_font(112), anchor="mm", stroke_width=bold)
    box = big.getbbox()
    if box is None:
        return
    big = big.crop(box).rotate(float(c.layout.uniform(-9, 9)), Image.Resampling.BILINEAR, expand=True)
    h = max(2, round(size * c.side))
    w = max(2, round(h * big.width / big.height))
    left, top = round(x * c.side - w / 2), round(y * c.side - h / 2)
    stamp = big.resize((w, h))
    # The box gets the label first, with the colours left as they are; then the strokes are painted.
    y0, x0 = max(0, top), max(0, left)
    c.labels[y0 : max(y0, top + h), x0 : max(x0, left + w)] = label
    c.paint(label, m.tinted(colour, 0.04), lambda d: d.bitmap((left, top), stamp, fill=255))
