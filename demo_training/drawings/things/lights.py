"""Sun, moon, clouds, fire, smoke, lamps."""

from __future__ import annotations

import numpy as np
from PIL import ImageDraw

from demo_training.drawings import palette as p
from demo_training.drawings.canvas import Canvas, Draw, together
from demo_training.drawings.textures import air, fabrics, reflective


def sun(c: Canvas, x: float, y: float, r: float) -> None:
    colour = p.among(c.layout, "fff4b0 ffe070 ffb040 fffae0 fff8ec ff9040")
    c.glow(x, y, r * c.layout.uniform(1.5, 4), colour, float(c.layout.uniform(0.2, 0.7)))
    c.paint("sun", p.tinted(colour, 0.015), c.ellipse(x, y, r, r), float(c.layout.uniform(0.8, 4)))


def moon(c: Canvas, x: float, y: float, r: float) -> None:
    pale = p.among(c.layout, "e8e8e0 d0d4d8 f0e8c0 f8f4ec", 6)
    c.glow(x, y, r * 2, pale, float(c.layout.uniform(0, 0.25)))
    seas = p.tinted(pale, 0.12, "smooth", 0.5)
    c.paint("moon", seas, c.ellipse(x, y, r, r), 0.6)
    if c.layout.random() < 0.3:  # a crescent
        s = c.layout.choice((-1, 1)) * r * c.layout.uniform(0.35, 0.9)
        c.paint("night", air.night, c.ellipse(x + s, y - r * 0.1, r * 0.95, r * 0.95), 0.8)


def clouds(c: Canvas, horizon: float) -> None:
    """Heaps with ragged edges, from a few to a closed cover; bodies thicker below."""
    r = c.layout
    field = c.texture("smooth", float(r.uniform(0.8, 2.2))) + 0.25 * c.texture("rough", 1)
    axis = (np.arange(c.side, dtype=np.float32) + 0.5)[:, None] / c.side
    field = field - np.clip((axis - horizon) * 8, 0, 9) - float(r.uniform(-0.6, 0.8))
    if r.random() < 0.4:  # flat-based heaps
        field = field - 0.8 * np.sin(axis * r.uniform(14, 30) + r.uniform(0, 6))
    c.spread("cloud", air.cloud, (0.5 + field * r.uniform(0.8, 3.5)).astype(np.float32))


def _billow(c: Canvas, x: float, y: float, up: float, wide: float, lean: float) -> Draw:
    """Balls heaped along a rising line that widens."""
    r = c.layout
    balls = []
    for i in range(16):
        t = i / 15
        s = wide * (0.3 + 0.7 * t) * r.uniform(0.5, 1)
        balls.append(
            c.ellipse(x + lean * t + r.normal(0, wide * 0.35 * (0.3 + t)), y - up * t, s, s * r.uniform(0.7, 1))
        )
    return together(*balls)


def smoke(c: Canvas, x: float, y: float, up: float, wide: float) -> None:
    lean = float(c.layout.normal(0, 0.25)) * up
    c.paint("smoke", air.smoke, _billow(c, x, y, up, wide, lean), float(c.layout.uniform(1.5, 5)), 0, 0.25)


def fire(c: Canvas, x: float, y: float, size: float, down: bool = False) -> None:
    """Tongues from a bed of heat; `down` for a rocket's jet."""
    r, s = c.layout, -1 if down else 1
    c.glow(x, y - s * size * 0.4, size * 1.3, p.rgb("ff9030"), float(r.uniform(0.3, 0.8)))
    parts: list[Draw] = []
    for _ in range(int(r.integers(3, 8)) if not down else 2):
        bx, tall, w = x + r.normal(0, size * 0.22), size * r.uniform(0.5, 1.1), size * r.uniform(0.1, 0.24)
        tip = bx + r.normal(0, w)
        parts.append(c.curve([(bx - w, y), (bx - w * 0.8, y - s * tall * 0.45), (tip, y - s * tall),
                              (bx + w * 0.7, y - s * tall * 0.4), (bx + w, y), (bx, y + s * w * 0.5)]))  # fmt: skip
    c.paint("fire", air.fire, together(*parts), float(r.uniform(0.6, 2)))


def lamp(c: Canvas, x: float, y: float, r: float) -> None:
    """A shade on a stand, a hanging globe, a street lantern, a bare bulb or a candle's place."""
    how, g = c.layout.random(), c.layout
    warm = p.among(g, "ffd890 ffc060 fff0d0")
    pole = p.tinted(p.among(g, "302c28 b09050 c8c8c8 604830"), 0.15, "down")
    if how < 0.4:
        c.paint("lamp", pole, c.rectangle(x - r * 0.08, y, x + r * 0.08, y + r * 2.4), 0.4)
        c.paint("lamp", pole, c.ellipse(x, y + r * 2.4, r * 0.6, r * 0.13), 0.4)
        c.glow(x, y, r * 2.2, warm, float(g.uniform(0.1, 0.6)))
        top = g.uniform(0.35, 0.8)
        shade = c.polygon(
            [(x - r * top, y - r * 0.7), (x + r * top, y - r * 0.7), (x + r, y + r * 0.6), (x - r, y + r * 0.6)]
        )
        c.paint("lamp", air.glow if g.random() < 0.7 else fabrics.cloth, shade, 0.5)
        return
    cord = (
        c.rectangle(x - r * 0.05, -0.01, x + r * 0.05, y)
        if how < 0.75
        else c.rectangle(x - r * 0.12, y, x + r * 0.12, 1.01)
    )
    c.paint("lamp", pole, cord, 0.3)
    c.glow(x, y, r * g.uniform(1.5, 3), warm, float(g.uniform(0.2, 0.8)))
    if how < 0.55:
        c.paint(
            "lamp",
            reflective.metal,
            c.polygon([(x - r * 0.2, y - r), (x + r * 0.2, y - r), (x + r, y), (x - r, y)]),
            0.5,
        )
        c.paint("lamp", air.glow, c.ellipse(x, y, r * 0.8, r * 0.25), 1)
    else:
        c.paint("lamp", air.glow, c.ellipse(x, y, r * g.uniform(0.6, 0.9), r * 0.85), float(g.uniform(0.5, 2)))


def stars(c: Canvas) -> None:
    """Points on the night, faint and bright; part of the night."""
    spots = [(float(c.layout.random()), float(c.layout.random() * 0.8), float(c.layout.uniform(0.001, 0.0045)))
             for _ in range(int(c.layout.integers(0, 70)))]  # fmt: skip

    def draw(d: ImageDraw.ImageDraw) -> None:
        for x, y, s in spots:
            c.ellipse(x, y, s, s)(d)

    c.paint("night", p.tinted(p.among(c.layout, "f8f4e0 e0e8ff", 4)), draw, 0.35)
