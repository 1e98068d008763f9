"""People: heads with shoulders, arms and hands, figures in the distance, eyes close up."""

from __future__ import annotations

import numpy as np

from demo_training.drawings import palette as p
from demo_training.drawings.canvas import Canvas, Draw, together
from demo_training.drawings.textures import fabrics, hides


def garment(c: Canvas) -> p.Material:
    how = c.layout.random()
    if how < 0.25:
        return fabrics.cloth
    if how < 0.35:
        return fabrics.wool
    if how < 0.45:
        one = p.vivid(c.layout)
        kind = ("stripes", "checks", "dots")[int(c.layout.integers(3))]
        two = fabrics.apart(c.layout, one)
        return fabrics.pattern(kind, one, two, p.log_uniform(c.layout, 5, 20), float(c.layout.choice((0.0, np.pi / 2))))
    return fabrics.silk(p.vivid(c.layout))


def eye(
    c: Canvas,
    x: float,
    y: float,
    r: float,
    iris: p.Colours,
    slit: float = 0.42,
    white: bool = True,
    lid: p.Colours | None = None,
) -> None:
    """White, iris with its rays, pupil (`slit` times as wide as high), a light in it; `r` half its width."""
    g = c.layout
    open_ = g.uniform(0.5, 0.72) if white else 0.95
    almond = c.curve(
        [
            (x - r, y + r * 0.06),
            (x - r * 0.5, y - r * open_ * 0.8),
            (x + r * 0.1, y - r * open_),
            (x + r * 0.65, y - r * open_ * 0.6),
            (x + r, y),
            (x + r * 0.5, y + r * open_ * 0.62),
            (x - r * 0.3, y + r * open_ * 0.66),
        ]
    )
    if not white:
        almond = c.ellipse(x, y, r, r * open_)
    rim = (lid if lid is not None else p.rgb("2a1c18")) * 0.45
    c.darken(c.ellipse(x, y, r * 1.25, r * 0.95), 0.25, 60 * r * 0.3 + 0.5)
    c.paint("eye", p.tinted(rim), c.ellipse(x, y - r * 0.06, r * 1.06, r * open_ * 1.02) if not white else almond, 0.4)
    c.paint(
        "eye", p.tinted(p.among(g, "f4f0ec ece4e0", 4), 0.04) if white else p.tinted(iris, 0.08), almond, 0.4, 0, 0.25
    )
    k = r * (0.56 if white else 0.9)

    def rays(rng: np.random.Generator, h: int, w: int, unit: float) -> p.Colours:
        v, u = np.linspace(-1, 1, h, dtype=np.float32)[:, None], np.linspace(-1, 1, w, dtype=np.float32)[None]
        d, a = np.hypot(u, v), np.arctan2(v, u)
        shade = 0.12 * np.sin(a * 23) + 0.08 * np.sin(a * 41 + 2) - 0.6 * np.clip(d - 0.75, 0, 1) * 2.4 + 0.15 * v
        return p.lit(np.broadcast_to(iris, (h, w, 3)), shade.astype(np.float32))

    top = c.ellipse(x, y - r * 0.02, k, min(k, r * open_ * 0.92))
    c.paint("eye", rays, top, 0.3)
    c.paint(
        "eye", p.tinted(p.rgb("0c0a0a")), c.ellipse(x, y - r * 0.02, k * slit, k * (0.42 if slit >= 0.42 else 0.8)), 0.3
    )
    c.paint("eye", p.tinted(p.rgb("fafcff")), c.ellipse(x - k * 0.35, y - k * 0.35, k * 0.16, k * 0.14), 0.3)


def iris_colour(c: Canvas) -> p.Colours:
    return p.among(c.layout, "3c2818 4a6a8a 4a6a4a 1c1410 6a4a28 6a8aa8 5a3c20", 6)


def head(c: Canvas, x: float, y: float, r: float, tone: p.Colours, turn: float) -> None:
    """Face with features and hair about it; `r` is half its height, `turn` how far it looks aside."""
    g = c.layout
    flesh, style = hides.flesh(tone), g.random()
    wide, jaw, sx = g.uniform(0.66, 0.8), g.uniform(0.35, 0.55), turn * r * 0.22
    if style < 0.4:  # long hair behind
        fall = g.uniform(0.9, 1.9)
        c.paint("hair", hides.hair, c.curve([(x - r * 0.95, y - r * 0.2), (x - r * 0.5, y - r * 1.05),
                (x + r * 0.5, y - r * 1.05),
                (x + r * 0.95, y - r * 0.2), (x + r * 1.05, y + r * fall), (x, y + r * fall * 1.05),
                        (x - r * 1.05, y + r * fall)]), 1.0)  # fmt: skip
    c.paint(
        "skin",
        flesh,
        c.polygon(
            [
                (x - r * 0.34, y + r * 0.5),
                (x + r * 0.34, y + r * 0.5),
                (x + r * 0.46, y + r * 1.4),
                (x - r * 0.46, y + r * 1.4),
            ]
        ),
        0.6,
        0,
        0.3,
    )
    if style < 0.9:
        big = g.uniform(0.95, 1.2)
        c.paint("hair", hides.hair, c.ellipse(x, y - r * 0.22, r * wide * 1.12 * big, r * 0.9 * big), 1.2, 0, 0.2)
    for s in (-1, 1):
        c.paint("face", flesh, c.ellipse(x + s * r * wide - sx, y + r * 0.08, r * 0.1, r * 0.2), 0.5, 0, 0.3)
    oval = [(x - r * wide * 0.82, y - r * 0.6), (x, y - r * 0.92), (x + r * wide * 0.82, y - r * 0.6),
            (x + r * wide, y), (x + r * wide * 0.82, y + r * 0.52),
            (x + r * jaw * 0.6, y + r * 0.95), (x - r * jaw * 0.6, y + r * 0.95),
                    (x - r * wide * 0.82, y + r * 0.52), (x - r * wide, y)]  # fmt: skip
    c.paint("face", flesh, c.curve(oval), 0.8, 0.1, 0.4, 0.06, 0.45)
    for s in (-1, 1):  # cheeks, sockets
        c.darken(c.ellipse(x + s * r * 0.3 + sx, y - r * 0.02, r * 0.22, r * 0.13), 0.2, 40 * r * 0.15 + 0.6)
    brow = p.tinted(p.among(g, "201814 4a3020 6a4424 8a7458") * 0.9, 0.25, "across")
    iris, look = iris_colour(c), g.normal(0, 0.02)
    for s in (-1, 1):
        ex, ey = x + s * r * 0.3 + sx, y - r * 0.02
        eye(c, ex + look * r, ey, r * 0.15, iris, 0.42, True, tone)
        arch = [
            (ex - r * 0.19, ey - r * 0.15),
            (ex - r * 0.05, ey - r * 0.23),
            (ex + r * 0.19, ey - r * 0.17),
            (ex + r * 0.16, ey - r * 0.13),
            (ex - r * 0.05, ey - r * 0.17),
        ]
        c.paint("face", brow, c.polygon(arch), 0.6)
    nx = x + sx * 1.5
    c.darken(
        c.polygon([(nx + r * 0.02, y), (nx + r * 0.14, y + r * 0.32), (nx + r * 0.03, y + r * 0.36)]),
        0.28,
        60 * r * 0.1 + 0.5,
    )
    c.darken(together(*[c.ellipse(nx + s * r * 0.08, y + r * 0.34, r * 0.05, r * 0.025) for s in (-1, 1)]), 0.5, 0.7)
    c.glow(nx - r * 0.03, y + r * 0.22, r * 0.12, p.rgb("ffffff"), 0.12)
    lip = p.among(g, "a84848 b85c58 c03848 985048", 10) * 0.6 + tone * 0.35
    mouth_w, smile = r * g.uniform(0.2, 0.32), r * g.uniform(-0.02, 0.09)
    mx, my = x + sx * 1.2, y + r * 0.58
    c.paint(
        "face",
        p.tinted(lip, 0.06),
        c.curve(
            [
                (mx - mouth_w, my - smile),
                (mx - mouth_w * 0.3, my - r * 0.05),
                (mx, my - r * 0.03),
                (mx + mouth_w * 0.3, my - r * 0.05),
                (mx + mouth_w, my - smile),
                (mx, my + r * 0.1),
            ]
        ),
        0.5,
        0,
        0.2,
    )
    if g.random() < 0.45:  # teeth
        c.paint(
            "face",
            p.tinted(p.rgb("f0ece4"), 0.05),
            c.curve(
                [
                    (mx - mouth_w * 0.8, my - smile * 0.7),
                    (mx, my),
                    (mx + mouth_w * 0.8, my - smile * 0.7),
                    (mx, my + r * 0.05),
                ]
            ),
            0.4,
        )
    if style < 0.75:  # hair over the brow
        part = g.uniform(-0.4, 0.4)
        c.paint("hair", hides.hair, c.curve([(x - r * wide * 1.06, y - r * 0.05),
                (x - r * wide * 0.95, y - r * 0.75), (x, y - r * 1.08), (x + r * wide * 0.95, y - r * 0.75),
                (x + r * wide * 1.06, y - r * 0.05), (x + r * wide * 0.8, y - r * 0.45),
                        (x + r * part, y - r * g.uniform(0.5, 0.75)), (x - r * wide * 0.8, y - r * 0.45)]),
                        1.0, 0, 0.15)  # fmt: skip
    if g.random() < 0.15 and style > 0.4:  # a beard
        c.paint("hair", hides.hair, c.curve([(x - r * wide * 0.9, y + r * 0.3), (x - r * 0.25, y + r * 0.46),
                (x + r * 0.25, y + r * 0.46), (x + r * wide * 0.9, y + r * 0.3),
                (x + r * 0.4, y + r * 1.02), (x - r * 0.4, y + r * 1.02)]), 1.2)  # fmt: skip
        c.paint("face", p.tinted(lip, 0.06), c.ellipse(mx, my, mouth_w * 0.8, r * 0.05), 0.5)


def bust(c: Canvas, x: float, y: float, r: float) -> None:
    """Head and shoulders; `r` is half the head's height."""
    g = c.layout
    tone, top, wide = p.among(g, hides.SKINS), y + r * 1.15, r * g.uniform(1.7, 2.4)
    shoulders = [(x - wide, 1.03), (x - wide * 0.85, top + r * 0.5), (x - r * 0.45, top), (x, top + r * 0.15),
            (x + r * 0.45, top),
                 (x + wide * 0.85, top + r * 0.5), (x + wide, 1.03)]  # fmt: skip
    bare = g.random() < 0.15
    over = hides.flesh(tone) if bare else garment(c)
    c.paint("skin" if bare else "shirt", over, c.curve(shoulders, 4), 0.6, 0, 0.35, 0, 0.25)
    head(c, x, y, r, tone, float(np.clip(g.normal(0, 1), -1.5, 1.5)))
    if not bare and g.random() < 0.6:  # collar
        collar = together(c.polygon([(x - r * 0.46, top - r * 0.05), (x - r * 0.05, top + r * 0.45),
                (x - r * 0.62, top + r * 0.42)]),
                          c.polygon([(x + r * 0.46, top - r * 0.05), (x + r * 0.05, top + r * 0.45),
                                  (x + r * 0.62, top + r * 0.42)]))  # fmt: skip
        c.paint("shirt", garment(c), collar, 0.5, 0, 0.2)


def figure(c: Canvas, x: float, foot: float, h: float) -> None:
    """A whole person seen from some way off."""
    g = c.layout
    tone, w = p.among(g, hides.SKINS), h * 0.11
    flesh = hides.flesh(tone)
    c.darken(c.ellipse(x + h * 0.08, foot, h * 0.2, h * 0.025), 0.45, 2)
    legs = p.tinted(p.among(g, "2a3c60 202024 6a5a48 4a5048 c0b090 384868"), 0.14, "down")
    stride = w * g.uniform(0.1, 0.9)
    for s in (-1, 1):
        leg = [
            (x + s * w * 0.15, foot - h * 0.5),
            (x + s * stride, foot - h * 0.03),
            (x + s * stride + w * 0.5, foot - h * 0.03),
            (x + s * w * 0.15 + w * 0.55, foot - h * 0.5),
        ]
        c.paint("cloth", legs, c.polygon([(a - w * 0.28, b) for a, b in leg]), 0.5, 0, 0.3)
        shoe = p.tinted(p.among(g, "181414 f0f0f0 5a3a24"), 0.1)
        c.paint("leather", shoe, c.ellipse(x + s * stride + w * 0.05, foot - h * 0.015, w * 0.5, h * 0.02), 0.4)
    top = garment(c)
    for s in (-1, 1):
        hx, hy = x + s * w * g.uniform(1.2, 2.2), foot - h * g.uniform(0.42, 0.62)
        arm = [(x + s * w * 0.8, foot - h * 0.8), (x + s * w * 1.3, foot - h * 0.64), (hx, hy)]
        c.paint("shirt", top, c.line(arm, w * 0.5), 0.5, 0, 0.3)
        c.paint("skin", flesh, c.ellipse(hx, hy, w * 0.26, w * 0.3), 0.4, 0, 0.3)
    torso = [
        (x - w * 0.9, foot - h * 0.82),
        (x + w * 0.9, foot - h * 0.82),
        (x + w * 0.75, foot - h * 0.45),
        (x - w * 0.75, foot - h * 0.45),
    ]
    c.paint("shirt", top, c.polygon(torso), 0.6, 0, 0.35)
    r = h * 0.075
    c.paint("skin", flesh, c.rectangle(x - r * 0.4, foot - h * 0.86, x + r * 0.4, foot - h * 0.81), 0.4)
    c.paint("hair", hides.hair, c.ellipse(x, foot - h * 0.93, r * 0.88, r * 1.05), 0.5)
    c.paint("face", flesh, c.ellipse(x, foot - h * 0.91, r * 0.7, r * 0.9), 0.5, 0, 0.35)


def hand(c: Canvas, x: float, y: float, r: float, turn: float) -> None:
    """A hand with its arm, reaching in from an edge; `r` is half the palm's width."""
    g, tone = c.layout, p.among(c.layout, hides.SKINS)
    flesh = hides.flesh(tone)
    co, si = np.cos(turn), np.sin(turn)

    def at(u: float, v: float) -> tuple[float, float]:
        return float(x + r * (u * co - v * si)), float(y + r * (u * si + v * co))

    c.darken(c.ellipse(x + r * 0.3, y + r * 0.4, r * 1.5, r * 1.3), 0.35, 5)
    c.paint(
        "skin", flesh, c.polygon([at(-0.5, -0.62), at(-6, -1.0), at(-6, 1.0), at(-0.5, 0.62)]), 0.6, 0, 0.35, 0, 0.5
    )
    fingers: list[Draw] = []
    for i, (v, long) in enumerate(((-0.75, 1.25), (-0.27, 1.55), (0.22, 1.45), (0.68, 1.1))):
        bend = g.normal(0, 0.08) + (i - 1.5) * g.uniform(0.05, 0.18)
        fingers.append(c.line([at(0.5, v), at(1 + long * 0.5, v + bend), at(1 + long, v + 2 * bend)], r * 0.42))
        c.paint(
            "skin",
            flesh,
            together(fingers[-1], c.ellipse(*at(1 + long, v + 2 * bend), r * 0.2, r * 0.2)),
            0.6,
            0,
            0.5,
            0.05,
        )
        c.paint(
            "skin",
            p.tinted(tone * 0.4 + np.array((140, 110, 105), np.float32)),
            c.ellipse(*at(1 + long * 1.04, v + 2 * bend), r * 0.12, r * 0.12),
            0.4,
        )
    palm = c.curve(
        [at(-0.7, -0.7), at(0.2, -0.98), at(1.0, -0.9), at(1.15, 0), at(1.0, 0.85), at(0.2, 0.95), at(-0.7, 0.7)]
    )
    c.paint("skin", flesh, palm, 0.6, 0, 0.3)
    c.paint(
        "skin",
        flesh,
        c.curve([at(-0.4, -0.8), at(0.5, -1.5), at(1.1, -1.6), at(1.0, -1.25), at(0.5, -0.8)]),
        0.6,
        0,
        0.45,
    )
    if g.random() < 0.35:
        c.paint(
            "shirt", garment(c), c.polygon([at(-2, -1.3), at(-7, -1.9), at(-7, 1.9), at(-2, 1.3)]), 0.6, 0, 0.4, 0, 0.5
        )
