"""Things that stand in the scenes: each function paints one, from its place and size, onto a canvas."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from vlmtui.demo import materials as m
from vlmtui.demo.canvas import Canvas
from vlmtui.demo.noise import Field
from vlmtui.demo.words import CLASSES, GLYPHS

FILM = ("2c3a4c", "18222e", "88a8c0", "c0d4e0", "405870")


def sun(c: Canvas, x: float, y: float, r: float) -> None:
    c.paint("sun", m.tinted(m.pick(c.layout, ("fff4b0", "ffe070", "ffb040", "fffae0")), 0.02), c.ellipse(x, y, r, r), 1.0)


def moon(c: Canvas, x: float, y: float, r: float) -> None:
    c.paint("moon", m.tinted(m.pick(c.layout, ("e8e8e0", "d0d4d8", "f0e8c0"), 6), 0.09), c.ellipse(x, y, r, r), 0.6)


def clouds(c: Canvas, horizon: float) -> None:
    """Heaps of soft ellipses, their size and number from a few to nearly covered."""
    for _ in range(int(c.layout.integers(1, 5))):
        x, y = c.layout.uniform(0, 1), c.layout.uniform(0.02, max(0.05, horizon * 0.8))
        w, h = c.layout.uniform(0.12, 0.34), c.layout.uniform(0.04, 0.11)
        puffs = [c.ellipse(x + w * c.layout.uniform(-0.8, 0.8), y + h * c.layout.uniform(-0.5, 0.4),
                           w * c.layout.uniform(0.3, 0.6), h * c.layout.uniform(0.6, 1.1)) for _ in range(6)]  # fmt: skip
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
        tiers = [c.polygon([(x, ground - size * (1 - 0.2 * i)), (x + size * (0.16 + 0.1 * i), ground - size * (0.55 - 0.2 * i)),
                            (x - size * (0.16 + 0.1 * i), ground - size * (0.55 - 0.2 * i))]) for i in range(3)]  # fmt: skip
        c.paint("tree", m.foliage, together(tiers), 0.5, 0.3)
        return
    crown = [c.ellipse(x + size * c.layout.uniform(-0.22, 0.22), ground - size * c.layout.uniform(0.5, 0.85),
                       size * c.layout.uniform(0.16, 0.28), size * c.layout.uniform(0.14, 0.24)) for _ in range(7)]  # fmt: skip
    c.paint("tree", m.foliage, together(crown), 0.8, 0.4)


def house(c: Canvas, x: float, ground: float, w: float, h: float) -> None:
    """Facade with roof, windows, a door; `w`, `h` the facade's size, `x` its left."""
    lit = c.layout.random()
    facade = (m.brick if lit < 0.2 else m.wood if lit < 0.3 else m.tinted(m.pick(c.layout, (
        "e8dcc0", "f0f0ec", "d8a070", "c06050", "a8b8c8", "d8c070", "b0a898", "88a088", "d8b0a8"), 20), 0.04))  # fmt: skip
    c.paint("house", facade, c.rectangle(x, ground - h, x + w, ground), 0, 0.15)
    over, rise = w * 0.07, h * c.layout.uniform(0.3, 0.6)
    inset = w * c.layout.choice((0.5, 0.5, 0.2))
    c.paint("roof", m.tiles, c.polygon([(x - over, ground - h), (x + inset, ground - h - rise), (x + w - inset, ground - h - rise), (x + w + over, ground - h)]))  # fmt: skip
    columns, rows = int(c.layout.integers(2, 4)), int(c.layout.integers(1, 3))
    pane = m.tinted(m.pick(c.layout, FILM), 0.12, "smooth")
    frame = m.tinted(m.pick(c.layout, ("f0f0ec", "5a4030", "d0d0d0")), 0.02)
    for i in range(columns):
        for j in range(rows):
            cx, cy = x + w * (i + 0.5) / columns, ground - h * (0.95 - 0.62 * (j + 0.4) / rows)
            a, b = w / columns * 0.28, h / rows * 0.22
            c.paint("window", frame, c.rectangle(cx - a * 1.15, cy - b * 1.15, cx + a * 1.15, cy + b * 1.15))
            c.paint("window", pane, c.rectangle(cx - a, cy - b, cx + a, cy + b), 0, 0.4)
    dx, dw = x + w * c.layout.uniform(0.15, 0.7), w * c.layout.uniform(0.16, 0.24)
    wood = m.wood if c.layout.random() < 0.4 else m.tinted(m.vivid(c.layout) * 0.75, 0.04)
    c.paint("door", wood, c.rectangle(dx, ground - h * 0.42, dx + dw, ground), 0, 0.2)


def car(c: Canvas, x: float, ground: float, w: float) -> None:
    """Side view: body with cabin, windows, two wheels; `w` its length."""
    h, coat = w * 0.22, m.vivid(c.layout)
    paint = m.tinted(coat, 0.06, "smooth")
    y = ground - h * 0.35
    c.darken(c.ellipse(x + w / 2, ground, w * 0.55, h * 0.16), 0.5, 2)
    slope = c.layout.uniform(0.1, 0.2)
    roof = [(x + w * slope, y - h), (x + w * (slope + 0.13), y - h * 1.75), (x + w * 0.68, y - h * 1.75), (x + w * 0.86, y - h)]
    body = [(x, y - h * 0.1), (x + w * 0.02, y - h * 0.9), (x + w * slope, y - h), (x + w * 0.86, y - h), (x + w * 0.99, y - h * 0.75), (x + w, y), (x, y)]  # fmt: skip
    c.paint("car", paint, together([c.polygon(roof), c.polygon(body)]), 0.4, 0.5)
    glass = m.tinted(m.pick(c.layout, FILM), 0.1, "smooth")
    for a, b in ((slope + 0.06, 0.43), (0.46, 0.76)):
        c.paint("window", glass, c.polygon([(x + w * (a + 0.03), y - h * 1.02), (x + w * (a + 0.09), y - h * 1.62), (x + w * (b - 0.07), y - h * 1.62), (x + w * b, y - h * 1.02)]), 0, 0.4)  # fmt: skip
    for cx in (x + w * 0.2, x + w * 0.8):
        wheel(c, cx, ground - h * 0.36, w * c.layout.uniform(0.085, 0.11))


def wheel(c: Canvas, x: float, y: float, r: float) -> None:
    tire, hub = m.pick(c.layout, ("181818", "282828", "202024"), 5), m.pick(c.layout, ("b8bcc0", "8c9094", "d8d8d8"), 8)
    c.paint("wheel", m.tinted(tire, 0.15), c.ellipse(x, y, r, r))
    c.paint("wheel", m.tinted(hub, 0.1), c.ellipse(x, y, r * 0.58, r * 0.58))
    turn = c.layout.uniform(0, 1.2)
    for k in range(5):
        a = turn + k * 2 * np.pi / 5
        c.paint("wheel", m.tinted(tire * 1.6), c.ellipse(x + r * 0.36 * np.cos(a), y + r * 0.36 * np.sin(a), r * 0.11, r * 0.11))


def flower(c: Canvas, x: float, y: float, r: float, stem: float) -> None:
    """Petals about a centre on a stem of length `stem` with leaves."""
    green = m.pick(c.layout, ("3c7a2c", "5a9a40", "2f6a34"))
    if stem > 0:
        c.paint("leaf", m.tinted(green, 0.1), c.rectangle(x - r * 0.09, y, x + r * 0.09, y + stem))
        for s in (-1, 1):
            ly, reach = y + stem * c.layout.uniform(0.4, 0.8), s * r * c.layout.uniform(0.9, 1.5)
            leaf = [(x, ly), (x + reach * 0.5, ly - r * 0.55), (x + reach, ly - r * 0.35), (x + reach * 0.6, ly + r * 0.05)]
            c.paint("leaf", m.tinted(green * c.layout.uniform(0.8, 1.2), 0.15), c.polygon(leaf), 0.4)
    hue, n = m.vivid(c.layout), int(c.layout.integers(5, 11))
    turn = c.layout.uniform(0, 1)
    petals = [c.ellipse(x + r * 0.62 * np.cos(a), y + r * 0.62 * np.sin(a), r * 0.38, r * 0.38)
              for a in (turn + np.arange(n) * 2 * np.pi / n)]  # fmt: skip
    c.paint("flower", m.tinted(hue, 0.14, "pink"), together([*petals, c.ellipse(x, y, r * 0.6, r * 0.6)]), 0.5, 0.3)
    c.paint("flower", m.tinted(m.pick(c.layout, ("f0c820", "6a4020", "f0e8a0", "c88018")), 0.2, "white"), c.ellipse(x, y, r * 0.28, r * 0.28))


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
    c.paint("shirt", shirt, c.polygon([(x - wide, 1.01), (x - wide * 0.8, top + r * 0.35), (x - r * 0.4, top), (x + r * 0.4, top), (x + wide * 0.8, top + r * 0.35), (x + wide, 1.01)]), 0.6, 0.3)  # fmt: skip
    c.paint("face", flesh, c.rectangle(x - r * 0.33, y + r * 0.5, x + r * 0.33, top + r * 0.1), 0.6)
    if style < 0.85:
        c.paint("hair", lock, c.ellipse(x, y - r * 0.25, r * 0.9, r * 0.98), 1.0)
    c.paint("face", flesh, c.ellipse(x, y + r * 0.08, r * 0.74, r * 0.95), 0.8, 0.35)
    if style < 0.7:
        c.paint("hair", lock, c.polygon([(x - r * 0.74, y - r * 0.1), (x - r * 0.6, y - r * 0.85), (x + r * 0.6, y - r * 0.85), (x + r * 0.74, y - r * 0.1), (x + r * c.layout.uniform(-0.3, 0.5), y - r * 0.55)]), 1.0)  # fmt: skip
    iris = m.pick(c.layout, ("3c2818", "4a6a8a", "4a6a4a", "1c1410"), 6)
    for s in (-1, 1):
        ex, ey = x + s * r * 0.3, y + r * 0.02
        c.paint("face", m.tinted(m.pick(c.layout, ("f4f0ec",), 4)), c.ellipse(ex, ey, r * 0.15, r * 0.08))
        c.paint("face", m.tinted(iris), c.ellipse(ex, ey, r * 0.075, r * 0.08))
        c.paint("face", m.tinted(iris * 0.6), c.rectangle(ex - r * 0.17, ey - r * 0.2, ex + r * 0.17, ey - r * 0.15), 0.5)
    c.darken(c.ellipse(x + r * 0.05, y + r * 0.34, r * 0.12, r * 0.06), 0.25, 1.5)
    lip = np.array((170, 70, 70), np.float32) * 0.5 + tone * 0.4
    c.paint("face", m.tinted(lip), c.ellipse(x, y + r * 0.55, r * c.layout.uniform(0.2, 0.32), r * c.layout.uniform(0.05, 0.12)), 0.4)


def fruit(c: Canvas, x: float, y: float, r: float) -> None:
    c.darken(c.ellipse(x + r * 0.2, y + r * 0.9, r * 1.1, r * 0.3), 0.45, 3)
    hue = m.pick(c.layout, ("d83020", "e88020", "a8c030", "e8c830", "8c2040", "68a030", "c84838"))
    c.paint("fruit", shaded(hue), c.ellipse(x, y, r, r * c.layout.uniform(0.85, 1.15)), 0.5)
    c.paint("fruit", m.tinted(np.array((70, 50, 30), np.float32)), c.rectangle(x - r * 0.05, y - r * 1.15, x + r * 0.05, y - r * 0.75))


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


@cache
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    # Pillow carries this face itself, so that scenes do not depend on the fonts of a machine.
    return ImageFont.load_default(size)


def glyph(c: Canvas, text: str, x: float, y: float, size: float, colour: m.Colours) -> None:
    """One character; its box is of its class, as a line of print is to whoever names what is there."""
    label = len(CLASSES) + GLYPHS.index(text)
    big = Image.new("L", (128, 128))
    ImageDraw.Draw(big).text((64, 64), text, fill=255, font=_font(112), anchor="mm")
    bold = max(1, round(2 + 6 * float(c.layout.random())))
    ImageDraw.Draw(big).text((64, 64), text, fill=255, font=_font(112), anchor="mm", stroke_width=bold)
    box = big.getbbox()
    if box is None:
        return
    big = big.crop(box).rotate(float(c.layout.uniform(-9, 9)), Image.Resampling.BILINEAR, expand=True)
    h = max(2, round(size * c.side))
    w = max(2, round(h * big.width / big.height))
    left, top = round(x * c.side - w / 2), round(y * c.side - h / 2)
    stamp = big.resize((w, h))
    # The box gets the label first, with the colours left as they are; then the strokes are painted.
    y0, x0 = max(0, top), max(0, left)
    c.labels[y0 : max(y0, top + h), x0 : max(x0, left + w)] = label
    c.paint(label, m.tinted(colour, 0.04), lambda d: d.bitmap((left, top), stamp, fill=255))

