"""Cats, dogs and birds: heads close up, and bodies."""

from __future__ import annotations

import numpy as np

from demo_training.drawings import palette as p
from demo_training.drawings.canvas import Canvas, Draw, together
from demo_training.drawings.textures import hides
from demo_training.drawings.things.people import eye


def _furry(c: Canvas, points: list[tuple[float, float]], rough: float) -> Draw:
    """A closed outline whose edge is tufts of hair."""
    smooth = np.array(points, np.float64)
    dense = []
    for i in range(len(smooth)):
        a, b = smooth[i], smooth[(i + 1) % len(smooth)]
        dense += [a + (b - a) * t for t in (0, 0.33, 0.66)]
    middle = smooth.mean(0)
    out = []
    for i, q in enumerate(dense):
        away = (q - middle) / (np.hypot(*(q - middle)) + 1e-9)
        q = q + away * rough * (c.layout.uniform(-0.5, 1) if i % 2 else -0.3)
        out.append((float(q[0]), float(q[1])))
    return c.curve(out, 4)


def _whiskers(c: Canvas, x: float, y: float, r: float) -> None:
    lines = [c.line([(x + s * r * 0.2, y + r * 0.06 * k), (x + s * r * 0.8, y + r * (0.1 * k - 0.06)),
            (x + s * r * c.layout.uniform(1.1, 1.5), y + r * 0.2 * k)], 0.003)
             for s in (-1, 1) for k in (-1, 0, 1, 2)]  # fmt: skip
    c.paint("cat", p.tinted(p.among(c.layout, "f8f8f4 e8e4dc", 4)), together(*lines), 0.3)


def body(c: Canvas, x: float, y: float, r: float, coat: p.Material) -> None:
    """Chest and back behind an animal's head, cut off by the frame below."""
    s = c.layout.choice((-1, 1))
    back = [(x - s * r * 0.9, y + r * 0.3), (x + s * r * 0.5, y + r * 0.1), (x + s * r * 1.9, y + r * 0.3),
            (x + s * r * 2.8, y + r * 1.2),
            (x + s * r * 3, 1.05), (x - s * r * 1.1, 1.05), (x - s * r * 1.0, y + r)]  # fmt: skip
    c.paint("fur", coat, _furry(c, [(float(a), float(b)) for a, b in back], r * 0.06), 1.0, 0, 0.3, 0, 0.3)


def cat(c: Canvas, x: float, y: float, r: float) -> None:
    """A cat's face: ears, coat, slit or round pupils, nose, muzzle, whiskers; `r` half its width."""
    g = c.layout
    coat = hides.coat(g)
    c.darken(c.ellipse(x + r * 0.2, y + r * 0.5, r * 1.4, r * 1.2), 0.3, 6)
    body(c, x, y, r, coat)
    pink = p.among(g, "e8b0a8 d8988c c88478 5a4440")
    for s in (-1, 1):
        spread = g.uniform(0.75, 0.95)
        ear = [
            (x + s * r * 0.25, y - r * 0.62),
            (x + s * r * spread, y - r * g.uniform(1.35, 1.6)),
            (x + s * r * 0.98, y - r * 0.25),
        ]
        c.paint("cat", coat, c.polygon(ear), 0.8, 0, 0.25)
        mid = (x + s * r * 0.68, y - r * 0.62)
        inner = [(mid[0] + (a - mid[0]) * 0.62, mid[1] + (b - mid[1]) * 0.68) for a, b in ear]
        c.paint("cat", p.tinted(pink, 0.15, "down"), c.polygon(inner), 1.2, 0.2)
    face = [
        (x - r * 0.55, y - r * 0.72),
        (x, y - r * 0.8),
        (x + r * 0.55, y - r * 0.72),
        (x + r * 0.95, y - r * 0.25),
        (x + r * 1.05, y + r * 0.25),
        (x + r * 0.7, y + r * 0.68),
        (x, y + r * 0.85),
        (x - r * 0.7, y + r * 0.68),
        (x - r * 1.05, y + r * 0.25),
        (x - r * 0.95, y - r * 0.25),
    ]
    c.paint("cat", coat, _furry(c, face, r * 0.05), 1.0, 0, 0.28, 0, 0.4)
    if g.random() < 0.55:  # marks of a tabby's brow
        marks = [
            c.line(
                [(x + k * r * 0.14, y - r * 0.75), (x + k * r * 0.12, y - r * 0.5), (x + k * r * 0.18, y - r * 0.36)],
                r * 0.06,
            )
            for k in (-2, -1, 0, 1, 2)
        ]
        c.darken(together(*marks), 0.45, 1)
    pale = hides.coat(g) if g.random() < 0.3 else p.tinted(p.among(g, "f0e8dc e0d0b8 c8b8a0"), 0.1, "hairs")
    c.paint(
        "cat",
        pale,
        together(
            c.ellipse(x - r * 0.2, y + r * 0.45, r * 0.28, r * 0.22),
            c.ellipse(x + r * 0.2, y + r * 0.45, r * 0.28, r * 0.22),
        ),
        2.5,
        0,
        0.25,
    )
    iris = p.among(g, "a8b840 c8a830 70a058 d89030 80b0c8 b0c860 6aa0c0", 10)
    slit = float(g.choice((0.14, 0.3, 0.55)))
    for s in (-1, 1):
        eye(c, x + s * r * 0.4, y - r * 0.08, r * 0.21, iris, slit, False)
    nose = c.polygon(
        [
            (x - r * 0.13, y + r * 0.22),
            (x + r * 0.13, y + r * 0.22),
            (x + r * 0.03, y + r * 0.34),
            (x - r * 0.03, y + r * 0.34),
        ]
    )
    c.paint("cat", p.tinted(pink * 0.9, 0.05), nose, 0.6, 0, 0.3, 0.2)
    c.darken(together(c.line([(x, y + r * 0.34), (x, y + r * 0.46), (x - r * 0.18, y + r * 0.56)], r * 0.035),
                      c.line([(x, y + r * 0.46), (x + r * 0.18, y + r * 0.56)], r * 0.035)), 0.6, 0.7)  # fmt: skip
    _whiskers(c, x, y + r * 0.42, r)


def dog(c: Canvas, x: float, y: float, r: float) -> None:
    """A dog's face: hanging or standing ears, a muzzle with a large wet nose, round dark eyes, a tongue."""
    g = c.layout
    coat, low = hides.coat(g), g.random() < 0.6
    second = hides.coat(g) if g.random() < 0.4 else coat
    body(c, x, y, r, coat)

    def ears() -> None:
        for s in (-1, 1):
            if low:
                ear = [
                    (x + s * r * 0.5, y - r * 0.72),
                    (x + s * r * 0.98, y - r * 0.6),
                    (x + s * r * 1.25, y + r * 0.1),
                    (x + s * r * 1.02, y + r * 0.62),
                    (x + s * r * 0.78, y + r * 0.1),
                ]
            else:
                ear = [
                    (x + s * r * 0.2, y - r * 0.6),
                    (x + s * r * 0.6, y - r * 1.5),
                    (x + s * r * 0.72, y - r * 1.45),
                    (x + s * r * 0.88, y - r * 0.3),
                    (x + s * r * 0.5, y - r * 0.4),
                ]
            c.paint("dog", second, c.curve([(float(a), float(b)) for a, b in ear], 4), 0.9, 0, 0.4)

    if not low:
        ears()
    face = [
        (x - r * 0.5, y - r * 0.8),
        (x, y - r * 0.86),
        (x + r * 0.5, y - r * 0.8),
        (x + r * 0.85, y - r * 0.2),
        (x + r * 0.7, y + r * 0.4),
        (x + r * 0.42, y + r * 0.95),
        (x, y + r * 1.12),
        (x - r * 0.42, y + r * 0.95),
        (x - r * 0.7, y + r * 0.4),
        (x - r * 0.85, y - r * 0.2),
    ]
    c.paint("dog", coat, _furry(c, face, r * 0.04), 1.0, 0, 0.35, 0, 0.4)
    if low:
        ears()
    if g.random() < 0.35:
        c.paint(
            "dog",
            p.tinted(p.among(g, "f4f0e8 e8dcc8"), 0.1, "hairs"),
            c.polygon(
                [
                    (x - r * 0.1, y - r * 0.85),
                    (x + r * 0.1, y - r * 0.85),
                    (x + r * 0.25, y + r * 0.2),
                    (x - r * 0.25, y + r * 0.2),
                ]
            ),
            3,
        )
    muzzle = p.tinted(p.among(g, "f0e8dc c8a880 8a6a4a 4a3a30 302824"), 0.12, "hairs")
    if g.random() < 0.35:  # a tongue
        c.paint(
            "dog",
            p.tinted(p.among(g, "e07880 d86a74"), 0.05),
            c.curve(
                [
                    (x - r * 0.16, y + r * 0.85),
                    (x + r * 0.16, y + r * 0.85),
                    (x + r * 0.17, y + r * 1.35),
                    (x, y + r * 1.45),
                    (x - r * 0.17, y + r * 1.35),
                ]
            ),
            0.6,
            0,
            0.3,
        )
    c.paint(
        "dog",
        muzzle if g.random() < 0.6 else coat,
        c.curve(
            [
                (x - r * 0.3, y + r * 0.18),
                (x + r * 0.3, y + r * 0.18),
                (x + r * 0.5, y + r * 0.62),
                (x + r * 0.25, y + r * 0.95),
                (x - r * 0.25, y + r * 0.95),
                (x - r * 0.5, y + r * 0.62),
            ]
        ),
        2.2,
        0,
        0.45,
    )
    iris = p.among(g, "3c2414 2a1a10 5a3a1c 1c1410 7a9ab0", 6)
    for s in (-1, 1):
        eye(c, x + s * r * 0.38, y - r * 0.12, r * 0.14, iris, 0.5, False)
    c.paint(
        "dog",
        p.tinted(p.among(g, "141212 201a1a 4a3430"), 0.2, "blobs", 0.3),
        c.curve(
            [
                (x - r * 0.24, y + r * 0.34),
                (x, y + r * 0.24),
                (x + r * 0.24, y + r * 0.34),
                (x + r * 0.12, y + r * 0.52),
                (x, y + r * 0.56),
                (x - r * 0.12, y + r * 0.52),
            ]
        ),
        0.7,
        0,
        0.4,
        0.6,
    )
    c.darken(
        together(
            c.line([(x, y + r * 0.54), (x, y + r * 0.72)], r * 0.04),
            c.line([(x - r * 0.32, y + r * 0.8), (x, y + r * 0.72), (x + r * 0.32, y + r * 0.8)], r * 0.04),
        ),
        0.6,
        0.8,
    )


def bird(c: Canvas, x: float, y: float, r: float) -> None:
    """A perched bird from the side: body, folded wing, tail, head with beak and eye; `r` half the body's length."""
    g, s = c.layout, c.layout.choice((-1, 1))
    back, breast, wing = hides.plumage(g), hides.plumage(g), hides.plumage(g)

    def at(*points: tuple[float, float]) -> list[tuple[float, float]]:
        return [(float(x + s * r * a), float(y + r * b)) for a, b in points]

    legs = together(*[c.line(at((0.0 + k, 0.55), (0.05 + k, 1.05), (0.25 + k, 1.08)), r * 0.05) for k in (-0.1, 0.12)])
    c.paint("bird", p.tinted(p.among(g, "3a3028 d08840 a05038")), legs, 0.3)
    c.paint("bird", wing, c.polygon(at((-0.7, 0.2), (-2.0, 0.75), (-1.9, 0.95), (-0.5, 0.55))), 0.5, 0, 0.3)
    c.paint(
        "bird",
        breast,
        c.curve(
            at(
                (0.95, -0.45),
                (0.8, 0.2),
                (0.2, 0.65),
                (-0.5, 0.55),
                (-1.0, 0.35),
                (-0.7, -0.15),
                (0.1, -0.6),
                (0.6, -0.85),
            )
        ),
        0.7,
        0,
        0.4,
        0,
        0.4,
    )
    c.paint(
        "bird",
        wing,
        c.curve(at((0.3, -0.45), (0.35, 0.05), (-0.3, 0.35), (-1.35, 0.55), (-0.8, -0.05), (-0.2, -0.5))),
        0.6,
        0,
        0.3,
    )
    c.paint("bird", back, c.ellipse(*at((0.8, -0.75))[0], r * 0.42, r * 0.4), 0.6, 0, 0.4)
    long = g.uniform(1.35, 1.9)
    c.paint(
        "bird",
        p.tinted(p.among(g, "e0a030 282420 d06028 606058"), 0.08),
        c.polygon(at((1.12, -0.88), (long, -0.7), (1.14, -0.58))),
        0.4,
        0.3,
    )
    eye(c, *at((0.93, -0.82))[0], r * 0.09, p.among(g, "1c1410 c08020 201010"), 0.5, False)


def beast(c: Canvas, x: float, foot: float, r: float) -> None:
    """A four-legged animal from the side, grazing or standing; `r` half its length."""
    g, s = c.layout, float(c.layout.choice((-1, 1)))
    coat, tall = hides.coat(g), r * float(g.uniform(0.75, 1.25))
    top = foot - tall * 1.7

    def at(*points: tuple[float, float]) -> list[tuple[float, float]]:
        return [(x + s * r * a, top + tall * b) for a, b in points]

    c.darken(c.ellipse(x, foot, r * 1.2, r * 0.12), 0.5, 3)
    for a in (-0.75, 0.5, -0.6, 0.65):
        k = float(g.normal(0, 0.08))
        leg = c.polygon(at((a - 0.14, 0.8), (a + 0.14, 0.8), (a + 0.07 + k, 1.7), (a - 0.07 + k, 1.7)))
        c.paint("fur", coat, leg, 0.6, 0, 0.4)
    down = g.random() < 0.4
    hx, hy = (1.25, 1.35) if down else (1.3, float(g.uniform(-0.65, -0.2)))
    neck = c.polygon(at((0.55, 0.1), (0.8, 0.75), (hx, hy + 0.15), (hx - 0.1, hy - 0.2)))
    body_ = c.curve(at((-1, 0.15), (-0.5, 0.02), (0.3, 0.06), (0.85, 0.1), (0.85, 0.75), (0.2, 1.0), (-0.5, 0.95),
            (-1, 0.8)))  # fmt: skip
    tail = c.line(at((-0.98, 0.2), (-1.15, 0.5), (-1.1, 1.1)), r * 0.07)
    c.paint("fur", coat, together(neck, body_, tail), 0.8, 0, 0.4, 0, 0.4)
    head = c.curve(at((hx - 0.22, hy - 0.2), (hx + 0.05, hy - 0.22), (hx + 0.45, hy + 0.12), (hx + 0.4, hy + 0.25),
            (hx - 0.1, hy + 0.2)))  # fmt: skip
    ears = [c.polygon(at((hx - 0.15 + k, hy - 0.15), (hx - 0.12 + k, hy - 0.45), (hx + k, hy - 0.18)))
            for k in (0.0, 0.1)]  # fmt: skip
    c.paint("fur", coat, together(head, *ears), 0.6, 0, 0.35)
    c.darken(c.ellipse(*at((hx + 0.1, hy - 0.05))[0], r * 0.03, r * 0.03), 0.8, 0.4)


def flock(c: Canvas, count: int) -> None:
    """Birds on the wing, far off."""
    g = c.layout
    parts: list[Draw] = []
    for _ in range(count):
        x, y, s, lift = g.uniform(0.05, 0.95), g.uniform(0.05, 0.5), g.uniform(0.02, 0.09), g.uniform(0.2, 0.9)
        parts.append(c.polygon([(x, y), (x - s * 0.5, y - s * lift * 0.6), (x - s, y - s * lift * 0.2),
                (x - s * 0.45, y - s * lift * 0.35), (x - s * 0.1, y + s * 0.18),
                                (x + s * 0.1, y + s * 0.18), (x + s * 0.45, y - s * lift * 0.35),
                                        (x + s, y - s * lift * 0.2), (x + s * 0.5, y - s * lift * 0.6)]))  # fmt: skip
    c.paint("bird", p.tinted(p.among(g, "18181c f0f0f0 5a5450 302820"), 0.15), together(*parts), 0.4)
