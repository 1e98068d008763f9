"""Scenes from near: portraits, shapes, patterns, print, surfaces. Each returns the characters it wrote."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PIL import ImageDraw

from vlmtui.demo import built as b
from vlmtui.demo import materials as m
from vlmtui.demo import objects as o
from vlmtui.demo.canvas import Canvas
from vlmtui.demo.words import GLYPHS


def portrait(c: Canvas) -> str:
    r = c.layout
    back = (
        ("wall", m.plaster),
        ("wall", m.tinted(m.vivid(r), 0.05)),
        ("brick", m.brick),
        ("wood", m.wood),
        ("sky", m.sky),
        ("tree", m.foliage),
        ("cloth", m.cloth),
    )
    c.paint(*back[int(r.integers(len(back)))])
    people = 1 if r.random() < 0.75 else 2
    for i in range(people):
        size = r.uniform(0.2, 0.38) if people == 1 else r.uniform(0.14, 0.2)
        o.face(c, (i + 0.5) / people + r.uniform(-0.1, 0.1), r.uniform(0.32, 0.55), size)
    return ""


def _around(x: float, y: float, n: int, radius: float, turn: float) -> list[tuple[float, float]]:
    """Corners of a regular polygon."""
    angles = [turn + k * 2 * np.pi / n for k in range(n)]
    return [(x + radius * np.cos(a), y + radius * np.sin(a)) for a in angles]


def _band(c: Canvas, x: float, y: float, size: float, hole: float) -> Callable[[ImageDraw.ImageDraw], None]:
    def draw(d: ImageDraw.ImageDraw) -> None:
        c.ellipse(x, y, size, size)(d)
        d.ellipse([v * c.side for v in (x - hole, y - hole, x + hole, y + hole)], fill=0)

    return draw


def shapes(c: Canvas) -> str:
    r = c.layout
    c.paint(
        *(
            (("paper", m.paper), ("wall", m.plaster), ("paper", m.paper), ("wood", m.wood), ("cloth", m.cloth))[
                int(r.integers(5))
            ]
        )
    )
    wanted = int(r.integers(1, 5))
    names = ("circle", "square", "triangle", "ring", "star")
    for i in range(wanted):
        name, size = names[int(r.integers(5))], r.uniform(0.13, 0.3) * (1.25 if wanted == 1 else 1)
        x, y = ((i % 2) * 0.46 + 0.27, (i // 2) * 0.46 + 0.27) if wanted > 2 else (r.uniform(0.3, 0.7), 0.3 + 0.4 * i)
        x, y, turn = x + r.uniform(-0.05, 0.05), y + r.uniform(-0.05, 0.05), r.uniform(0, 6.3)
        skin = m.tinted(m.vivid(r), float(r.uniform(0.01, 0.1)), "rough")

        if r.random() < 0.4:
            c.darken(c.ellipse(x + 0.03, y + 0.04, size, size), 0.35, 4)
        if name == "circle":
            c.paint(name, skin, c.ellipse(x, y, size, size * r.uniform(0.85, 1.1)), 0.4, 0.2)
        elif name == "square":
            c.paint(name, skin, c.polygon(_around(x, y, 4, size * 1.15, np.pi / 4 + r.normal(0, 0.25))), 0.4, 0.2)
        elif name == "triangle":
            c.paint(name, skin, c.polygon(_around(x, y, 3, size * 1.2, turn)), 0.4, 0.2)
        elif name == "star":
            tips, dents = _around(x, y, 5, size * 1.25, turn), _around(x, y, 5, size * 0.6, turn + np.pi / 5)
            c.paint(name, skin, c.polygon([p for pair in zip(tips, dents, strict=True) for p in pair]), 0.4, 0.2)
        else:
            hole = size * r.uniform(0.4, 0.62)

            band = _band(c, x, y, size, hole)
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
        c.paint(
            name,
            _pattern(r, name),
            c.rectangle(cut, 0, 1.01, 1.01) if r.random() < 0.5 else c.rectangle(0, cut, 1.01, 1.01),
        )
    if r.random() < 0.3:
        disc = float(r.uniform(0.14, 0.26))
        c.paint(
            "circle", m.tinted(m.vivid(r), 0.03), c.ellipse(r.uniform(0.3, 0.7), r.uniform(0.3, 0.7), disc, disc), 0.4
        )
    return ""


def text(c: Canvas) -> str:
    r = c.layout
    c.paint(
        *(
            (("wall", m.plaster), ("paper", m.paper), ("brick", m.brick), ("wood", m.wood), ("metal", m.metal))[
                int(r.integers(5))
            ]
        )
    )
    plate = m.pick(r, ("ffffff", "f4e8c8", "20407a", "2a6a3c", "202020", "e8c820", "b02020"))
    c.paint(
        "paper",
        m.tinted(plate, 0.03),
        c.rectangle(r.uniform(0, 0.12), r.uniform(0, 0.15), r.uniform(0.88, 1.01), r.uniform(0.85, 1.01)),
        0.3,
    )
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
            b.glyph(c, one, 0.12 + 0.76 * (j + 0.5) / columns, 0.12 + 0.76 * (i + 0.5) / rows, size, ink)
            said += one
    return said


def surfaces(c: Canvas) -> str:
    """Close views of one to four materials, some with things on them: a still life."""
    r = c.layout
    all_of = {"brick": m.brick, "wood": m.wood, "stone": m.stone, "fur": m.fur, "cloth": m.cloth, "metal": m.metal,
              "sand": m.sand, "grass": m.grass, "snow": m.snow, "sea": m.sea, "tree": m.foliage, "wall": m.plaster,
              "paper": m.paper, "road": m.asphalt, "roof": m.tiles, "hair": m.hair, "leaf": m.foliage}  # fmt: skip
    names = tuple(all_of)
    odds = np.array([2, 2, 2, 3, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0.6, 0], float)

    def one() -> tuple[str, m.Material]:
        name = names[int(r.choice(len(names), p=odds / odds.sum()))]
        return name, all_of[name]

    c.paint(*one())
    for _ in range(int(r.integers(0, 3))):
        x, y = r.uniform(0.2, 0.8), r.uniform(0.2, 0.8)
        how = (
            c.ellipse(x, y, r.uniform(0.15, 0.4), r.uniform(0.15, 0.4)),
            c.below(y, float(r.uniform(0, 0.1))),
            c.rectangle(x, 0, 1.01, 1.01),
        )
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
