"""Grown things and lights of the scenes: each function paints one, from its place and size, onto a canvas."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PIL import ImageDraw

from vlmtui.demo import materials as m
from vlmtui.demo.canvas import Canvas
from vlmtui.demo.noise import Field


def sun(c: Canvas, x: float, y: float, r: float) -> None:
    c.paint(
        "sun", m.tinted(m.pick(c.layout, ("fff4b0", "ffe070", "ffb040", "fffae0")), 0.02), c.ellipse(x, y, r, r), 1.0
    )


def moon(c: Canvas, x: float, y: float, r: float) -> None:
    c.paint("moon", m.tinted(m.pick(c.layout, ("e8e8e0", "d0d4d8", "f0e8c0"), 6), 0.09), c.ellipse(x, y, r, r), 0.6)


def clouds(c: Canvas, horizon: float) -> None:
    """Heaps of soft ellipses, their size and number from a few to nearly covered."""
    for _ in range(int(c.layout.integers(1, 5))):
        x, y = c.layout.uniform(0, 1), c.layout.uniform(0.02, max(0.05, horizon * 0.8))
        w, h = c.layout.uniform(0.12, 0.34), c.layout.uniform(0.04, 0.11)
        puffs = [
            c.ellipse(
                x + w * c.layout.uniform(-0.8, 0.8),
                y + h * c.layout.uniform(-0.5, 0.4),
                w * c.layout.uniform(0.3, 0.6),
                h * c.layout.uniform(0.6, 1.1),
            )
            for _ in range(6)
        ]
        c.paint("cloud", m.cloud, together(puffs), float(c.layout.uniform(1, 4)))


def together(parts: list[Callable[[ImageDraw.ImageDraw], None]]) -> Callable[[ImageDraw.ImageDraw], None]:
    def draw(d: ImageDraw.ImageDraw) -> None:
        for part in parts:
            part(d)

    return draw


def tree(c: Canvas, x: float, ground: float, size: float) -> None:
    """A trunk and a crown: round, or a fir; `size` is its height."""
    bark = m.pick(c.layout, ("5a4030", "3c2a20", "7a6450"))
    w = size * c.layout.uniform(0.04, 0.08)
    c.paint("wood", m.tinted(bark, 0.2, "down"), c.rectangle(x - w, ground - size * 0.5, x + w, ground))
    if c.layout.random() < 0.3:
        tiers = [
            c.polygon(
                [
                    (x, ground - size * (1 - 0.2 * i)),
                    (x + size * (0.16 + 0.1 * i), ground - size * (0.55 - 0.2 * i)),
                    (x - size * (0.16 + 0.1 * i), ground - size * (0.55 - 0.2 * i)),
                ]
            )
            for i in range(3)
        ]
        c.paint("tree", m.foliage, together(tiers), 0.5, 0.3)
        return
    crown = [
        c.ellipse(
            x + size * c.layout.uniform(-0.22, 0.22),
            ground - size * c.layout.uniform(0.5, 0.85),
            size * c.layout.uniform(0.16, 0.28),
            size * c.layout.uniform(0.14, 0.24),
        )
        for _ in range(7)
    ]
    c.paint("tree", m.foliage, together(crown), 0.8, 0.4)


def flower(c: Canvas, x: float, y: float, r: float, stem: float) -> None:
    """Petals about a centre on a stem of length `stem` with leaves."""
    green = m.pick(c.layout, ("3c7a2c", "5a9a40", "2f6a34"))
    if stem > 0:
        c.paint("leaf", m.tinted(green, 0.1), c.rectangle(x - r * 0.09, y, x + r * 0.09, y + stem))
        for s in (-1, 1):
            ly, reach = y + stem * c.layout.uniform(0.4, 0.8), s * r * c.layout.uniform(0.9, 1.5)
            leaf = [
                (x, ly),
                (x + reach * 0.5, ly - r * 0.55),
                (x + reach, ly - r * 0.35),
                (x + reach * 0.6, ly + r * 0.05),
            ]
            c.paint("leaf", m.tinted(green * c.layout.uniform(0.8, 1.2), 0.15), c.polygon(leaf), 0.4)
    hue, n = m.vivid(c.layout), int(c.layout.integers(5, 11))
    turn = c.layout.uniform(0, 1)
    petals = [c.ellipse(x + r * 0.62 * np.cos(a), y + r * 0.62 * np.sin(a), r * 0.38, r * 0.38)
              for a in (turn + np.arange(n) * 2 * np.pi / n)]  # fmt: skip
    c.paint("flower", m.tinted(hue, 0.14, "pink"), together([*petals, c.ellipse(x, y, r * 0.6, r * 0.6)]), 0.5, 0.3)
    c.paint(
        "flower",
        m.tinted(m.pick(c.layout, ("f0c820", "6a4020", "f0e8a0", "c88018")), 0.2, "white"),
        c.ellipse(x, y, r * 0.28, r * 0.28),
    )


def leaf(c: Canvas, x: float, y: float, length: float, turn: float) -> None:
    """One leaf from near, with a midrib; `length` from base to tip."""
    along, across = np.array((np.cos(turn), np.sin(turn))), np.array((-np.sin(turn), np.cos(turn)))
    t, wide = np.linspace(-1, 1, 15), length * c.layout.uniform(0.2, 0.32)
    side = (1 - t**2) ** 0.8 * wide
    middle = np.array((x, y)) + t[:, None] * along * length / 2
    green = m.pick(c.layout, ("3c7a2c", "5a9a40", "2f6a34", "88b048", "a06a2c"))
    outline = [*(middle + side[:, None] * across), *(middle - side[:, None] * across)[::-1]]
    c.darken(c.polygon([(p[0] + 0.02, p[1] + 0.03) for p in outline]), 0.35, 3)
    c.paint("leaf", m.tinted(green, 0.1, "pink"), c.polygon([(p[0], p[1]) for p in outline]), 0.4, 0.4)
    rib = [*(middle + across * length * 0.012), *(middle - across * length * 0.012)[::-1]]
    c.paint("leaf", m.tinted(green * 1.4), c.polygon([(p[0], p[1]) for p in rib]), 0.3)


def face(c: Canvas, x: float, y: float, r: float) -> None:
    """Head and shoulders; `r` is half the head's height."""
    lock, style = m.hair, c.layout.random()
    if style < 0.45:  # long hair falls behind the shoulders
        c.paint("hair", lock, c.ellipse(x, y + r * 0.3, r * 1.05, r * 1.5), 1.0)
    top = y + r * 1.15
    shirt = m.cloth if c.layout.random() < 0.5 else m.tinted(m.vivid(c.layout), 0.1, "smooth")
    wide = r * c.layout.uniform(1.7, 2.3)
    tone = m.pick(c.layout, ("f0c8a8", "d8a480", "b07c58", "8a5a3c", "5c3a28", "f4d4bc", "e4b494"))
    flesh = m.tinted(tone, 0.06, "smooth")
    c.paint(
        "shirt",
        shirt,
        c.polygon(
            [
                (x - wide, 1.01),
                (x - wide * 0.8, top + r * 0.35),
                (x - r * 0.4, top),
                (x + r * 0.4, top),
                (x + wide * 0.8, top + r * 0.35),
                (x + wide, 1.01),
            ]
        ),
        0.6,
        0.3,
    )
    c.paint("face", flesh, c.rectangle(x - r * 0.33, y + r * 0.5, x + r * 0.33, top + r * 0.1), 0.6)
    if style < 0.85:
        c.paint("hair", lock, c.ellipse(x, y - r * 0.25, r * 0.9, r * 0.98), 1.0)
    c.paint("face", flesh, c.ellipse(x, y + r * 0.08, r * 0.74, r * 0.95), 0.8, 0.35)
    if style < 0.7:
        c.paint(
            "hair",
            lock,
            c.polygon(
                [
                    (x - r * 0.74, y - r * 0.1),
                    (x - r * 0.6, y - r * 0.85),
                    (x + r * 0.6, y - r * 0.85),
                    (x + r * 0.74, y - r * 0.1),
                    (x + r * c.layout.uniform(-0.3, 0.5), y - r * 0.55),
                ]
            ),
            1.0,
        )
    iris = m.pick(c.layout, ("3c2818", "4a6a8a", "4a6a4a", "1c1410"), 6)
    for s in (-1, 1):
        ex, ey = x + s * r * 0.3, y + r * 0.02
        c.paint("face", m.tinted(m.pick(c.layout, ("f4f0ec",), 4)), c.ellipse(ex, ey, r * 0.15, r * 0.08))
        c.paint("face", m.tinted(iris), c.ellipse(ex, ey, r * 0.075, r * 0.08))
        c.paint(
            "face", m.tinted(iris * 0.6), c.rectangle(ex - r * 0.17, ey - r * 0.2, ex + r * 0.17, ey - r * 0.15), 0.5
        )
    c.darken(c.ellipse(x + r * 0.05, y + r * 0.34, r * 0.12, r * 0.06), 0.25, 1.5)
    lip = np.array((170, 70, 70), np.float32) * 0.5 + tone * 0.4
    c.paint(
        "face",
        m.tinted(lip),
        c.ellipse(x, y + r * 0.55, r * c.layout.uniform(0.2, 0.32), r * c.layout.uniform(0.05, 0.12)),
        0.4,
    )


def fruit(c: Canvas, x: float, y: float, r: float) -> None:
    c.darken(c.ellipse(x + r * 0.2, y + r * 0.9, r * 1.1, r * 0.3), 0.45, 3)
    hue = m.pick(c.layout, ("d83020", "e88020", "a8c030", "e8c830", "8c2040", "68a030", "c84838"))
    c.paint("fruit", shaded(hue), c.ellipse(x, y, r, r * c.layout.uniform(0.85, 1.15)), 0.5)
    c.paint(
        "fruit",
        m.tinted(np.array((70, 50, 30), np.float32)),
        c.rectangle(x - r * 0.05, y - r * 1.15, x + r * 0.05, y - r * 0.75),
    )


def shaded(hue: m.Colours) -> m.Material:
    """A ball lit from the upper left, with a highlight."""

    def material(rng: m.Rng, h: int, w: int, unit: float) -> m.Colours:
        y, x = np.mgrid[-1 : 1 : h * 1j, -1 : 1 : w * 1j].astype(np.float32)
        light: Field = np.clip(1.15 - 0.45 * ((x + 0.4) ** 2 + (y + 0.4) ** 2), 0.2, 1.2)
        shine = np.clip(1 - 9 * ((x + 0.35) ** 2 + (y + 0.4) ** 2), 0, 1)[..., None]
        out = m.tinted(hue, 0.06)(rng, h, w, unit) * light[..., None]
        mixed: m.Colours = out + (245 - out) * 0.7 * shine
        return mixed

    return material
