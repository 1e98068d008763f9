"""Scenes under the sky: landscape, seaside, town, traffic, night. Each returns the characters it wrote: none."""

from __future__ import annotations

import numpy as np

from vlmtui.demo import built as b
from vlmtui.demo import materials as m
from vlmtui.demo import objects as o
from vlmtui.demo.canvas import Canvas


def landscape(c: Canvas) -> str:
    r = c.layout
    horizon = float(r.uniform(0.3, 0.65))
    c.paint("sky", m.sky)
    if r.random() < 0.5:
        o.sun(c, r.uniform(0.1, 0.9), r.uniform(0.08, horizon * 0.8), r.uniform(0.05, 0.12))
    if r.random() < 0.65:
        o.clouds(c, horizon)
    if r.random() < 0.6:
        for _ in range(int(r.integers(1, 3))):
            c.paint("mountain", m.mountain, c.below(horizon - r.uniform(0.02, 0.15), float(r.uniform(0.06, 0.2))), 0.6)
            if r.random() < 0.3:
                c.paint(
                    "snow",
                    m.snow,
                    c.polygon(
                        [(x := r.uniform(0.1, 0.9), y := horizon - 0.2), (x + 0.15, y + 0.14), (x - 0.15, y + 0.14)]
                    ),
                    1.5,
                )
    ground = "snow" if r.random() < 0.3 else "grass" if r.random() < 0.85 else "sand"
    c.paint(
        ground,
        {"snow": m.snow, "grass": m.grass, "sand": m.sand}[ground],
        c.below(horizon, float(r.uniform(0, 0.05))),
        0.6,
    )
    if r.random() < 0.25:
        x = r.uniform(0.2, 0.8)
        c.paint(
            "road",
            m.asphalt,
            c.polygon(
                [
                    (x - 0.02, horizon + 0.02),
                    (x + 0.02, horizon + 0.02),
                    (x + r.uniform(0.1, 0.4), 1.01),
                    (x - r.uniform(0.1, 0.4), 1.01),
                ]
            ),
            0.6,
        )
    depths = np.sort(r.uniform(0, 1, int(r.integers(0, 6))))
    for d in depths:
        foot = horizon + 0.02 + 0.45 * d * (1 - horizon)
        if r.random() < 0.8:
            o.tree(c, r.uniform(0, 1), foot, 0.16 + 0.45 * d * r.uniform(0.8, 1.3))
        else:
            b.house(c, r.uniform(0, 0.8), foot + 0.03, 0.12 + 0.25 * d, 0.1 + 0.18 * d)
    if ground == "grass" and r.random() < 0.4:
        for _ in range(int(r.integers(1, 6))):
            size = r.uniform(0.04, 0.11)
            o.flower(c, r.uniform(0.05, 0.95), r.uniform(horizon + 0.1, 0.9), size, size * 2)
    return ""


def seaside(c: Canvas) -> str:
    r = c.layout
    horizon, shore = float(r.uniform(0.25, 0.55)), float(r.uniform(0.6, 1.1))
    c.paint("sky", m.sky)
    if r.random() < 0.5:
        o.sun(c, r.uniform(0.1, 0.9), r.uniform(0.06, horizon * 0.9), r.uniform(0.05, 0.11))
    if r.random() < 0.6:
        o.clouds(c, horizon)
    if r.random() < 0.3:
        c.paint("mountain", m.mountain, c.below(horizon - 0.06, 0.08), 0.6)
    c.paint("sea", m.sea, c.rectangle(0, horizon, 1.01, 1.01), 0.4)
    if shore < 1:
        beach = ("sand", m.sand) if r.random() < 0.8 else ("stone", m.stone)
        c.paint(*beach, c.below(shore, float(r.uniform(0.01, 0.06))), 1)
        if r.random() < 0.3:
            c.paint(
                "stone",
                m.stone,
                c.ellipse(r.uniform(0, 1), shore, r.uniform(0.08, 0.2), r.uniform(0.06, 0.14)),
                0.6,
                0.4,
            )
    if r.random() < 0.3:
        o.tree(c, r.uniform(0, 1), min(shore, 0.98) + 0.08, r.uniform(0.3, 0.6))
    return ""


def town(c: Canvas) -> str:
    r = c.layout
    street = float(r.uniform(0.62, 0.82))
    c.paint("sky", m.sky)
    if r.random() < 0.5:
        o.clouds(c, 0.5)
    ground = ("grass", m.grass) if r.random() < 0.5 else ("stone", m.stone) if r.random() < 0.5 else ("road", m.asphalt)
    c.paint(*ground, c.rectangle(0, street - 0.08, 1.01, 1.01))
    x = float(r.uniform(-0.1, 0.1))
    while x < 0.95:
        w = r.uniform(0.28, 0.6)
        if r.random() < 0.78:
            b.house(c, x, street - 0.02, w, r.uniform(0.26, 0.52))
        else:
            o.tree(c, x + w / 2, street, r.uniform(0.35, 0.65))
        x += w + r.uniform(0.02, 0.12)
    c.paint("road", m.asphalt, c.rectangle(0, street, 1.01, r.uniform(0.9, 1.05)), 0.3)
    if r.random() < 0.5:
        c.paint(
            "wall", m.plaster, c.rectangle(0, street - 0.07, r.uniform(0.3, 1.01), street)
        ) if r.random() < 0.3 else None
    for _ in range(int(r.integers(0, 3))):
        w = r.uniform(0.28, 0.75)
        b.car(c, r.uniform(-0.1, 0.95 - w * 0.7), min(0.99, street + r.uniform(0.08, 0.25)), w)
    return ""


def traffic(c: Canvas) -> str:
    """A car, or a wheel, from near."""
    r = c.layout
    back = (("wall", m.plaster), ("brick", m.brick), ("sky", m.sky), ("tree", m.foliage), ("metal", m.metal))
    c.paint(*back[int(r.integers(len(back)))])
    c.paint("road", m.asphalt, c.rectangle(0, r.uniform(0.6, 0.75), 1.01, 1.01), 0.5)
    if r.random() < 0.65:
        w = r.uniform(0.8, 1.3)
        b.car(c, r.uniform(-0.35, 0.98 - w * 0.75), r.uniform(0.75, 0.92), w)
    else:
        for _ in range(int(r.integers(1, 3))):
            b.wheel(c, r.uniform(0.2, 0.8), r.uniform(0.3, 0.75), r.uniform(0.14, 0.33))
    return ""


def night(c: Canvas) -> str:
    r = c.layout
    c.paint("night", m.night)
    lit = m.tinted(m.pick(r, ("f8f4e0", "e0e8ff"), 4))
    for _ in range(int(r.integers(0, 40))):
        s = r.uniform(0.002, 0.006)
        c.paint("night", lit, c.ellipse(r.uniform(0, 1), r.uniform(0, 0.7), s, s), 0.3)
    if r.random() < 0.7:
        o.moon(c, r.uniform(0.1, 0.9), r.uniform(0.1, 0.45), r.uniform(0.05, 0.15))
    ground = float(r.uniform(0.6, 0.9))

    def dim(material: m.Material, by: float) -> m.Material:
        blue = np.array((0.8, 0.9, 1.25), np.float32) * by
        return lambda rng, h, w, u: material(rng, h, w, u) * blue

    if r.random() < 0.5:
        c.paint("mountain", dim(m.mountain, 0.32), c.below(ground - 0.12, 0.12), 0.6)
    floor = (("snow", m.snow), ("grass", m.grass), ("sea", m.sea), ("road", m.asphalt))[int(r.integers(4))]
    c.paint(floor[0], dim(floor[1], r.uniform(0.25, 0.55)), c.below(ground, 0.02), 0.6)
    if r.random() < 0.55:
        x, w, h = r.uniform(0, 0.6), r.uniform(0.25, 0.45), r.uniform(0.2, 0.4)
        c.paint("house", dim(m.plaster, r.uniform(0.25, 0.5)), c.rectangle(x, ground - h, x + w, ground + 0.03))
        c.paint(
            "roof",
            dim(m.tiles, 0.35),
            c.polygon([(x - 0.03, ground - h), (x + w / 2, ground - h * 1.5), (x + w + 0.03, ground - h)]),
        )
        for i in range(3):
            glow = m.tinted(
                m.pick(r, ("ffd870", "ffc050", "fff0b0")) if r.random() < 0.7 else m.pick(r, ("10141c",), 4), 0.08
            )
            wx = x + w * (0.08 + 0.31 * i)
            c.paint("window", glow, c.rectangle(wx, ground - h * 0.75, wx + w * 0.2, ground - h * 0.4), 0.4)
    return ""
