"""Close-up scenes: surfaces, shapes, patterns, print. Each returns the characters it wrote."""

from __future__ import annotations

import numpy as np

from demo_training.drawings import palette as p
from demo_training.drawings.canvas import Canvas
from demo_training.drawings.places.materials import any_of, one_of
from demo_training.drawings.textures import fabrics, reflective
from demo_training.drawings.things import food, rooms, tableware
from demo_training.drawings.things import plants as grown
from demo_training.drawings.things import print as printed
from demo_training.vocabulary import GLYPHS


def surfaces(c: Canvas) -> str:
    """Close views of one to four materials, some with things on them."""
    r = c.layout
    c.paint(*any_of(c))
    for _ in range(int(r.choice(4, p=(0.4, 0.25, 0.2, 0.15)))):
        x, y, turn = r.uniform(0.2, 0.8), r.uniform(0.2, 0.8), r.uniform(0, 6.3)
        if r.random() < 0.3:
            c.defocus(p.log_uniform(r, 0.5, 5))
        size = r.uniform(0.12, 0.4)
        blob = [
            (x + size * q * np.cos(a), y + size * q * np.sin(a))
            for a, q in zip(turn + np.arange(8) * 0.785, r.uniform(0.6, 1.3, 8), strict=True)
        ]
        half = [(x + 2 * np.cos(turn + a), y + 2 * np.sin(turn + a)) for a in (0, 1.2, 1.94, 3.14)]
        how = (
            c.ellipse(x, y, size, r.uniform(0.15, 0.4)),
            c.below(y, float(r.uniform(0, 0.1))),
            c.rectangle(x, 0, 1.01, 1.01),
            c.curve([(float(a), float(b)) for a, b in blob]),
            c.polygon([(float(a), float(b)) for a, b in half]),
        )
        chosen = how[int(r.integers(5))]
        if r.random() < 0.6:
            c.darken(chosen, 0.4, 5)
        c.paint(*any_of(c), chosen, float(r.uniform(0.2, 2)), float(r.uniform(0, 0.4)), float(r.choice((0, 0, 0.4))))
    how2 = r.random()
    if how2 < 0.1:
        for _ in range(int(r.integers(1, 4))):
            food.fruit(c, r.uniform(0.15, 0.85), r.uniform(0.2, 0.8), r.uniform(0.08, 0.22))
    elif how2 < 0.16:
        for _ in range(int(r.integers(1, 4))):
            grown.leaf(c, r.uniform(0.2, 0.8), r.uniform(0.2, 0.8), r.uniform(0.2, 0.5), r.uniform(0, 6.3))
    elif how2 < 0.22:
        tableware.cutlery(c, r.uniform(0.1, 0.4), r.uniform(0.2, 0.8), r.uniform(0.5, 0.9), r.uniform(-0.8, 0.8))
    elif how2 < 0.28:
        rooms.open_book(c, 0.5, 0.5, r.uniform(0.3, 0.5))
    elif how2 < 0.33:
        rooms.books(c, -0.05, r.uniform(-0.2, 0.2), 1.05, r.uniform(0.6, 1.1))
    elif how2 < 0.36:
        tableware.bottle(c, r.uniform(0.2, 0.8), r.uniform(0.8, 1.1), r.uniform(0.6, 1.2))
    return ""


def shapes(c: Canvas) -> str:
    r = c.layout
    c.paint(*one_of(c, "paper wall paper wood cloth stone metal"))
    wanted = int(r.integers(1, 5))
    for i in range(wanted):
        name, size = printed.SHAPES[int(r.integers(5))], r.uniform(0.1, 0.3) * (1.3 if wanted == 1 else 1)
        x, y = ((i % 2) * 0.46 + 0.27, (i // 2) * 0.46 + 0.27) if wanted > 2 else (r.uniform(0.3, 0.7), 0.3 + 0.4 * i)
        x, y, turn = x + r.uniform(-0.05, 0.05), y + r.uniform(-0.05, 0.05), float(r.uniform(0, 6.3))
        base, how = p.vivid(r), r.random()
        skin = (
            p.tinted(base, float(r.uniform(0.01, 0.1)))
            if how < 0.6
            else reflective.lacquer(base)
            if how < 0.7
            else fabrics.silk(base)
        )
        solid = r.random() < 0.35
        if r.random() < 0.6:
            c.darken(c.ellipse(x + 0.03, y + 0.04, size, size), 0.4, 4)
        outline = printed.shape(c, name, x, y, size, turn)
        c.paint(
            name, skin, outline, 0.4, 0.2, 0.5 if solid else 0, 0.5 if solid else 0, 0.25 if name == "ring" else 0.45
        )
    return ""


def _pattern(r: np.random.Generator, name: str) -> p.Material:
    one = p.vivid(r)
    two = fabrics.apart(r, one)
    turn = float(r.choice((0, np.pi / 2, np.pi / 4, r.uniform(0, 3))))
    return fabrics.pattern(name, one, two, p.log_uniform(r, 7, 60), turn)


def patterns(c: Canvas) -> str:
    r = c.layout
    names = ("stripes", "dots", "checks")
    back = names[int(r.integers(3))]
    c.paint(back, _pattern(r, back))
    if r.random() < 0.5:
        cut, name = r.uniform(0.3, 0.7), names[int(r.integers(3))]
        part = c.rectangle(cut, 0, 1.01, 1.01) if r.random() < 0.5 else c.rectangle(0, cut, 1.01, 1.01)
        c.paint(name, _pattern(r, name), part, float(r.uniform(0, 2)))
    if r.random() < 0.3:
        disc = float(r.uniform(0.14, 0.26))
        c.paint("circle", p.tinted(p.vivid(r), 0.03), c.ellipse(r.uniform(0.3, 0.7), r.uniform(0.3, 0.7),
                disc, disc), 0.4, 0, 0.3, 0.3)  # fmt: skip
    if r.random() < 0.25:
        rooms.cushion(c, r.uniform(0.3, 0.7), r.uniform(0.4, 0.7), r.uniform(0.15, 0.3))
    return ""


def text(c: Canvas) -> str:
    """Signs, pages, plates, shirts: large characters in a line or a grid."""
    r = c.layout
    c.paint(*one_of(c, "wall paper brick wood metal cloth sky tree"))
    if r.random() < 0.4:
        c.defocus(float(r.uniform(0.5, 4)))
    plate = p.among(r, "ffffff f4e8c8 20407a 2a6a3c 202020 e8c820 b02020 e8e8e8 f8f4ec d86820")
    board = r.random() < 0.75
    x0, y0, x1, y1 = r.uniform(0, 0.12), r.uniform(0, 0.15), r.uniform(0.88, 1.01), r.uniform(0.85, 1.01)
    if board:
        how = r.random()
        name, stuff = (
            ("paper", p.tinted(plate, 0.03))
            if how < 0.75
            else ("metal", reflective.lacquer(plate))
            if how < 0.87
            else ("shirt", fabrics.silk(plate))
        )
        skew = r.normal(0, 0.03, 4)
        c.darken(c.rectangle(x0 + 0.02, y0 + 0.03, x1 + 0.02, y1 + 0.03), 0.4, 3)
        c.paint(
            name,
            stuff,
            c.polygon([(x0, y0 + skew[0]), (x1, y0 + skew[1]), (x1, y1 + skew[2]), (x0, y1 + skew[3])]),
            0.4,
        )
        if r.random() < 0.3:
            edge = p.tinted(fabrics.apart(r, plate), 0.03)
            c.paint(name, edge, c.rectangle(x0 + 0.02, y0 + 0.03, x1 - 0.02, y0 + 0.05), 0.3)
    seen = plate if board else np.asarray(c.image[::8, ::8].reshape(-1, 3).mean(0), np.float32)
    ink = fabrics.apart(r, seen, 220)
    if np.abs(ink - seen).sum() < 220:
        ink = p.rgb("f8f8f4") if seen.mean() < 120 else p.rgb("101014")
    if r.random() < 0.22:
        return printed.lines(c, x0 + 0.06, y0 + 0.08, x1 - 0.06, y1 - 0.06, p.log_uniform(r, 0.03, 0.1), ink)
    rows, columns = ((1, 1), (1, 2), (2, 2), (2, 3), (3, 3), (3, 4), (1, 4))[int(r.integers(7))]
    digits, hand = r.random() < 0.5, printed.Hand(c)
    said = ""
    for i in range(rows):
        for j in range(columns):
            one = GLYPHS[int(r.integers(26, 36) if digits else r.integers(0, 26))]
            size = min(0.62 / rows, 0.8 / columns) * r.uniform(0.9, 1.1)
            printed.glyph(c, hand, one, 0.12 + 0.76 * (j + 0.5) / columns, 0.12 + 0.76 * (i + 0.5) / rows, size, ink)
            said += one
    return said
