"""Tables and what is on them: plates, cups, bottles, spoons and forks."""

from __future__ import annotations

import numpy as np
from PIL import ImageDraw

from demo_training.drawings import palette as p
from demo_training.drawings.canvas import Canvas, Draw, together
from demo_training.drawings.textures import construction, fabrics, foods, reflective


def plate(c: Canvas, x: float, y: float, r: float, flat: float) -> float:
    """Rim, well and shadow; returns the radius of the well, for what lies in it."""
    g, base = c.layout, reflective.china(c.layout)
    c.darken(c.ellipse(x + r * 0.06, y + r * 0.1, r * 1.08, r * flat * 1.1), 0.5, 4)
    c.paint("plate", reflective.glazed(base), c.ellipse(x, y, r, r * flat), 0.5, 0, 0.12, 0.12, 0.1)
    if g.random() < 0.5:
        line = p.tinted(p.vivid(g), 0.05)
        k = g.uniform(0.8, 0.97)
        c.paint("plate", line, c.band(x, y, r * k, r * (k - g.uniform(0.015, 0.12)), flat), 0.4)
    well = float(g.uniform(0.6, 0.74))
    c.darken(c.band(x, y, r * (well + 0.03), r * well, flat), 0.18, 1)
    c.paint("plate", reflective.glazed(base * 0.98), c.ellipse(x, y + r * 0.01, r * well, r * well * flat), 0.8, 0.06)
    return r * well


def cup(c: Canvas, x: float, y: float, r: float, flat: float, full: bool) -> None:
    """A cup with its handle, seen from a side and above: `flat` is how round its mouth is; coffee in it if `full`."""
    g, base = c.layout, reflective.china(c.layout)
    tall, foot, s = r * g.uniform(1.1, 1.9) * (1.25 - flat * 0.8), g.uniform(0.55, 0.95), g.choice((-1, 1))
    c.darken(c.ellipse(x + r * 0.2, y + tall, r * 1.1, r * 0.35), 0.5, 3)
    glaze = reflective.glazed(base)

    def handle(d: ImageDraw.ImageDraw) -> None:
        hx, hy, side = x + s * r * 1.05, y + tall * 0.42, c.side
        c.ellipse(hx, hy, r * 0.42, tall * 0.36)(d)
        d.ellipse([v * side for v in (hx - r * 0.24, hy - tall * 0.22, hx + r * 0.24, hy + tall * 0.22)], fill=0)

    c.paint("cup", glaze, handle, 0.5, 0, 0.3, 0.2)
    wall = [
        (x - r, y),
        (x - r * (foot + 0.25 * (1 - foot)), y + tall * 0.65),
        (x - r * foot * 0.8, y + tall),
        (x, y + tall + r * flat * foot * 0.6),
        (x + r * foot * 0.8, y + tall),
        (x + r * (foot + 0.25 * (1 - foot)), y + tall * 0.65),
        (x + r, y),
    ]
    c.paint("cup", glaze, together(c.polygon(wall), c.ellipse(x, y, r, r * flat)), 0.5, 0, 0.4, 0.3, 0.5)
    if g.random() < 0.35:
        c.paint(
            "cup",
            p.tinted(p.vivid(g), 0.05),
            c.rectangle(x - r * 0.9, y + tall * 0.35, x + r * 0.9, y + tall * 0.5),
            0.5,
            0,
            0.4,
        )
    c.paint("cup", reflective.glazed(base * 1.04), c.ellipse(x, y, r, r * flat), 0.4)
    c.paint("cup", reflective.glazed(base * 0.6), c.ellipse(x, y + r * 0.01, r * 0.92, r * flat * 0.9), 0.4, 0.3)
    if full:
        c.paint("coffee", foods.coffee, c.ellipse(x, y + r * flat * 0.07, r * 0.87, r * flat * 0.82), 0.5)


def bottle(c: Canvas, x: float, foot: float, h: float) -> None:
    """A bottle, jar or carafe of tinted or clear glass, or of earthenware, with a label and a cap."""
    g = c.layout
    w, shoulder, neck = h * g.uniform(0.12, 0.24), g.uniform(0.3, 0.6), g.uniform(0.25, 0.7)
    tint = p.among(g, "1c4a28 3a6a34 5a3414 8a5a20 a8b8b8 c8d4d4 d8e0dc 6a9ab0 c09838 9a3028 304858")
    material = (
        reflective.glassware(tint, float(g.uniform(0.2, 0.9)))
        if g.random() < 0.85
        else reflective.glazed(reflective.china(g))
    )
    outline = [(x - w, foot), (x - w, foot - h * (1 - shoulder) * 0.98),
            (x - w * 0.8, foot - h * (1 - shoulder * 0.7)), (x - w * neck * 0.5, foot - h * (1 - shoulder * 0.4)),
            (x - w * neck * 0.5, foot - h),
               (x + w * neck * 0.5, foot - h), (x + w * neck * 0.5, foot - h * (1 - shoulder * 0.4)),
                       (x + w * 0.8, foot - h * (1 - shoulder * 0.7)), (x + w, foot - h * (1 - shoulder) * 0.98),
                       (x + w, foot)]  # fmt: skip
    c.darken(c.ellipse(x + w * 0.6, foot, w * 1.5, w * 0.3), 0.45, 3)
    c.paint("bottle", material, together(c.polygon(outline), c.ellipse(x, foot, w, w * 0.18)), 0.5)
    if g.random() < 0.6:
        top, low = foot - h * (1 - shoulder) * g.uniform(0.75, 0.92), foot - h * g.uniform(0.06, 0.15)
        c.paint(
            "bottle",
            p.tinted(p.among(g, "f4f0e4 e8e0c8 c03028 203c6a e8c840 202020"), 0.03),
            c.rectangle(x - w, top, x + w, low),
            0.4,
            0,
            0.3,
        )
        bar = together(
            *[
                c.rectangle(
                    x - w * 0.6, top + (low - top) * t, x + w * g.uniform(0.1, 0.6), top + (low - top) * (t + 0.1)
                )
                for t in (0.2, 0.45, 0.7)
            ]
        )
        c.paint("bottle", p.tinted(p.vivid(g), 0.03), bar, 0.4)
    cap = c.rectangle(x - w * neck * 0.6, foot - h * 1.02, x + w * neck * 0.6, foot - h * g.uniform(0.92, 0.97))
    c.paint("bottle", p.tinted(p.among(g, "b09058 c03028 202020 d8d8d8 8a6a44"), 0.08), cap, 0.4, 0, 0.4, 0.3)


def cutlery(c: Canvas, x: float, y: float, long: float, turn: float) -> None:
    """A spoon, a fork or a knife, lying."""
    g, how = c.layout, c.layout.random()
    co, si = np.cos(turn), np.sin(turn)

    def at(*points: tuple[float, float]) -> list[tuple[float, float]]:
        return [(float(x + long * (u * co - v * si)), float(y + long * (u * si + v * co))) for u, v in points]

    parts: list[Draw] = [
        c.curve(at((0.3, -0.018), (0.75, -0.022), (1, -0.045), (1.03, 0), (1, 0.045), (0.75, 0.022), (0.3, 0.018)), 4)
    ]
    if how < 0.5:
        parts.append(c.curve(at((0.32, 0), (0.22, -0.08), (0.08, -0.09), (0, 0), (0.08, 0.09), (0.22, 0.08)), 5))
    elif how < 0.85:
        parts.append(
            c.curve(at((0.34, -0.02), (0.26, -0.07), (0.18, -0.075), (0.18, 0.075), (0.26, 0.07), (0.34, 0.02)), 4)
        )
        parts += [
            c.polygon(at((0.2, v - 0.014), (0, v - 0.01), (0, v + 0.01), (0.2, v + 0.014)))
            for v in (-0.06, -0.02, 0.02, 0.06)
        ]
    else:
        parts.append(c.curve(at((0.36, -0.02), (0.1, -0.045), (0, 0.0), (0.06, 0.03), (0.36, 0.022)), 4))
    shape = together(*parts)
    c.darken(
        c.polygon([(a + 0.008, b + 0.012) for a, b in at((0.02, -0.05), (1, -0.03), (1, 0.03), (0.02, 0.05))]), 0.35, 2
    )
    material = reflective.metal if g.random() < 0.7 else p.tinted(p.among(g, "d8d8d8 c8ccd0 e0c078"), 0.08)
    if g.random() < 0.12:
        material = construction.wood
    c.paint("spoon", material, shape, 0.4, 0, 0.5, 0.6, 0.9)
    if how < 0.5:
        c.darken(c.ellipse(*at((0.14, 0.02))[0], long * 0.06, long * 0.05), 0.3, 1.5)


def table(c: Canvas, edge: float) -> None:
    """A table seen over: its top below height `edge` in perspective, of boards or under a cloth."""
    g, how = c.layout, c.layout.random()
    left, right = g.uniform(-0.3, 0.15), g.uniform(0.85, 1.3)
    spread = g.uniform(0.1, 0.5)
    base = p.among(g, "a06a38 7a4a26 c08c54 5c3a20 e8e4dc 3a3430 d0a870 b8b0a8")
    material: p.Material = (
        construction.wood if how < 0.5 else fabrics.cloth if how < 0.62 else p.tinted(base, 0.05, "across")
    )
    if 0.62 < how < 0.7:
        material = fabrics.pattern("checks", p.rgb("f4f0ec"), p.vivid(g), 12, 0.0)
    low = g.uniform(0.8, 1.1)
    c.paint(
        "table",
        material,
        c.polygon([(left, edge), (right, edge), (right + spread, low), (left - spread, low)]),
        0.5,
        float(g.uniform(-0.2, 0.3)),
    )
    if low < 1:  # its front edge and legs
        c.darken(c.rectangle(-0.1, low, 1.1, 1.1), 0.4, 3)
        c.paint(
            "table",
            p.tinted(base * 0.7, 0.08, "across"),
            c.rectangle(left - spread, low, right + spread, low + 0.04),
            0.4,
        )
        legs = together(*[c.rectangle(q, low + 0.04, q + 0.05, 1.1) for q in (0.06, 0.88)])
        c.paint("table", p.tinted(base * 0.6, 0.1, "down"), legs, 0.4)
