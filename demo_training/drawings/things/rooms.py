"""Things in rooms: shelves of books, open books, baskets, cushions."""

from __future__ import annotations

import numpy as np

from demo_training.drawings import palette as p
from demo_training.drawings.canvas import Canvas, together
from demo_training.drawings.textures import construction, fabrics


def books(c: Canvas, x0: float, y0: float, x1: float, y1: float) -> None:
    """A row of spines of many widths and heights on a board, some leaning, bands and titles on them."""
    g, x, h = c.layout, x0, y1 - y0
    dark = p.tinted(p.among(g, "2a1c12 382820 201c18"), 0.1)
    c.paint("book", dark, c.rectangle(x0, y0, x1, y1), 0.3)
    while x < x1 - 0.004:
        w = min(h * g.uniform(0.07, 0.24), x1 - x)
        top, colour = y0 + h * g.uniform(0.03, 0.28), p.vivid(g) * g.uniform(0.6, 1)
        lean = h * g.uniform(0.05, 0.2) if g.random() < 0.07 else 0.0
        c.paint(
            "book",
            p.tinted(colour, 0.06, "down"),
            c.polygon([(x + lean, top), (x + w + lean, top), (x + w, y1), (x, y1)]),
            0.3,
            0,
            0.35,
            0,
            0.5,
        )
        if w > 0.02 and g.random() < 0.7:
            t = g.uniform(0.1, 0.6)
            title = together(
                c.rectangle(x + w * 0.25, top + (y1 - top) * t, x + w * 0.75, top + (y1 - top) * (t + 0.25))
            )
            c.paint("book", p.tinted(p.among(g, "e8d8a0 f4f0e8 201814 c8a040"), 0.2, "white"), title, 0.4)
        x += w + 0.002
    c.paint("wood", construction.wood, c.rectangle(x0 - 0.02, y1, x1 + 0.02, y1 + h * 0.09), 0.3, 0, 0.2)
    c.darken(c.rectangle(x0, y0, x1, y0 + h * 0.15), 0.4, 2)


def open_book(c: Canvas, x: float, y: float, r: float) -> None:
    """Two pages with lines of print, a fold between them."""
    g, turn = c.layout, float(c.layout.normal(0, 0.2))

    def at(*points: tuple[float, float]) -> list[tuple[float, float]]:
        return [
            (float(x + r * (a * np.cos(turn) - b * np.sin(turn))), float(y + r * (a * np.sin(turn) + b * np.cos(turn))))
            for a, b in points
        ]

    c.darken(c.polygon(at((-1.05, -0.6), (1.1, -0.6), (1.1, 0.75), (-1.05, 0.75))), 0.4, 4)
    c.paint(
        "book",
        p.tinted(p.vivid(g) * 0.7, 0.05),
        c.polygon(at((-1.06, -0.68), (1.06, -0.68), (1.06, 0.7), (-1.06, 0.7))),
        0.4,
    )
    page = p.tinted(p.among(g, "f4f0e4 f8f6f0 ece4d0", 6), 0.02)
    for s in (-1, 1):
        c.paint(
            "book",
            page,
            c.polygon(at((0, -0.6), (s * 0.5, -0.68), (s * 1.0, -0.62), (s * 1.0, 0.62), (s * 0.5, 0.6), (0, 0.66))),
            0.4,
            0,
            0.1,
        )
        lines = [c.polygon(at((s * 0.12, t), (s * (0.88 if g.random() < 0.8 else 0.5), t - 0.02),
                (s * (0.88 if g.random() < 0.8 else 0.5), t + 0.018), (s * 0.12, t + 0.038)))
                 for t in [k / 10.5 - 0.5 for k in range(11)]]  # fmt: skip
        c.paint("book", p.tinted(p.rgb("585450"), 0.5, "white"), together(*lines), 0.4)
    c.darken(c.polygon(at((-0.1, -0.66), (0.1, -0.66), (0.1, 0.68), (-0.1, 0.68))), 0.35, 3)


def basket(c: Canvas, x: float, y: float, r: float) -> None:
    """A woven basket with a rim; what is in it is for the caller."""
    c.darken(c.ellipse(x + r * 0.15, y + r * 1.0, r * 1.1, r * 0.25), 0.5, 3)
    c.paint(
        "basket",
        fabrics.basket,
        c.curve(
            [
                (x - r, y - r * 0.05),
                (x + r, y - r * 0.05),
                (x + r * 0.85, y + r * 0.7),
                (x + r * 0.6, y + r),
                (x - r * 0.6, y + r),
                (x - r * 0.85, y + r * 0.7),
            ],
            4,
        ),
        0.5,
        0,
        0.45,
        0,
        0.5,
    )
    c.paint("basket", fabrics.basket, c.band(x, y, r * 1.05, r * 0.92, 0.22), 0.5, 0, 0.2)


def cushion(c: Canvas, x: float, y: float, r: float) -> None:
    """A pillow of cloth, wool or leather."""
    g = c.layout
    name, stuff = (("cloth", fabrics.cloth), ("wool", fabrics.wool), ("leather", fabrics.leather))[int(g.integers(3))]
    c.darken(c.ellipse(x + r * 0.1, y + r * 0.75, r * 1.1, r * 0.35), 0.4, 4)
    c.paint(
        name,
        stuff,
        c.curve(
            [
                (x - r, y - r * 0.75),
                (x, y - r * 0.62),
                (x + r, y - r * 0.75),
                (x + r * 0.9, y),
                (x + r, y + r * 0.75),
                (x, y + r * 0.65),
                (x - r, y + r * 0.75),
                (x - r * 0.9, y),
            ]
        ),
        0.7,
        0,
        0.45,
        0,
        0.4,
    )
