"""Houses, towers, bridges, fences."""

from __future__ import annotations

import numpy as np
from PIL import ImageDraw

from demo_training.drawings import palette as p
from demo_training.drawings.canvas import Canvas, Draw, together
from demo_training.drawings.textures import construction, land, reflective


def facade(c: Canvas) -> p.Material:
    how = c.layout.random()
    if how < 0.18:
        return construction.brick
    if how < 0.28:
        return construction.wood
    if how < 0.36:
        return land.stone
    base = p.among(c.layout, construction.PLASTER + " c06050 d8c070 88a088 f0f0ec", 16)
    return p.tinted(base, float(c.layout.uniform(0.02, 0.07)), "smooth")


def window(c: Canvas, x0: float, y0: float, x1: float, y1: float, pane: p.Material = reflective.pane) -> None:
    """Frame, glass, bars; a sill or shutters at times."""
    r, w, h = c.layout, x1 - x0, y1 - y0
    frame = p.tinted(p.among(r, "f0f0ec 5a4030 d0d0d0 3a3c40 f8f8f8 6a7a70"), 0.03)
    c.paint("window", frame, c.rectangle(x0 - w * 0.08, y0 - h * 0.06, x1 + w * 0.08, y1 + h * 0.06), 0.2)
    c.paint("window", pane, c.rectangle(x0, y0, x1, y1), 0.2)
    bars: list[Draw] = []
    if r.random() < 0.7:
        bars.append(c.rectangle((x0 + x1) / 2 - w * 0.035, y0, (x0 + x1) / 2 + w * 0.035, y1))
    for t in np.arange(1, n := int(r.integers(1, 4))) / n:
        bars.append(c.rectangle(x0, y0 + h * t - h * 0.02, x1, y0 + h * t + h * 0.02))
    if bars:
        c.paint("window", frame, together(*bars), 0.2)


def house(c: Canvas, x: float, ground: float, w: float, h: float) -> None:
    """Facade with roof, windows, a door; `w`, `h` the facade's size, `x` its left."""
    r = c.layout
    c.paint("house", facade(c), c.rectangle(x, ground - h, x + w, ground), 0.3, float(r.uniform(0, 0.3)))
    if r.random() < 0.4:  # the side that the light does not reach
        s = r.uniform(0.2, 0.5)
        c.darken(c.rectangle(x + w * (1 - s), ground - h, x + w, ground), float(r.uniform(0.2, 0.5)), 0.5)
    over, rise = w * 0.07, h * r.uniform(0.25, 0.6)
    inset = w * r.choice((0.5, 0.5, 0.2, 0.02))
    roof = [
        (x - over, ground - h),
        (x + inset, ground - h - rise),
        (x + w - inset, ground - h - rise),
        (x + w + over, ground - h),
    ]
    if r.random() < 0.12:  # curved eaves
        sag = rise * 0.35
        roof = [(x - over * 2.5, ground - h - sag * 0.6), (x + w * 0.15, ground - h - sag * 0.5),
                (x + w * 0.3, ground - h - rise),
                (x + w * 0.7, ground - h - rise), (x + w * 0.85, ground - h - sag * 0.5),
                        (x + w + over * 2.5, ground - h - sag * 0.6),
                (x + w, ground - h), (x, ground - h)]  # fmt: skip
    c.paint("roof", construction.tiles, c.polygon(roof), 0.3, 0.2)
    c.darken(c.rectangle(x, ground - h, x + w, ground - h * 0.93), 0.45, 1)
    if r.random() < 0.3:
        cx = x + w * r.uniform(0.25, 0.7)
        c.paint(
            "brick",
            construction.brick,
            c.rectangle(cx, ground - h - rise * 1.25, cx + w * 0.08, ground - h - rise * 0.5),
            0.2,
        )
    if r.random() < 0.25:  # a temple's or palace's front
        _columns(c, x, ground, w, h)
        return
    columns, rows = int(r.integers(1, 4)), int(r.integers(1, 4))
    keep = r.integers(0, 2**31)
    for i in range(columns):
        for j in range(rows):
            cx, cy = x + w * (i + 0.5) / columns, ground - h * (0.93 - 0.62 * (j + 0.4) / rows)
            a, b = w / columns * 0.24, h / rows * 0.21
            if (keep >> (i * 4 + j)) % 8:
                window(c, cx - a, cy - b, cx + a, cy + b)
    dx, dw = x + w * r.uniform(0.1, 0.7), w * r.uniform(0.14, 0.24)
    door(c, dx, ground - h * r.uniform(0.34, 0.44), dx + dw, ground)


def _columns(c: Canvas, x: float, ground: float, w: float, h: float) -> None:
    """Columns under a beam, dark openings between them, ornament above."""
    r, n = c.layout, int(c.layout.integers(3, 8))
    step, colour = w / n, p.among(c.layout, "b03028 e8e0d0 c8b898 8a3020 f0ece4 a89880 407860")
    dark = [c.rectangle(x + step * (i + 0.28), ground - h * 0.72, x + step * (i + 0.72), ground) for i in range(n)]
    arched = [c.ellipse(x + step * (i + 0.5), ground - h * 0.72, step * 0.22, h * 0.1) for i in range(n)]
    c.paint("house", p.tinted(p.among(r, "201a18 302420 3a3430"), 0.2),
            together(*dark, *arched[: n if r.random() < 0.5 else 0]), 0.4)  # fmt: skip
    posts = [c.rectangle(x + step * i - step * 0.1, ground - h * 0.78, x + step * i + step * 0.1, ground)
            for i in range(n + 1)]  # fmt: skip
    c.paint("house", p.tinted(colour, 0.06, "down"), together(*posts), 0.4, 0, 0.4)
    beam = p.tinted(p.among(r, "305a48 284a78 c8a040 e0d8c8 8a3020"), 0.08)
    c.paint("house", beam, c.rectangle(x - w * 0.02, ground - h * 0.9, x + w * 1.02, ground - h * 0.78), 0.3, 0, 0.3)
    teeth = [c.rectangle(x + w * k / 24, ground - h * 0.87, x + w * (k + 0.5) / 24, ground - h * 0.81)
            for k in range(24)]  # fmt: skip
    c.paint("house", p.tinted(p.among(r, "e8c060 f0e8d8 402820"), 0.06), together(*teeth), 0.3)


def door(c: Canvas, x0: float, y0: float, x1: float, y1: float) -> None:
    """Leaf with panels and a handle in a frame."""
    r, w, h = c.layout, x1 - x0, y1 - y0
    colour = p.vivid(r) * 0.8
    leaf = construction.wood if r.random() < 0.45 else p.tinted(colour, 0.04)
    frame = p.tinted(p.among(r, "f0f0ec 8a8078 5a4030 c8c0b0"), 0.04)
    c.paint("door", frame, c.rectangle(x0 - w * 0.1, y0 - h * 0.05, x1 + w * 0.1, y1), 0.2)
    c.paint("door", leaf, c.rectangle(x0, y0, x1, y1), 0.2, 0.15)
    columns, rows = int(r.integers(1, 3)), int(r.integers(1, 4))
    panels: list[Draw] = []
    for i in range(columns):
        for j in range(rows):
            px, py = x0 + w * (i + 0.15) / columns, y0 + h * (j + 0.12) / rows
            panels.append(c.rectangle(px, py, px + w * 0.7 / columns, py + h * 0.76 / rows))
    c.darken(together(*panels), 0.22, 0.4)
    knob = p.tinted(p.among(r, "d8c080 c8c8c8 302c28"), 0.1)
    c.paint("door", knob, c.ellipse(x0 + w * 0.86, y0 + h * 0.54, w * 0.045, w * 0.045), 0.2, 0, 0, 0.6)


def tower(c: Canvas, x: float, ground: float, w: float, h: float) -> None:
    """A block of glass or stone with rows of windows, a spire, a lighthouse; taller than it is wide."""
    r, how = c.layout, c.layout.random()
    taper = w * r.uniform(0, 0.25) if how > 0.5 else 0.0
    outline = [(x, ground), (x + taper, ground - h), (x + w - taper, ground - h), (x + w, ground)]
    wall, rows = facade(c), int(np.clip(h / r.uniform(0.025, 0.06), 4, 30))
    columns = int(np.clip(w / r.uniform(0.025, 0.05), 2, 12))
    body = wall if how > 0.25 else reflective.pane
    c.paint("tower", body, c.polygon(outline), 0.3, float(r.uniform(0, 0.4)), 0.35 if how > 0.75 else 0)

    def panes(d: ImageDraw.ImageDraw) -> None:
        fill_x, fill_y = 0.62, 0.55
        for i in range(columns):
            for j in range(rows):
                px, py = x + taper + (w - 2 * taper) * (i + 0.2) / columns, ground - h + h * (j + 0.2) / rows
                c.rectangle(px, py, px + (w - 2 * taper) * fill_x / columns, py + h * fill_y / rows)(d)

    if how < 0.65:
        c.paint(
            "tower", reflective.pane if how > 0.25 else p.tinted(p.among(r, "c8ccd0 a8b0b8 404850"), 0.05), panes, 0.2
        )
    else:
        for j in range(int(r.integers(1, 4))):
            py = ground - h * (0.25 + 0.22 * j)
            c.paint(
                "tower", p.tinted(p.rgb("202428"), 0.2), c.rectangle(x + w * 0.42, py, x + w * 0.58, py + h * 0.05), 0.3
            )
    if how > 0.5:  # a spire or cap
        rise = h * r.uniform(0.08, 0.35)
        cap = c.polygon(
            [(x + taper - w * 0.05, ground - h), (x + w / 2, ground - h - rise), (x + w - taper + w * 0.05, ground - h)]
        )
        c.paint("tower", construction.tiles if r.random() < 0.5 else reflective.metal, cap, 0.3, 0.4)
    elif r.random() < 0.4:
        mast = c.line([(x + w / 2, ground - h), (x + w / 2, ground - h * 1.2)], w * 0.04)
        c.paint("tower", p.tinted(p.rgb("606468")), mast, 0.3)


def bridge(c: Canvas, deck: float, thick: float, foot: float) -> None:
    """A deck at height `deck` across the view: on arches, piers, or hung from cables."""
    r, how = c.layout, c.layout.random()
    material = (
        land.stone
        if how < 0.4
        else construction.brick
        if how < 0.5
        else p.tinted(p.among(r, "808488 a04030 6a7078 b8b4a8"), 0.07)
    )
    tilt, n = float(r.normal(0, 0.03)), int(r.integers(1, 5))
    start = float(r.uniform(-0.2, 0))
    if how < 0.55:
        c_x = [(start + (i + 0.5) * 1.3 / n) for i in range(n)]
        half = 0.65 / n * r.uniform(0.7, 0.88)

        def draw(d: ImageDraw.ImageDraw) -> None:
            c.polygon([(-0.01, deck - tilt), (1.01, deck + tilt), (1.01, foot), (-0.01, foot)])(d)
            for x in c_x:
                top = deck + thick
                tall = foot - top
                s = c.side
                d.rectangle([(x - half) * s, (top + tall * 0.55) * s, (x + half) * s, (foot + 0.02) * s], fill=0)
                d.ellipse([(x - half) * s, top * s, (x + half) * s, (top + tall * 1.1) * s], fill=0)

        c.paint("bridge", material, draw, 0.4, 0.15)
    else:
        parts = [
            c.polygon(
                [(-0.01, deck - tilt), (1.01, deck + tilt), (1.01, deck + tilt + thick), (-0.01, deck - tilt + thick)]
            )
        ]
        high = deck - r.uniform(0.15, 0.35)
        for x in (0.22 + start, 0.85 + start):
            parts.append(c.rectangle(x - 0.02, high, x + 0.02, foot))
            for k in range(1, 9):
                parts += [c.line([(x, high + 0.01), (x + s * k * 0.045, deck)], 0.004) for s in (-1, 1)]
        c.paint("bridge", material, together(*parts), 0.3, 0.1)
    rail = [c.rectangle(i / 30, deck - thick * 0.6, i / 30 + 0.006, deck) for i in range(31)]
    rail.append(c.polygon([(-0.01, deck - tilt - thick * 0.7), (1.01, deck + tilt - thick * 0.7),
            (1.01, deck + tilt - thick * 0.5),
                           (-0.01, deck - tilt - thick * 0.5)]))  # fmt: skip
    c.paint("bridge", p.tinted(p.among(r, "404448 b0aca0 6a5040"), 0.1), together(*rail), 0.3)


def fence(c: Canvas, top: float, bottom: float, step: float) -> None:
    """Pickets, iron bars, rails or wire across the view, in front of what is behind."""
    r, how = c.layout, c.layout.random()
    tilt = float(r.normal(0, 0.04))
    parts: list[Draw] = []

    def at(x: float) -> float:
        return tilt * (x - 0.5)

    wide = step * (0.62 if how < 0.45 else 0.18)
    if how < 0.8:
        for i in range(int(1.1 / step) + 1):
            x = i * step
            t, b = top + at(x), bottom + at(x)
            parts.append(
                c.polygon([(x, b), (x, t + wide * 0.5), (x + wide / 2, t), (x + wide, t + wide * 0.5), (x + wide, b)])
            )
    else:
        parts += [c.rectangle(x, top, x + 0.025, bottom) for x in (0.05, 0.33, 0.61, 0.89)]
    thick = (bottom - top) * (0.07 if how < 0.8 else 0.1)
    for t in (0.2, 0.72) if how < 0.8 else (0.1, 0.4, 0.7):
        y = top + (bottom - top) * t
        parts.append(
            c.polygon([(-0.01, y + at(0)), (1.01, y + at(1)), (1.01, y + at(1) + thick), (-0.01, y + at(0) + thick)])
        )
    white = p.tinted(p.among(r, "f0f0ec 303438 6a7a70 8a5a38 e8e0d0"), 0.08)
    c.paint("fence", construction.wood if how < 0.3 or how > 0.9 else white, together(*parts), 0.4, 0.1)
