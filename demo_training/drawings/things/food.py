"""Food as things: fruit, vegetables, loaves and slices, cuts of meat."""

from __future__ import annotations

import numpy as np

from demo_training.drawings import palette as p
from demo_training.drawings.canvas import Canvas, Draw, together
from demo_training.drawings.noise import sample
from demo_training.drawings.textures import foods


def peel(base: p.Colours) -> p.Material:
    """A fruit's skin: blush, stripes from pole to pole, pores."""

    def material(rng: np.random.Generator, h: int, w: int, unit: float) -> p.Colours:
        other = p.among(rng, foods.FRUITS)
        out = p.mix(p.plain(base, h, w), other, 0.15 + rng.uniform(0, 0.25) * sample(rng, "broad", h, w, unit * 0.5))
        out = p.lit(out, sample(rng, "down", h, w, unit), float(rng.uniform(0.01, 0.07)))
        return p.lit(out, sample(rng, "pink", h, w, unit), float(rng.uniform(0.01, 0.06)))

    return material


def fruit(c: Canvas, x: float, y: float, r: float) -> None:
    """A round fruit, a pear, a banana, a bunch of grapes, or one cut open."""
    g, how = c.layout, c.layout.random()
    c.darken(c.ellipse(x + r * 0.2, y + r * 0.9, r * 1.1, r * 0.3), 0.5, 3)
    base = p.among(g, foods.FRUITS)
    stalk = p.tinted(p.rgb("4a3420"))
    if how < 0.5:
        c.paint(
            "fruit",
            peel(base),
            c.curve(
                [
                    (x - r * 0.5, y - r * 0.85),
                    (x, y - r * 0.74),
                    (x + r * 0.5, y - r * 0.85),
                    (x + r, y - r * 0.1),
                    (x + r * 0.6, y + r * 0.8),
                    (x, y + r * 0.88),
                    (x - r * 0.6, y + r * 0.8),
                    (x - r, y - r * 0.1),
                ]
            ),
            0.5,
            0,
            0.55,
            0.7,
            0.5,
        )
        c.paint("fruit", stalk, c.line([(x, y - r * 0.7), (x + r * 0.12, y - r * 1.1)], r * 0.08), 0.3)
    elif how < 0.6:
        c.paint(
            "fruit",
            peel(p.among(g, "c8b840 a8b048 d8a850")),
            c.curve(
                [
                    (x - r * 0.3, y - r),
                    (x + r * 0.3, y - r),
                    (x + r * 0.5, y - r * 0.2),
                    (x + r * 0.9, y + r * 0.5),
                    (x, y + r * 0.95),
                    (x - r * 0.9, y + r * 0.5),
                    (x - r * 0.5, y - r * 0.2),
                ]
            ),
            0.5,
            0,
            0.5,
            0.4,
            0.5,
        )
        c.paint("fruit", stalk, c.line([(x, y - r * 0.9), (x + r * 0.15, y - r * 1.3)], r * 0.08), 0.3)
    elif how < 0.72:
        bent = [
            (x - r * 1.4, y - r * 0.4),
            (x - r * 0.8, y + r * 0.5),
            (x + r * 0.4, y + r * 0.85),
            (x + r * 1.4, y + r * 0.2),
            (x + r * 1.5, y - r * 0.05),
            (x + r * 0.5, y + r * 0.3),
            (x - r * 0.6, y),
            (x - r * 1.2, y - r * 0.6),
        ]
        c.paint("fruit", peel(p.among(g, "f0d030 e8c040 c8c840", 6)), c.curve(bent), 0.5, 0, 0.4, 0.2, 0.5)
    elif how < 0.86:
        for _ in range(12):
            bx, by = x + g.normal(0, r * 0.45), y + g.normal(0, r * 0.45)
            c.paint(
                "fruit",
                p.tinted(base * g.uniform(0.7, 1.15), 0.05),
                c.ellipse(bx, by, r * 0.3, r * 0.3),
                0.4,
                0,
                0.6,
                0.8,
                0.5,
            )
    else:  # cut across
        flesh, n = p.among(g, "f0c860 f0a030 e86050 f4ecc8 d8e088 e84860"), int(g.integers(6, 12))
        c.paint("fruit", p.tinted(base, 0.05), c.ellipse(x, y, r, r), 0.5)
        c.paint("fruit", p.tinted(p.rgb("f8f0d8")), c.ellipse(x, y, r * 0.9, r * 0.9), 0.5)
        parts: list[Draw] = []
        for a in np.arange(n) * 2 * np.pi / n:
            w = 0.85 * np.pi / n
            parts.append(
                c.polygon(
                    [
                        (x + r * 0.1 * np.cos(a), y + r * 0.1 * np.sin(a)),
                        (x + r * 0.82 * np.cos(a - w), y + r * 0.82 * np.sin(a - w)),
                        (x + r * 0.82 * np.cos(a + w), y + r * 0.82 * np.sin(a + w)),
                    ]
                )
            )
        c.paint("fruit", p.tinted(flesh, 0.14, "pink"), together(*parts), 0.6, 0, 0.15, 0.2)


def vegetable(c: Canvas, x: float, y: float, r: float) -> None:
    """A tomato, carrot, pepper, cucumber, cabbage or broccoli."""
    g, how = c.layout, c.layout.random()
    c.darken(c.ellipse(x + r * 0.2, y + r * 0.8, r * 1.2, r * 0.3), 0.45, 3)
    green = p.among(g, "3a7a2c 4a8a34 2f5a24")
    if how < 0.25:  # tomato, pepper
        lobes = [c.ellipse(x + r * a, y, r * 0.55, r * 0.8) for a in (-0.45, 0, 0.45)]
        c.paint(
            "vegetable",
            p.tinted(p.among(g, "d02818 e84820 e8b020 4a8a2c c82020"), 0.05),
            together(*lobes),
            0.6,
            0,
            0.5,
            0.8,
            0.4,
        )
        star = [
            c.line([(x, y - r * 0.7), (x + r * 0.4 * np.cos(a), y - r * 0.62 + r * 0.2 * np.sin(a))], r * 0.09)
            for a in np.arange(5) * 1.26
        ]
        c.paint(
            "vegetable",
            p.tinted(green, 0.1),
            together(*star, c.line([(x, y - r * 0.7), (x + r * 0.05, y - r * 1.05)], r * 0.1)),
            0.4,
        )
    elif how < 0.45:  # carrot
        turn = g.uniform(-0.6, 0.6)
        tip, top = (
            (x + 1.5 * r * np.cos(turn), y + 1.5 * r * np.sin(turn)),
            (x - r * np.cos(turn), y - r * np.sin(turn)),
        )
        nx, ny = -np.sin(turn) * r * 0.36, np.cos(turn) * r * 0.36
        for k in (-0.5, 0, 0.5):
            c.paint(
                "vegetable",
                foods.vegetables,
                c.curve(
                    [
                        top,
                        (top[0] - r * 0.5, top[1] + r * (k - 0.2)),
                        (top[0] - r * 1.1, top[1] + r * k),
                        (top[0] - r * 0.5, top[1] + r * (k + 0.2)),
                    ],
                    4,
                ),
                0.6,
            )
        c.paint(
            "vegetable",
            p.tinted(p.among(g, "e87020 e06018 f08830"), 0.09, "down"),
            c.curve([(top[0] + nx, top[1] + ny), tip, (top[0] - nx, top[1] - ny)], 6),
            0.5,
            0,
            0.45,
            0.2,
            0.5,
        )
    elif how < 0.62:  # cucumber, courgette, with slices
        c.paint(
            "vegetable",
            p.tinted(green * 0.8, 0.16, "across"),
            c.curve(
                [
                    (x - r * 1.5, y - r * 0.1),
                    (x - r, y - r * 0.42),
                    (x + r, y - r * 0.35),
                    (x + r * 1.5, y),
                    (x + r, y + r * 0.4),
                    (x - r, y + r * 0.38),
                ]
            ),
            0.5,
            0,
            0.45,
            0.3,
            0.6,
        )
        for k in range(3):
            sx, sy = x + r * (0.6 * k - 0.5), y + r * 0.75
            c.paint("vegetable", p.tinted(green * 0.8), c.ellipse(sx, sy, r * 0.4, r * 0.38), 0.4)
            c.paint(
                "vegetable", p.tinted(p.rgb("d0e0a0"), 0.08, "blobs", 0.5), c.ellipse(sx, sy, r * 0.35, r * 0.33), 0.6
            )
    else:  # a head of leaves or of florets
        heads = [
            c.ellipse(
                x + g.normal(0, r * 0.5), y + g.normal(0, r * 0.35), r * g.uniform(0.25, 0.5), r * g.uniform(0.25, 0.45)
            )
            for _ in range(12)
        ]
        c.paint(
            "vegetable",
            p.tinted(p.rgb("a8c878"), 0.1),
            c.polygon([(x - r * 0.3, y), (x + r * 0.3, y), (x + r * 0.22, y + r * 0.95), (x - r * 0.22, y + r * 0.95)]),
            0.5,
            0,
            0.4,
        )
        c.paint("vegetable", foods.vegetables, together(*heads), 0.9, 0, 0.45, 0, 0.3)


def loaf(c: Canvas, x: float, y: float, r: float) -> None:
    """A loaf with its cuts, rolls, or slices."""
    g, how = c.layout, c.layout.random()
    c.darken(c.ellipse(x + r * 0.1, y + r * 0.6, r * 1.3, r * 0.35), 0.5, 3)
    if how < 0.4:
        c.paint(
            "bread",
            foods.crust,
            c.curve(
                [
                    (x - r * 1.25, y + r * 0.2),
                    (x - r * 0.9, y - r * 0.5),
                    (x, y - r * 0.72),
                    (x + r * 0.9, y - r * 0.5),
                    (x + r * 1.25, y + r * 0.2),
                    (x + r * 0.8, y + r * 0.6),
                    (x - r * 0.8, y + r * 0.6),
                ]
            ),
            0.6,
            0,
            0.4,
            0.1,
            0.4,
        )
        cuts = [
            c.line([(x + r * (k - 0.15), y - r * 0.5), (x + r * (k + 0.15), y + r * 0.1)], r * 0.12)
            for k in (-0.6, -0.1, 0.4)
        ]
        c.paint("bread", p.tinted(p.rgb("ecd8a8"), 0.1, "pink"), together(*cuts), 1)
    elif how < 0.75:
        turn = g.normal(0, 0.3)
        square = [
            (x + r * (a * np.cos(turn) - b * np.sin(turn)), y + r * (a * np.sin(turn) + b * np.cos(turn)))
            for a, b in (
                (-0.85, 0.9),
                (-0.8, -0.2),
                (-0.95, -0.6),
                (-0.4, -0.95),
                (0.4, -0.95),
                (0.95, -0.6),
                (0.8, -0.2),
                (0.85, 0.9),
            )
        ]
        c.paint("bread", foods.crust, c.curve(square), 0.5, 0, 0.2)
        c.paint("bread", foods.crumb, c.curve([(x + (a - x) * 0.9, y + (b - y) * 0.9) for a, b in square]), 1)
    else:
        for k in (-0.8, 0.1, 0.9):
            c.paint(
                "bread",
                foods.crust,
                c.ellipse(x + r * k, y + r * g.uniform(-0.2, 0.2), r * 0.6, r * 0.5),
                0.6,
                0,
                0.5,
                0.2,
                0.5,
            )


def meat(c: Canvas, x: float, y: float, r: float) -> None:
    """A steak with its rim of fat, or sausages."""
    g = c.layout
    c.darken(c.ellipse(x + r * 0.1, y + r * 0.3, r * 1.2, r * 0.8), 0.4, 3)
    if g.random() < 0.65:
        outline = [
            (x + r * q * np.cos(a), y + 0.72 * r * q * np.sin(a))
            for a, q in zip(np.arange(9) * 0.698, g.uniform(0.75, 1.15, 9), strict=True)
        ]
        c.paint("meat", p.tinted(p.among(g, "f0dcc8 e8c8b0 b88a60"), 0.06), c.curve(outline), 0.5, 0, 0.3)
        c.paint(
            "meat",
            foods.meat,
            c.curve([(x + (a - x) * 0.92 + r * 0.02, y + (b - y) * 0.9 + r * 0.03) for a, b in outline]),
            1,
            0,
            0.25,
            0.1,
        )
    else:
        for k in (-0.45, 0.05, 0.5):
            bent = [
                (x - r, y + r * k),
                (x - r * 0.3, y + r * (k + 0.16)),
                (x + r * 0.5, y + r * (k + 0.12)),
                (x + r, y + r * (k - 0.1)),
            ]
            skin = p.tinted(p.among(g, "a05030 8a3c24 b8603c c87860"), 0.12, "pink")
            c.paint(
                "meat",
                skin,
                together(
                    c.line(bent, r * 0.36),
                    c.ellipse(*bent[0], r * 0.18, r * 0.18),
                    c.ellipse(*bent[-1], r * 0.18, r * 0.18),
                ),
                0.6,
                0,
                0.55,
                0.5,
                0.9,
            )
