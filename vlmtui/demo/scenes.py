"""Labelled scenes: ten kinds of drawing, every pixel with its class.

`make_scene(seed)` is all that training, evaluation and the sample pictures use. Training seeds start at 0,
held-out seeds at `HELD_OUT`; no seed is in both.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vlmtui.demo import materials as m
from vlmtui.demo import objects as o
from vlmtui.demo.canvas import BASE_SIDE, Canvas, photograph
from vlmtui.demo.words import GLYPHS

HELD_OUT: Final = 1_000_000_000


@dataclass(frozen=True)
class Scene:
    """`image` RGB `side` × `side`; `labels` `[side, side]` uint8; `glyphs` the characters drawn, if any."""

    kind: str
    image: Image.Image
    labels: NDArray[np.uint8]
    glyphs: str


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
                c.paint("snow", m.snow, c.polygon([(x := r.uniform(0.1, 0.9), y := horizon - 0.2), (x + 0.15, y + 0.14), (x - 0.15, y + 0.14)]), 1.5)  # fmt: skip
    ground = "snow" if r.random() < 0.3 else "grass" if r.random() < 0.85 else "sand"
    c.paint(ground, {"snow": m.snow, "grass": m.grass, "sand": m.sand}[ground], c.below(horizon, float(r.uniform(0, 0.05))), 0.6)
    if r.random() < 0.25:
        x = r.uniform(0.2, 0.8)
        c.paint("road", m.asphalt, c.polygon([(x - 0.02, horizon + 0.02), (x + 0.02, horizon + 0.02), (x + r.uniform(0.1, 0.4), 1.01), (x - r.uniform(0.1, 0.4), 1.01)]), 0.6)  # fmt: skip
    depths = np.sort(r.uniform(0, 1, int(r.integers(0, 6))))
    for d in depths:
        foot = horizon + 0.02 + 0.45 * d * (1 - horizon)
        if r.random() < 0.8:
            o.tree(c, r.uniform(0, 1), foot, 0.16 + 0.45 * d * r.uniform(0.8, 1.3))
        else:
            o.house(c, r.uniform(0, 0.8), foot + 0.03, 0.12 + 0.25 * d, 0.1 + 0.18 * d)
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
            c.paint("stone", m.stone, c.ellipse(r.uniform(0, 1), shore, r.uniform(0.08, 0.2), r.uniform(0.06, 0.14)), 0.6, 0.4)
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
            o.house(c, x, street - 0.02, w, r.uniform(0.26, 0.52))
        else:
            o.tree(c, x + w / 2, street, r.uniform(0.35, 0.65))
        x += w + r.uniform(0.02, 0.12)
    c.paint("road", m.asphalt, c.rectangle(0, street, 1.01, r.uniform(0.9, 1.05)), 0.3)
    if r.random() < 0.5:
        c.paint("wall", m.plaster, c.rectangle(0, street - 0.07, r.uniform(0.3, 1.01), street)) if r.random() < 0.3 else None
    for _ in range(int(r.integers(0, 3))):
        w = r.uniform(0.28, 0.75)
        o.car(c, r.uniform(-0.1, 0.95 - w * 0.7), min(0.99, street + r.uniform(0.08, 0.25)), w)
    return ""


def traffic(c: Canvas) -> str:
    """A car, or a wheel, from near."""
    r = c.layout
    back = (("wall", m.plaster), ("brick", m.brick), ("sky", m.sky), ("tree", m.foliage), ("metal", m.metal))
    c.paint(*back[int(r.integers(len(back)))])
    c.paint("road", m.asphalt, c.rectangle(0, r.uniform(0.6, 0.75), 1.01, 1.01), 0.5)
    if r.random() < 0.65:
        w = r.uniform(0.8, 1.3)
        o.car(c, r.uniform(-0.35, 0.98 - w * 0.75), r.uniform(0.75, 0.92), w)
    else:
        for _ in range(int(r.integers(1, 3))):
            o.wheel(c, r.uniform(0.2, 0.8), r.uniform(0.3, 0.75), r.uniform(0.14, 0.33))
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
        c.paint("roof", dim(m.tiles, 0.35), c.polygon([(x - 0.03, ground - h), (x + w / 2, ground - h * 1.5), (x + w + 0.03, ground - h)]))
        for i in range(3):
            glow = m.tinted(m.pick(r, ("ffd870", "ffc050", "fff0b0")) if r.random() < 0.7 else m.pick(r, ("10141c",), 4), 0.08)
            wx = x + w * (0.08 + 0.31 * i)
            c.paint("window", glow, c.rectangle(wx, ground - h * 0.75, wx + w * 0.2, ground - h * 0.4), 0.4)
    return ""


def portrait(c: Canvas) -> str:
    r = c.layout
    back = (("wall", m.plaster), ("wall", m.tinted(m.vivid(r), 0.05)), ("brick", m.brick), ("wood", m.wood), ("sky", m.sky), ("tree", m.foliage), ("cloth", m.cloth))  # fmt: skip
    c.paint(*back[int(r.integers(len(back)))])
    people = 1 if r.random() < 0.75 else 2
    for i in range(people):
        size = r.uniform(0.2, 0.38) if people == 1 else r.uniform(0.14, 0.2)
        o.face(c, (i + 0.5) / people + r.uniform(-0.1, 0.1), r.uniform(0.32, 0.55), size)
    return ""


def shapes(c: Canvas) -> str:
    r = c.layout
    c.paint(*((("paper", m.paper), ("wall", m.plaster), ("paper", m.paper), ("wood", m.wood), ("cloth", m.cloth))[int(r.integers(5))]))
    wanted = int(r.integers(1, 5))
    names = ("circle", "square", "triangle", "ring", "star")
    for i in range(wanted):
        name, size = names[int(r.integers(5))], r.uniform(0.13, 0.3) * (1.25 if wanted == 1 else 1)
        x, y = ((i % 2) * 0.46 + 0.27, (i // 2) * 0.46 + 0.27) if wanted > 2 else (r.uniform(0.3, 0.7), 0.3 + 0.4 * i)
        x, y, turn = x + r.uniform(-0.05, 0.05), y + r.uniform(-0.05, 0.05), r.uniform(0, 6.3)
        skin = m.tinted(m.vivid(r), float(r.uniform(0.01, 0.1)), "rough")

        def around(n: int, radius: float, a0: float) -> list[tuple[float, float]]:
            return [(x + radius * np.cos(a0 + k * 2 * np.pi / n), y + radius * np.sin(a0 + k * 2 * np.pi / n)) for k in range(n)]

        if r.random() < 0.4:
            c.darken(c.ellipse(x + 0.03, y + 0.04, size, size), 0.35, 4)
        if name == "circle":
            c.paint(name, skin, c.ellipse(x, y, size, size * r.uniform(0.85, 1.1)), 0.4, 0.2)
        elif name == "square":
            c.paint(name, skin, c.polygon(around(4, size * 1.15, np.pi / 4 + r.normal(0, 0.25))), 0.4, 0.2)
        elif name == "triangle":
            c.paint(name, skin, c.polygon(around(3, size * 1.2, turn)), 0.4, 0.2)
        elif name == "star":
            tips, dents = around(5, size * 1.25, turn), around(5, size * 0.6, turn + np.pi / 5)
            c.paint(name, skin, c.polygon([p for pair in zip(tips, dents, strict=True) for p in pair]), 0.4, 0.2)
        else:
            hole = size * r.uniform(0.4, 0.62)

            def band(d: o.ImageDraw.ImageDraw, a: float = size, b: float = hole) -> None:
                c.ellipse(x, y, a, a)(d)
                d.ellipse([v * c.side for v in (x - b, y - b, x + b, y + b)], fill=0)

            c.paint(name, skin, band, 0.4, 0.2)
    return ""


def _pattern(r: np.random.Generator, name: str) -> m.Material:
    one, two = m.vivid(r), m.vivid(r)
    while np.abs(one - two).sum() < 130:
        two = m.vivid(r)
    period, turn = float(r.uniform(9, 26)), float(r.choice((0, np.pi / 2, np.pi / 4, r.uniform(0, 3))))

    def material(rng: m.Rng, h: int, w: int, unit: float) -> m.Colours:
        y, x = np.mgrid[0:h, 0:w].astype(np.float32) / unit
        u = (x * np.cos(turn) + y * np.sin(turn)) / period
        v = (y * np.cos(turn) - x * np.sin(turn)) / period
        if name == "stripes":
            on = np.mod(u, 1) < 0.5
        elif name == "checks":
            on = (np.floor(u) + np.floor(v)) % 2 < 1
        else:
            on = (np.mod(u, 1) - 0.5) ** 2 + (np.mod(v + 0.5 * (np.floor(u) % 2), 1) - 0.5) ** 2 < 0.09
        base = m.tinted(one, 0.05, "smooth")(rng, h, w, unit)
        return np.where(on[..., None], base, two + base - one).astype(np.float32)

    return material


def patterns(c: Canvas) -> str:
    r = c.layout
    names = ("stripes", "dots", "checks")
    back = names[int(r.integers(3))]
    c.paint(back, _pattern(r, back))
    if r.random() < 0.6:
        cut = r.uniform(0.3, 0.7)
        name = names[int(r.integers(3))]
        c.paint(name, _pattern(r, name), c.rectangle(cut, 0, 1.01, 1.01) if r.random() < 0.5 else c.rectangle(0, cut, 1.01, 1.01))
    if r.random() < 0.3:
        disc = float(r.uniform(0.14, 0.26))
        c.paint("circle", m.tinted(m.vivid(r), 0.03), c.ellipse(r.uniform(0.3, 0.7), r.uniform(0.3, 0.7), disc, disc), 0.4)
    return ""


def text(c: Canvas) -> str:
    r = c.layout
    c.paint(*((("wall", m.plaster), ("paper", m.paper), ("brick", m.brick), ("wood", m.wood), ("metal", m.metal))[int(r.integers(5))]))
    plate = m.pick(r, ("ffffff", "f4e8c8", "20407a", "2a6a3c", "202020", "e8c820", "b02020"))
    c.paint("paper", m.tinted(plate, 0.03), c.rectangle(r.uniform(0, 0.12), r.uniform(0, 0.15), r.uniform(0.88, 1.01), r.uniform(0.85, 1.01)), 0.3)
    ink = m.vivid(r)
    while np.abs(ink - plate).sum() < 220:
        ink = m.vivid(r)
    rows, columns = ((1, 1), (1, 2), (2, 2), (2, 3), (3, 3), (3, 4))[int(r.integers(6))]
    digits = r.random() < 0.5
    said = ""
    for i in range(rows):
        for j in range(columns):
            one = GLYPHS[int(r.integers(26, 36) if digits else r.integers(0, 26))]
            size = min(0.66 / rows, 0.8 / columns) * r.uniform(0.85, 1.1)
            o.glyph(c, one, 0.12 + 0.76 * (j + 0.5) / columns, 0.12 + 0.76 * (i + 0.5) / rows, size, ink)
            said += one
    return said


def surfaces(c: Canvas) -> str:
    """Close views of one to four materials, some with things on them: a still life."""
    r = c.layout
    all_of = {"brick": m.brick, "wood": m.wood, "stone": m.stone, "fur": m.fur, "cloth": m.cloth, "metal": m.metal, "sand": m.sand,
              "grass": m.grass, "snow": m.snow, "sea": m.sea, "tree": m.foliage, "wall": m.plaster, "paper": m.paper,
              "road": m.asphalt, "roof": m.tiles, "hair": m.hair, "leaf": m.foliage}  # fmt: skip
    names = tuple(all_of)
    odds = np.array([2, 2, 2, 3, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0.6, 0], float)

    def one() -> tuple[str, m.Material]:
        name = names[int(r.choice(len(names), p=odds / odds.sum()))]
        return name, all_of[name]

    c.paint(*one())
    for _ in range(int(r.integers(0, 3))):
        x, y = r.uniform(0.2, 0.8), r.uniform(0.2, 0.8)
        how = (c.ellipse(x, y, r.uniform(0.15, 0.4), r.uniform(0.15, 0.4)), c.below(y, float(r.uniform(0, 0.1))), c.rectangle(x, 0, 1.01, 1.01))
        c.paint(*one(), how[int(r.integers(3))], float(r.uniform(0.2, 2)), float(r.uniform(0, 0.5)))
    if r.random() < 0.55:
        for _ in range(int(r.integers(1, 4))):
            o.fruit(c, r.uniform(0.15, 0.85), r.uniform(0.2, 0.8), r.uniform(0.08, 0.22))
    elif r.random() < 0.5:
        for _ in range(int(r.integers(1, 4))):
            o.flower(c, r.uniform(0.15, 0.85), r.uniform(0.15, 0.6), r.uniform(0.1, 0.26), r.uniform(0.3, 0.6))
    elif r.random() < 0.5:
        for _ in range(int(r.integers(1, 4))):
            o.leaf(c, r.uniform(0.2, 0.8), r.uniform(0.2, 0.8), r.uniform(0.2, 0.45), r.uniform(0, 6.3))
    return ""


KINDS: Final[dict[str, tuple[Callable[[Canvas], str], float]]] = {
    "landscape": (landscape, 3), "seaside": (seaside, 2), "town": (town, 2.5), "traffic": (traffic, 2), "night": (night, 1.5),
    "portrait": (portrait, 2), "shapes": (shapes, 3), "patterns": (patterns, 1.2), "text": (text, 2), "surfaces": (surfaces, 3.5),
}  # fmt: skip


def make_scene(seed: int, side: int = BASE_SIDE) -> Scene:
    """The scene of a seed; the same seed at another `side` is the same scene drawn finer."""
    canvas = Canvas(seed, side)
    weights = np.array([w for _, w in KINDS.values()])
    kind = tuple(KINDS)[int(canvas.layout.choice(len(KINDS), p=weights / weights.sum()))]
    glyphs = KINDS[kind][0](canvas)
    return Scene(kind, photograph(canvas), canvas.labels, glyphs)
