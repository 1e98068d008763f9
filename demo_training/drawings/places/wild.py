"""Scenes of nature: landscape, seaside, river, forest, garden, night."""

from __future__ import annotations

import numpy as np

from demo_training.drawings import palette as p
from demo_training.drawings.canvas import Canvas, Draw, together
from demo_training.drawings.palette import dimmed
from demo_training.drawings.places.materials import MATERIALS, one_of
from demo_training.drawings.textures import air, construction, land, plants
from demo_training.drawings.things import animals, buildings, lights, vehicles
from demo_training.drawings.things import plants as grown


def heaven(c: Canvas, horizon: float) -> None:
    """Sky, with sun, clouds, or nothing else; birds at times."""
    r = c.layout
    c.paint("sky", air.sky)
    if r.random() < 0.35:
        lights.sun(c, r.uniform(0.1, 0.9), r.uniform(0.08, horizon * 0.85), p.log_uniform(r, 0.025, 0.13))
    if r.random() < 0.6:
        lights.clouds(c, horizon)
    if r.random() < 0.12:
        animals.flock(c, int(r.integers(1, 7)))


def hills(c: Canvas, horizon: float) -> None:
    for i in range(int(c.layout.integers(1, 4))):
        top = horizon - c.layout.uniform(0.02, 0.22) * (1 - 0.25 * i)
        c.paint("mountain", land.mountain, c.below(top, float(c.layout.uniform(0.04, 0.2))), 0.6)
    if c.layout.random() < 0.2:
        x, y = c.layout.uniform(0.1, 0.9), horizon - 0.22
        c.paint("snow", land.snow, c.curve([(x, y), (x + 0.06, y + 0.05), (x + 0.15, y + 0.14), (x + 0.03, y + 0.1),
                (x - 0.15, y + 0.14), (x - 0.06, y + 0.06)]), 1)  # fmt: skip


def landscape(c: Canvas) -> str:
    r = c.layout
    horizon = float(r.uniform(0.2, 0.7))
    heaven(c, horizon)
    if r.random() < 0.6:
        hills(c, horizon)
    if r.random() < 0.4:
        grown.bushes(c, horizon + 0.02, float(r.uniform(0.02, 0.08)))
    ground = str(r.choice(("grass", "snow", "sand", "soil", "stone"), p=(0.55, 0.16, 0.07, 0.16, 0.06)))
    c.paint(ground, MATERIALS[ground][0], c.below(horizon, float(r.uniform(0, 0.05))), 0.6)
    if r.random() < 0.28:
        x, a, b = r.uniform(0.2, 0.8), r.uniform(0.1, 0.4), r.uniform(0.1, 0.4)
        way = ("road", construction.asphalt) if r.random() < 0.55 else ("soil", land.soil)
        bend = r.normal(0, 0.15)
        c.paint(*way, c.polygon([(x - 0.015, horizon + 0.01), (x + 0.015, horizon + 0.01),
                (x + bend + 0.05, horizon + 0.12), (x + b, 1.01), (x - a, 1.01), (x + bend - 0.04, horizon + 0.12)]),
                0.6)  # fmt: skip
    if r.random() < 0.12:
        c.paint("water", land.water, c.ellipse(r.uniform(0.2, 0.8), horizon + r.uniform(0.1, 0.3),
                r.uniform(0.15, 0.5), r.uniform(0.03, 0.1)), 0.8)  # fmt: skip
    for d in np.sort(r.uniform(0, 1, int(r.integers(0, 6)))):
        foot = horizon + 0.02 + 0.45 * d * (1 - horizon)
        if r.random() < 0.8:
            grown.tree(c, r.uniform(0, 1), foot, 0.14 + 0.5 * d * r.uniform(0.8, 1.4))
        else:
            buildings.house(c, r.uniform(0, 0.8), foot + 0.03, 0.12 + 0.25 * d, 0.1 + 0.18 * d)
    if ground in ("grass", "soil", "snow") and r.random() < 0.15:
        size = p.log_uniform(r, 0.05, 0.3)
        for _ in range(int(r.integers(1, 4))):
            animals.beast(c, r.uniform(0.1, 0.9), horizon + 0.1 + r.uniform(0.6, 1.2) * size, size)
    if r.random() < 0.2:
        h = r.uniform(0.1, 0.35)
        y = r.uniform(horizon + 0.1, 1.0)
        buildings.fence(c, y - h, y, p.log_uniform(r, 0.03, 0.1))
    if ground == "grass" and r.random() < 0.25:
        c.defocus(float(r.uniform(0, 4)))
        for _ in range(int(r.integers(1, 5))):
            size = r.uniform(0.04, 0.14)
            grown.flower(c, r.uniform(0.05, 0.95), r.uniform(horizon + 0.1, 0.9), size, size * 2.5)
    return ""


def seaside(c: Canvas) -> str:
    r = c.layout
    horizon, shore = float(r.uniform(0.2, 0.6)), float(r.uniform(0.6, 1.2))
    heaven(c, horizon)
    if r.random() < 0.3:
        hills(c, horizon)
    c.paint("sea", land.sea, c.rectangle(0, horizon, 1.01, 1.01), 0.4)
    if r.random() < 0.25:
        c.mirror(horizon, float(r.uniform(0.2, 0.6)))
    for _ in range(int(r.integers(1, 3)) if r.random() < 0.5 else 0):
        w = p.log_uniform(r, 0.08, 0.6)
        vehicles.boat(c, r.uniform(-0.1, 0.9), horizon + r.uniform(0.03, 0.25), w)
    if shore < 1:
        c.paint(*one_of(c, "sand sand sand stone soil"), c.below(shore, float(r.uniform(0.01, 0.06))), 1)
        foam = c.below(shore + 0.0, 0.01)
        if r.random() < 0.4:
            c.darken(foam, 0.12, 2)
    if r.random() < 0.3:
        x, y, s = r.uniform(0, 1), r.uniform(horizon + 0.1, 0.95), r.uniform(0.08, 0.25)
        rock = [
            (x + s * q * np.cos(a), y + 0.6 * s * q * np.sin(a))
            for a, q in zip(np.arange(8) * 0.785, r.uniform(0.6, 1.2, 8), strict=True)
        ]
        c.paint("stone", land.stone, c.polygon([(float(a), float(b)) for a, b in rock]), 0.6, 0.1, 0.35)
    if r.random() < 0.25:
        grown.tree(c, r.uniform(0, 1), min(shore, 0.98) + 0.08, r.uniform(0.3, 0.7))
    return ""


def river(c: Canvas) -> str:
    """Still or flowing water with its banks mirrored; boats, a bridge."""
    r = c.layout
    horizon, bank = float(r.uniform(0.15, 0.4)), float(r.uniform(0.4, 0.62))
    heaven(c, horizon)
    if r.random() < 0.5:
        hills(c, horizon + 0.05)
    c.paint(*one_of(c, "grass grass stone soil sand"), c.below(min(horizon + 0.08, bank - 0.03), 0.02), 0.5)
    for _ in range(int(r.integers(0, 7))):
        grown.tree(c, r.uniform(0, 1), bank - 0.005, r.uniform(0.12, 0.45))
    if r.random() < 0.4:
        grown.bushes(c, bank, float(r.uniform(0.03, 0.09)))
    if r.random() < 0.25:
        buildings.house(c, r.uniform(0, 0.7), bank, r.uniform(0.15, 0.35), r.uniform(0.1, 0.22))
    if r.random() < 0.4:
        buildings.bridge(c, bank - r.uniform(0.1, 0.25), float(r.uniform(0.02, 0.06)), bank + 0.01)
    c.paint("water", land.water, c.rectangle(-0.01, bank, 1.01, 1.01), 0.6)
    c.mirror(bank, float(r.uniform(0.3, 0.85)))
    if r.random() < 0.35:
        vehicles.boat(c, r.uniform(-0.1, 0.7), r.uniform(bank + 0.06, 0.9), p.log_uniform(r, 0.15, 0.6))
    if r.random() < 0.35:
        c.paint(*one_of(c, "grass stone soil sand"), c.below(float(r.uniform(0.8, 0.95)), 0.06), 0.8)
    return ""


def forest(c: Canvas) -> str:
    """Among trunks: undergrowth, a floor of soil or leaves, light from above."""
    r = c.layout
    floor = float(r.uniform(0.55, 0.85))
    c.paint("tree", plants.foliage)
    if r.random() < 0.3:
        top = float(r.uniform(0.05, 0.3))
        c.paint(
            "sky",
            air.sky,
            c.polygon([(-0.01, -0.01), (1.01, -0.01), (1.01, top * r.random()), (0.5, top), (-0.01, top * r.random())]),
            6,
        )
        grown.bushes(c, float(top + 0.1), 0.12)
    c.paint(*one_of(c, "soil grass leaf soil"), c.below(floor, 0.04), 1.5)
    c.defocus(float(r.uniform(0.3, 3)))
    for near in np.sort(r.uniform(0.1, 1, int(r.integers(1, 6)))):
        x, w, lean = r.uniform(0, 1), 0.03 + 0.14 * near**2, r.normal(0, 0.06)
        foot = floor + 0.35 * near * (1 - floor) + 0.1 * near
        c.paint(
            "bark",
            plants.bark,
            c.polygon(
                [
                    (x + lean - w * 0.4, -0.01),
                    (x + lean + w * 0.4, -0.01),
                    (x + w * 0.5, foot - w),
                    (x + w, foot),
                    (x - w, foot),
                    (x - w * 0.5, foot - w),
                ]
            ),
            0.6,
            0,
            0.5,
            0,
            0.5,
        )
    if r.random() < 0.5:
        for _ in range(int(r.integers(1, 5))):
            grown.leaf(c, r.uniform(0, 1), r.uniform(0, 1), r.uniform(0.15, 0.4), r.uniform(0, 6.3))
    if r.random() < 0.12:
        animals.bird(c, r.uniform(0.25, 0.75), r.uniform(0.3, 0.7), r.uniform(0.12, 0.3))
    return ""


def garden(c: Canvas) -> str:
    """Flowers and leaves from near before a soft ground."""
    r = c.layout
    c.paint(*one_of(c, "tree leaf leaf grass flower soil sky wall"))
    c.defocus(p.log_uniform(r, 1, 9))
    how = r.random()
    if how < 0.2:
        for _ in range(int(r.integers(2, 8))):
            grown.leaf(c, r.uniform(0.1, 0.9), r.uniform(0.1, 0.9), r.uniform(0.25, 0.7), r.uniform(0, 6.3))
        return ""
    if how < 0.42:  # one blossom fills the view
        grown.flower(c, r.uniform(0.35, 0.65), r.uniform(0.35, 0.65), r.uniform(0.35, 0.62), 0.6)
        return ""
    for _ in range(int(r.integers(1, 6))):
        size = p.log_uniform(r, 0.06, 0.3)
        grown.flower(c, r.uniform(0.1, 0.9), r.uniform(0.1, 0.75), size, r.uniform(0.3, 0.7))
    if r.random() < 0.1:
        animals.bird(c, r.uniform(0.25, 0.75), r.uniform(0.3, 0.7), r.uniform(0.12, 0.28))
    return ""


def night(c: Canvas) -> str:
    r = c.layout
    c.paint("night", air.night)
    lights.stars(c)
    if r.random() < 0.7:
        lights.moon(c, r.uniform(0.1, 0.9), r.uniform(0.1, 0.45), p.log_uniform(r, 0.04, 0.2))
    ground = float(r.uniform(0.6, 0.9))
    blue = np.array((0.8, 0.9, 1.25), np.float32)
    if r.random() < 0.5:
        c.paint("mountain", dimmed(land.mountain, blue * 0.3), c.below(ground - 0.12, 0.12), 0.6)
    name, floor = one_of(c, "snow grass sea road water soil")
    c.paint(name, dimmed(floor, blue * float(r.uniform(0.2, 0.5))), c.below(ground, 0.02), 0.6)
    how = r.random()
    if how < 0.45:
        x = float(r.uniform(-0.1, 0.2))
        while x < 0.95:
            w, h = r.uniform(0.15, 0.4), r.uniform(0.15, 0.5)
            tall = h > w * 1.3
            kind = "tower" if tall else "house"
            c.paint(
                kind,
                dimmed(construction.plaster, float(r.uniform(0.12, 0.4))),
                c.rectangle(x, ground - h, x + w, ground + 0.03),
                0.3,
            )
            if not tall:
                c.paint("roof", dimmed(construction.tiles, 0.3), c.polygon([(x - 0.03, ground - h),
                        (x + w / 2, ground - h * 1.4), (x + w + 0.03, ground - h)]))  # fmt: skip
            glow = p.tinted(p.among(r, "ffd870 ffc050 fff0b0 ffe8c8"), 0.1)
            panes: list[Draw] = []
            n, m = max(2, int(w / 0.09)), max(1, int(h / 0.1))
            for i in range(n):
                for j in range(m):
                    if r.random() < 0.6:
                        wx, wy = x + w * (i + 0.25) / n, ground - h + h * (j + 0.25) / m
                        panes.append(c.rectangle(wx, wy, wx + w * 0.5 / n, wy + h * 0.5 / m))
            if panes:
                c.paint("window", glow, together(*panes), 0.5)
            x += w + r.uniform(0.02, 0.3)
    elif how < 0.7:
        for _ in range(int(r.integers(1, 5))):
            lights.lamp(c, r.uniform(0.1, 0.9), r.uniform(0.3, 0.6), p.log_uniform(r, 0.02, 0.1))
    elif how < 0.85:
        lights.fire(c, r.uniform(0.3, 0.7), ground + 0.06, r.uniform(0.12, 0.4))
    if name in ("sea", "water"):
        c.mirror(ground, float(r.uniform(0.3, 0.7)))
    return ""
