"""Vehicles: cars, wheels, boats, rockets; and waving flags."""

from __future__ import annotations

import numpy as np

from demo_training.drawings import palette as p
from demo_training.drawings.canvas import Canvas, Draw, together
from demo_training.drawings.textures import construction, fabrics, reflective


def car(c: Canvas, x: float, ground: float, w: float) -> None:
    """Side view of a saloon, hatchback, van or lorry: body, cabin, windows, lights, two wheels; `w` its length."""
    r, how = c.layout, c.layout.random()
    mirrored = r.random() < 0.5

    def at(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
        return [(x + w * (1 - a if mirrored else a), y - w * b) for a, b in points]

    y = ground - w * 0.07
    coat = reflective.lacquer(p.vivid(r))
    c.darken(c.ellipse(x + w / 2, ground, w * 0.55, w * 0.045), 0.65, 2)
    tall, back = r.uniform(0.33, 0.42), r.uniform(0.02, 0.2)
    if how < 0.22:  # van, bus
        tall, back = r.uniform(0.4, 0.5), 0.0
        cabin = [(0.0, 0.2), (0.01, tall), (0.78, tall), (0.92, 0.24)]
        panes = [((0.06, 0.25), (0.06, tall * 0.88), (0.36, tall * 0.88), (0.36, 0.25)),
                 ((0.4, 0.25), (0.4, tall * 0.88), (0.75, tall * 0.88), (0.85, 0.25))]  # fmt: skip
    else:
        cabin = [(back, 0.2), (back + 0.12, tall), (0.62, tall), (0.8, 0.22)]
        panes = [((back + 0.06, 0.215), (back + 0.15, tall * 0.93), (0.4, tall * 0.93), (0.41, 0.215)),
                 ((0.44, 0.215), (0.44, tall * 0.93), (0.6, tall * 0.93), (0.73, 0.215))]  # fmt: skip
    body = [
        (0, 0.02),
        (0.0, 0.14),
        (0.03, 0.21),
        (0.3, 0.225),
        (0.8, 0.22),
        (0.95, 0.17),
        (1, 0.11),
        (1, 0.02),
        (0.9, -0.005),
        (0.1, -0.005),
    ]
    c.paint("car", coat, together(c.curve(at(body), 3), c.polygon(at(cabin))), 0.4, 0, 0.25, 0.15, 0.2)
    for one in panes:
        c.paint("window", reflective.pane, c.polygon(at(list(one))), 0.3)
    seam = c.line(at([(0.42, tall * 0.93), (0.42, 0.03)]), 0.004 + w * 0.003)
    c.darken(seam, 0.5, 0.4)
    for lx, colour in ((0.975, "fff8e0"), (0.015, "c02018")):
        c.paint("car", p.tinted(p.rgb(colour)), c.ellipse(*at([(lx, 0.14)])[0], w * 0.02, w * 0.022), 0.4, 0, 0, 0.5)
    bumper = p.tinted(p.among(r, "282828 c0c4c8 484848"), 0.08)
    c.paint("car", bumper, c.polygon(at([(0.0, 0.03), (1.0, 0.03), (1.0, 0.0), (0.0, 0.0)])), 0.4)
    for cx in (0.2, 0.8):
        wheel(c, x + w * cx, ground - w * 0.075, w * r.uniform(0.08, 0.1), 0)


def wheel(c: Canvas, x: float, y: float, r: float, spoked: float = 0.2) -> None:
    """Tyre with its rim and spokes, or a spoked wheel of a bicycle or cart."""
    g = c.layout
    tire, hub = p.among(g, "181818 282828 202024", 5), p.among(g, "b8bcc0 8c9094 d8d8d8 505458", 8)
    rim, n, turn = float(g.uniform(0.55, 0.72)), int(g.integers(4, 12)), float(g.uniform(0, 1.2))
    if g.random() < spoked:
        wood = construction.wood if g.random() < 0.5 else reflective.metal
        spokes: list[Draw] = [c.band(x, y, r, r * 0.86)]
        for a in turn + np.arange(n + 4) * 2 * np.pi / (n + 4):
            spokes.append(c.line([(x, y), (x + r * 0.9 * np.cos(a), y + r * 0.9 * np.sin(a))], r * 0.06))
        c.paint("wheel", wood, together(*spokes, c.ellipse(x, y, r * 0.16, r * 0.16)), 0.4, 0.2)
        return
    c.paint("wheel", p.tinted(tire, 0.2), c.ellipse(x, y, r, r), 0.4, 0.2, 0.35)
    c.darken(c.band(x, y, r * (rim + 0.06), r * rim), 0.6, 0.5)
    c.paint("wheel", p.tinted(tire * 0.6, 0.2), c.ellipse(x, y, r * rim, r * rim), 0.3)
    arms: list[Draw] = [c.band(x, y, r * rim, r * rim * 0.86), c.ellipse(x, y, r * 0.16, r * 0.16)]
    for a in turn + np.arange(n) * 2 * np.pi / n:
        s, t = np.sin(a), np.cos(a)
        arms.append(c.polygon([(x + r * (0.1 * -s), y + r * 0.1 * t), (x + r * (rim * t - 0.07 * s),
                y + r * (rim * s + 0.07 * t)),
                               (x + r * (rim * t + 0.07 * s), y + r * (rim * s - 0.07 * t)),
                                       (x + r * 0.1 * s, y - r * 0.1 * t)]))  # fmt: skip
    c.paint("wheel", reflective.metal if g.random() < 0.4 else p.tinted(hub, 0.08), together(*arms), 0.3, 0.3)


def boat(c: Canvas, x: float, y: float, w: float) -> None:
    """A hull with sails, a cabin or oars' benches; `w` its length, `y` the waterline."""
    r, how = c.layout, c.layout.random()
    h = w * r.uniform(0.12, 0.24)
    coat = construction.wood if r.random() < 0.4 else reflective.lacquer(p.vivid(r))
    c.darken(c.ellipse(x + w * 0.5, y + h * 0.35, w * 0.5, h * 0.4), 0.5, 2)
    if how < 0.55:
        mx, tall = x + w * r.uniform(0.4, 0.55), w * r.uniform(0.8, 1.5)
        mast = c.line([(mx, y), (mx, y - tall)], w * 0.02)
        c.paint("boat", p.tinted(p.among(r, "d8d8d8 6a4a30 303030"), 0.1), mast, 0.3)
        sail = fabrics.silk(p.among(r, "f8f6f0 f0ece0 e8e0d0 c04030 f4f4f8 204080", 10))
        c.paint(
            "boat",
            sail,
            c.curve([(mx + w * 0.02, y - tall * 0.97), (mx + w * 0.42, y - h * 1.3), (mx + w * 0.02, y - h * 1.3)], 5),
            0.4,
            0.3,
        )
        c.paint(
            "boat",
            sail,
            c.polygon([(mx - w * 0.02, y - tall * 0.85), (x + w * 0.02, y - h), (mx - w * 0.02, y - h * 1.2)]),
            0.4,
            0.3,
        )
    elif how < 0.85:
        a, b = x + w * r.uniform(0.2, 0.35), x + w * r.uniform(0.55, 0.8)
        top = y - h * r.uniform(1.8, 2.6)
        c.paint(
            "boat",
            p.tinted(p.among(r, "f4f4f0 e8e8e8 d8c8a8 3a6a9a"), 0.05),
            c.polygon([(a, y), (a, top), (b, top), (b + w * 0.05, y)]),
            0.4,
            0.3,
        )
        ports = [
            c.rectangle(a + (b - a) * (i + 0.2) / 4, top + h * 0.25, a + (b - a) * (i + 0.75) / 4, top + h * 0.8)
            for i in range(4)
        ]
        c.paint("boat", reflective.pane, together(*ports), 0.3)
    hull = [
        (x - w * 0.02, y - h),
        (x + w * 0.35, y - h * 0.82),
        (x + w * 1.02, y - h * 1.1),
        (x + w * 0.92, y + h * 0.25),
        (x + w * 0.1, y + h * 0.25),
    ]
    c.paint("boat", coat, c.polygon(hull), 0.4, 0.3)
    line = p.tinted(p.vivid(r), 0.05)
    c.paint("boat", line, c.polygon([(x - w * 0.02, y - h), (x + w * 0.35, y - h * 0.82), (x + w * 1.02, y - h * 1.1),
                                     (x + w * 1.01, y - h * 0.95), (x + w * 0.35, y - h * 0.66),
                                             (x - w * 0.01, y - h * 0.85)]), 0.3)  # fmt: skip


def rocket(c: Canvas, x: float, ground: float, w: float, h: float) -> None:
    """A slim body with a nose and fins, bands and boosters; standing or rising."""
    r = c.layout
    base = p.among(r, "f4f4f2 e8e8e8 d8dcd8 f0ece0 c86828 c0c4c8", 6)
    skin = p.tinted(base, 0.04, "down")
    nose = ground - h
    fins = [c.polygon([(x - w * 0.5, ground - h * 0.2), (x - w * 1.2, ground), (x - w * 0.4, ground)]),
            c.polygon([(x + w * 0.5, ground - h * 0.2), (x + w * 1.2, ground), (x + w * 0.4, ground)])]  # fmt: skip
    how = r.random()
    if how < 0.5:
        c.paint("rocket", p.tinted(p.vivid(r) * 0.8, 0.06), together(*fins), 0.4, 0.3)
    if how > 0.35:
        for s in (-1, 1):
            bx, top = x + s * w * 0.72, ground - h * r.uniform(0.4, 0.65)
            c.paint(
                "rocket",
                skin,
                c.curve(
                    [
                        (bx - w * 0.22, ground),
                        (bx - w * 0.22, top + w),
                        (bx, top - w * 0.3),
                        (bx + w * 0.22, top + w),
                        (bx + w * 0.22, ground),
                    ],
                    4,
                ),
                0.4,
                0,
                0.6,
            )
    body = [(x - w / 2, ground), (x - w / 2, nose + h * 0.2), (x - w * 0.3, nose + h * 0.08), (x, nose),
            (x + w * 0.3, nose + h * 0.08),
            (x + w / 2, nose + h * 0.2), (x + w / 2, ground)]  # fmt: skip
    c.paint("rocket", skin, c.polygon(body), 0.5, 0, 0.75, 0.1)
    bands: list[Draw] = []
    for t in r.uniform(0.1, 0.8, int(r.integers(1, 5))):
        bands.append(c.rectangle(x - w / 2, ground - h * t, x + w / 2, ground - h * (t - r.uniform(0.01, 0.06))))
    c.paint("rocket", p.tinted(p.among(r, "202428 c03028 304878 808488"), 0.05), together(*bands), 0.3)


def flag(c: Canvas, x: float, y: float, w: float, h: float, pole: float) -> None:
    """Coloured fields with a sign, waving from a pole (of length `pole`) at its left; `x`, `y` its upper left."""
    r = c.layout
    if pole:
        c.paint("flag", reflective.metal, c.rectangle(x - w * 0.035, y - h * 0.08, x, y + pole), 0.3)
    t = np.linspace(0, 1, 13)
    phase, deep = r.uniform(0, 6.3), h * r.uniform(0.04, 0.14)
    wave = deep * np.sin(t * r.uniform(4, 9) + phase) * (0.3 + 0.7 * t)

    def field(x0: float, y0: float, x1: float, y1: float) -> Draw:
        part = (t >= x0 - 0.05) & (t <= x1 + 0.05)
        top = [(x + w * float(a), y + h * y0 + float(b)) for a, b in zip(t[part], wave[part], strict=True)]
        low = [(x + w * float(a), y + h * y1 + float(b)) for a, b in zip(t[part], wave[part], strict=True)]
        return c.polygon([*top, *low[::-1]])

    colours = [p.among(r, "c81e28 1e3c8c f4f4f0 f0c820 18803c 101010 f08028 4a90d8", 8) for _ in range(4)]
    how, n = r.random(), int(r.integers(2, 4))
    c.paint("flag", fabrics.silk(colours[0]), field(0, 0, 1, 1), 0.4)
    if how < 0.3:
        for i in range(1, n):
            c.paint("flag", fabrics.silk(colours[i]), field(0, i / n, 1, (i + 1) / n), 0.3)
    elif how < 0.55:
        for i in range(1, n):
            c.paint("flag", fabrics.silk(colours[i]), field(i / n, 0, (i + 1) / n, 1), 0.3)
    elif how < 0.75:
        stripes = together(*[field(0, i / 9, 1, (i + 1) / 9) for i in range(1, 9, 2)])
        c.paint("flag", fabrics.silk(colours[1]), stripes, 0.3)
        c.paint("flag", fabrics.silk(colours[2]), field(0, 0, 0.42, 5 / 9), 0.3)
    else:
        c.paint("flag", fabrics.silk(colours[1]), together(field(0.25, 0, 0.4, 1), field(0, 0.38, 1, 0.6)), 0.3)
    if how > 0.55 or r.random() < 0.3:
        sx, sy = (x + w * 0.2, y + h * 0.27) if how < 0.75 else (x + w * 0.5, y + h * 0.5)
        spots = [
            c.ellipse(sx + h * a, sy + h * b, h * 0.03, h * 0.03) for a in (-0.14, 0, 0.14) for b in (-0.12, 0, 0.12)
        ]
        c.paint(
            "flag", p.tinted(colours[3]), together(*spots) if how < 0.75 else c.ellipse(sx, sy, h * 0.2, h * 0.2), 0.4
        )
    for k in range(3):  # shade in the waves
        fx = x + w * ((k + 0.5) / 3 + 0.1 * np.sin(phase))
        c.darken(c.rectangle(fx, y - deep, fx + w * 0.1, y + h + deep), 0.22, 3)
