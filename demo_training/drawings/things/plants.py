"""Trees, flowers, single leaves."""

from __future__ import annotations

import numpy as np

from demo_training.drawings import palette as p
from demo_training.drawings.canvas import Canvas, Draw, together
from demo_training.drawings.textures import plants


def tree(c: Canvas, x: float, ground: float, size: float) -> None:
    """A trunk with a crown of many heads, a fir, a palm or a bare tree; `size` is its height."""
    r, how = c.layout, c.layout.random()
    w, lean = size * r.uniform(0.025, 0.06), size * r.normal(0, 0.06)
    c.darken(c.ellipse(x + size * 0.1, ground, size * 0.4, size * 0.05), float(r.uniform(0.1, 0.5)), 2)
    tall = 0.95 if how > 0.8 else 0.6
    trunk = [(x - w * 1.5, ground), (x - w * 0.8 + lean * 0.5, ground - size * 0.3),
            (x - w * 0.5 + lean, ground - size * tall),
             (x + w * 0.5 + lean, ground - size * tall), (x + w * 0.8 + lean * 0.5, ground - size * 0.3),
                     (x + w * 1.5, ground)]  # fmt: skip
    c.paint("bark", plants.bark, c.polygon(trunk), 0.4, 0, 0.4)
    if how < 0.25:
        tiers: list[Draw] = []
        for i in range(5):
            y, half = ground - size * (1 - 0.17 * i), size * (0.07 + 0.055 * i)
            tiers.append(c.polygon([(x, y), (x + half * 1.1, y + size * 0.26), (x + half * 0.5, y + size * 0.22),
                                    (x - half * 0.4, y + size * 0.24), (x - half * 1.1, y + size * 0.25)]))  # fmt: skip
        c.paint("tree", plants.needles, together(*tiers), 0.5, 0.2)
        return
    if how > 0.9:  # palm
        fronds: list[Draw] = []
        for a in r.uniform(-np.pi, 0.3, 9):
            ex, ey = x + lean + np.cos(a) * size * 0.35, ground - size * 0.9 + np.sin(a) * size * 0.15 + size * 0.12
            mx, my = x + lean + np.cos(a) * size * 0.2, ground - size * 0.95 + np.sin(a) * size * 0.14
            fronds.append(
                c.curve([(x + lean, ground - size * 0.93), (mx, my - size * 0.03), (ex, ey), (mx, my + size * 0.05)])
            )
        c.paint("tree", plants.needles, together(*fronds), 0.4, 0.3)
        return
    if how > 0.8:  # bare
        branches = [c.line([(x + lean, ground - size * r.uniform(0.4, 0.8)),
                            (x + lean + np.cos(a) * size * 0.2, ground - size * 0.7 + np.sin(a) * size * 0.2),
                            (x + lean + np.cos(a) * size * 0.38, ground - size * 0.75 + np.sin(a) * size * 0.4)],
                                    w * 0.6)
                    for a in r.uniform(-np.pi, 0, 9)]  # fmt: skip
        c.paint("bark", plants.bark, together(*branches), 0.3)
        return
    heads = [c.ellipse(x + lean + size * r.normal(0, 0.15), ground - size * r.uniform(0.42, 0.88),
            size * r.uniform(0.08, 0.24),
                       size * r.uniform(0.07, 0.2)) for _ in range(14)]  # fmt: skip
    c.paint("tree", plants.foliage, together(*heads), 0.9, 0.2, 0.35, 0, 0.3)


def bushes(c: Canvas, ground: float, size: float) -> None:
    """A hedge or scrub along a line."""
    r = c.layout
    start, stop = sorted(r.uniform(-0.1, 1.1, 2))
    count = 4 + int((stop - start) / size)
    heads = [c.ellipse(start + (stop - start) * i / count + r.normal(0, size * 0.3),
            ground - size * r.uniform(0.1, 0.6),
                       size * r.uniform(0.5, 1), size * r.uniform(0.4, 0.8)) for i in range(count + 1)]  # fmt: skip
    c.paint("tree", plants.foliage, together(*heads), 0.9, 0, 0.3)


def flower(c: Canvas, x: float, y: float, r: float, stem: float) -> None:
    """Rows of petals about a heart, seen from any side, on a stem of length `stem` with leaves."""
    g = c.layout
    lean = g.normal(0, 0.15) * stem
    if stem > 0:
        green = p.among(g, "3c7a2c 5a9a40 2f6a34 6a8a4a")
        stalk = [(x, y), (x + lean * 0.3, y + stem * 0.5), (x + lean, y + stem)]
        c.paint("leaf", p.tinted(green, 0.1), c.line(stalk, r * 0.16), 0.4)
        for s in (-1, 1):
            t = g.uniform(0.3, 0.8)
            leaf(
                c,
                x + lean * t + s * r * 0.5,
                y + stem * t,
                r * g.uniform(0.9, 1.6),
                float(np.pi / 2 - s * g.uniform(0.6, 1.4)),
            )
    base, n, turn = plants.petal_colour(g), int(g.integers(5, 22)), float(g.uniform(0, 1))
    squash, round_ = float(g.choice((1.0, 0.8, 0.55))), n < 9
    c.darken(c.ellipse(x + r * 0.15, y + r * 0.25, r, r * squash), 0.3, 3)
    wide = 1.15 * np.pi / n
    parts: list[Draw] = []
    for a in turn + np.arange(n) * 2 * np.pi / n:
        reach = r * g.uniform(0.9, 1.08)
        points = [(0.1, 0), (0.55, -wide * (1 if round_ else 0.7)), (0.9, -wide * (0.7 if round_ else 0.45)), (1, 0),
                  (0.9, wide * (0.7 if round_ else 0.45)), (0.55, wide * (1 if round_ else 0.7))]  # fmt: skip
        parts.append(
            c.curve([(x + reach * d * np.cos(a + s), y + squash * reach * d * np.sin(a + s)) for d, s in points], 4)
        )
    c.paint("flower", plants.petal(base, n, turn), together(*parts), 0.5, 0.15)
    if g.random() < 0.35:  # a second row within
        inner = [c.ellipse(x + 0.4 * r * np.cos(a), y + squash * 0.4 * r * np.sin(a), r * 0.3, r * 0.3 * squash)
                 for a in turn + 0.4 + np.arange(n) * 2 * np.pi / n]  # fmt: skip
        c.paint("flower", plants.petal(base * 0.85, n, turn), together(*inner), 0.6)
    heart = p.tinted(p.among(g, "f0c820 6a4020 f0e8a0 c88018 50602c"), 0.3, "white", 1.5)
    k = g.uniform(0.14, 0.36)
    c.paint("flower", heart, c.ellipse(x, y, r * k, r * k * squash), 0.5, 0, 0.35)


def leaf(c: Canvas, x: float, y: float, length: float, turn: float) -> None:
    """One leaf with its veins; `length` from base to tip."""
    along, across = np.array((np.cos(turn), np.sin(turn))), np.array((-np.sin(turn), np.cos(turn)))
    wide, curl = length * c.layout.uniform(0.14, 0.34), length * c.layout.normal(0, 0.08)
    t = np.linspace(-1, 1, 9)
    side = np.maximum(0, 1 - t**2) ** 0.8 * wide * (1 - 0.3 * t)
    middle = np.array((x, y)) + t[:, None] * along * length / 2 + (curl * t**2)[:, None] * across
    outline = [*(middle + side[:, None] * across), *(middle - side[:, None] * across)[::-1]]
    points = [(float(q[0]), float(q[1])) for q in outline]
    c.darken(c.polygon([(a + 0.02, b + 0.03) for a, b in points]), 0.3, 3)
    c.paint("leaf", plants.blade, c.curve(points, 4), 0.5, 0.2, 0.2)
    rib = [*(middle + across * length * 0.012), *(middle - across * length * 0.012)[::-1]]
    c.paint(
        "leaf",
        p.tinted(p.among(c.layout, "b8c880 90b060 d0d8a0")),
        c.polygon([(float(q[0]), float(q[1])) for q in rib]),
        0.4,
    )
