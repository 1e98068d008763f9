"""Fabrics and the like: folds and weave, patterns, curtains, carpets, knit, leather, wicker."""

from __future__ import annotations

import numpy as np

from demo_training.drawings.light import relief
from demo_training.drawings.noise import Field, Rng, laid, plane, resized, sample, warped
from demo_training.drawings.palette import Colours, Material, among, grid, lit, log_uniform, mix, plain, vivid
from demo_training.drawings.piles import cut


def apart(rng: Rng, one: Colours, least: float = 110) -> Colours:
    """A clear colour far enough from another to be seen on it."""
    two = vivid(rng)
    for _ in range(20):
        if np.abs(one - two).sum() >= least:
            break
        two = vivid(rng)
    return two


def folds(rng: Rng, h: int, w: int, unit: float) -> Field:
    """Soft creases that run in one direction and meet; shade with deviation about 1."""
    zoom = unit * log_uniform(rng, 0.8, 2.2)
    run = warped(rng, "locks", h, w, zoom * 1.5, float(rng.uniform(0, 3.1)), 0.7)
    soft = sample(rng, "broad", h, w, unit * rng.uniform(0.4, 1)) + 0.35 * sample(rng, "smooth", h, w, zoom)
    out: Field = 0.6 * relief(rng, soft + 0.12 * run, 2) + 0.5 * soft
    return out


def _weave(rng: Rng, h: int, w: int, unit: float) -> Field:
    y, x = grid(h, w, unit)
    how, fine = rng.random(), rng.uniform(1.2, 3.2)
    if how < 0.4:
        return np.asarray(np.sin(y * fine) * np.sin(x * fine), np.float32)
    if how < 0.6:
        return np.asarray(np.sin((x + y) * fine * 0.8), np.float32)
    if how < 0.75:  # corduroy, ribs
        return np.asarray(np.sin(x * rng.uniform(0.7, 1.5)) + 0 * y, np.float32)
    return (0.6 * sample(rng, "across", h, w, unit) + 0.6 * sample(rng, "down", h, w, unit)).astype(np.float32)


def cloth(rng: Rng, h: int, w: int, unit: float) -> Colours:
    base = vivid(rng)
    out = plain(base, h, w)
    y, x = grid(h, w, unit)
    how = rng.random()
    if how < 0.18:  # tartan
        period, other = log_uniform(rng, 10, 50), vivid(rng)
        bars = (y % period < period * 0.4).astype(np.float32) + (x % period < period * 0.4)
        out = mix(out, other, (bars * 0.4).astype(np.float32))
    elif how < 0.3:  # printed all over
        print_ = cut(rng, "florets" if rng.random() < 0.6 else "leaves", h, w, unit * log_uniform(rng, 0.6, 2))
        out = mix(out, apart(rng, base), ((print_.tone > 0.5) & (print_.gap < 0.6)).astype(np.float32))
    elif how < 0.4:  # denim
        out = plain(among(rng, "2a3c60 3c5480 1c2840 5c7498 8098b8", 6), h, w)
    out = lit(out, folds(rng, h, w, unit), float(rng.uniform(0.06, 0.2)))
    out = lit(out, _weave(rng, h, w, unit), float(rng.uniform(0.02, 0.11)))
    return lit(out, sample(rng, "pink", h, w, unit), float(rng.uniform(0.01, 0.05)))


def silk(base: Colours) -> Material:
    """Smooth cloth of one colour with folds and sheen: shirts, flags, suits."""

    def material(rng: Rng, h: int, w: int, unit: float) -> Colours:
        shade = folds(rng, h, w, unit)
        out = lit(plain(base, h, w), shade, float(rng.uniform(0.08, 0.2)))
        out = lit(out, _weave(rng, h, w, unit), float(rng.uniform(0, 0.05)))
        return mix(out, base * 0.4 + 150, np.clip((shade - 1.2) * rng.uniform(0, 0.4), 0, 0.6))

    return material


def curtain(rng: Rng, h: int, w: int, unit: float) -> Colours:
    """Hanging cloth: upright folds, wider and narrower, a little light shining through."""
    _, x = grid(h, w, unit)
    phase = (
        x * rng.uniform(0.05, 0.2)
        + 1.2 * sample(rng, "broad", h, w, unit)
        + 0.8 * resized(sample(rng, "smooth", 4, w, unit)[:1], h, w)
    )
    wave = np.sin(phase) + 0.4 * np.sin(2.3 * phase + 1) + 0.12 * sample(rng, "down", h, w, unit * 2)
    base = vivid(rng)
    out = plain(base, h, w)
    out = lit(out, wave.astype(np.float32), float(rng.uniform(0.14, 0.32)))
    return lit(out, _weave(rng, h, w, unit), 0.03)


def carpet(rng: Rng, h: int, w: int, unit: float) -> Colours:
    """Tufts, and an ornament mirrored both ways in bands and lozenges, lying on a floor or hung."""
    if rng.random() < 0.5:
        u, v, scale = plane(rng, h, w, unit, log_uniform(rng, 1.5, 4))
    else:
        y, x = grid(h, w, unit)
        u, v = np.broadcast_to(x, (h, w)), np.broadcast_to(y, (h, w))
        scale = np.ones((h, 1), np.float32)
    base = among(rng, "8c2430 7a2c28 28406a a08060 5a2838 c0a888 3c5048 a04828 c8b8a0 484048")
    out = plain(base, h, w)
    if rng.random() < 0.75:
        size = rng.uniform(24, 60)
        a, b = np.abs((u / size) % 1 - 0.5) * 2, np.abs((v / size) % 1 - 0.5) * 2
        stepped_a, stepped_b = np.floor(a * 10) / 10, np.floor(b * 10) / 10
        for _ in range(3):
            k, q, m = rng.uniform(1, 3.5), rng.uniform(1, 3.5), rng.uniform(0, 3)
            figure = np.sin(stepped_a * k * 3.1 + stepped_b * q * 3.1 + m) * np.cos(
                stepped_a * q * 4 - stepped_b * k * 4
            )
            out = mix(out, among(rng, "c8b088 e8dcc0 1c2844 8c2430 c07830 3a5a50 201c20 d8c8a8"),
                      (figure > rng.uniform(0.3, 0.6)).astype(np.float32))  # fmt: skip
    tufts = laid(rng, "white", u, v, scale) + 0.7 * laid(rng, "pink", u, v, scale)
    out = lit(out, tufts, float(rng.uniform(0.06, 0.16)))
    return lit(out, sample(rng, "broad", h, w, unit), 0.08)


def wool(rng: Rng, h: int, w: int, unit: float) -> Colours:
    """Knit: columns of V-shaped stitches, fuzzy, sometimes cabled or in two colours; or a ball of yarn."""
    y, x = grid(h, w, unit)
    size = log_uniform(rng, 5, 18)
    base = vivid(rng)
    if rng.random() < 0.25:  # yarn wound in strands
        strands = np.sin(
            warped(rng, "broad", h, w, unit * 1.5, float(rng.uniform(0, 3)), 0.5) * 14 + (x + 0.6 * y) * 0.8
        )
        out = lit(plain(base, h, w), strands.astype(np.float32), 0.25)
        return lit(out, sample(rng, "pink", h, w, unit), 0.12)
    wander = 0.12 * size * sample(rng, "smooth", h, w, unit)
    a = (x + wander) / size
    side = np.abs(a % 1 - 0.5) * 2
    b = (y + wander) / size * 1.25 + side * 0.75
    stitch = np.maximum(0, np.sin(np.pi * np.clip(side * 1.05, 0, 1))) ** 0.7 * (
        0.35 + 0.65 * np.abs(np.sin(np.pi * (b % 1))) ** 0.6
    )
    out = plain(base, h, w)
    if rng.random() < 0.35:
        rows, columns = np.floor(b).astype(np.int64), np.floor(a).astype(np.int64)
        period = int(rng.integers(4, 12))
        figure = (np.abs((columns % period) - period / 2) + rows % period) % 5 < 2
        out = mix(out, apart(rng, base), figure.astype(np.float32))
    out = lit(out, (stitch - 0.62).astype(np.float32), float(rng.uniform(0.7, 1.2)))
    out = lit(out, folds(rng, h, w, unit), 0.07)
    return lit(out, sample(rng, "pink", h, w, unit), float(rng.uniform(0.05, 0.12)))


def leather(rng: Rng, h: int, w: int, unit: float) -> Colours:
    """Fine cells between wrinkles, a dull gloss on swollen parts, seams with stitches."""
    base = among(rng, "6a3c22 8a5430 4a2a1c 1c1816 a06a3c 2a2422 c08850 782820 d8c4a8 3c3028")
    zoom = unit * log_uniform(rng, 0.12, 0.4) * 2.2
    cells = cut(rng, "cells", h, w, max(0.48, zoom))
    swell = sample(rng, "broad", h, w, unit * rng.uniform(0.5, 1)) + 0.15 * sample(rng, "smooth", h, w, unit)
    out = lit(plain(base, h, w), cells.light, float(rng.uniform(0.06, 0.2)))
    out = lit(out, 0.3 * cells.tone - cells.gap, float(rng.uniform(0.1, 0.3)))
    shade = relief(rng, swell, 2.4)
    out = lit(out, shade, float(rng.uniform(0.1, 0.22)))
    out = mix(out, base * 0.5 + 140, np.clip((shade - 0.9) * rng.uniform(0.1, 0.45), 0, 0.7))
    if rng.random() < 0.4:
        y, x = grid(h, w, unit)
        line = x * np.cos(a := float(rng.uniform(0, 3.1))) + y * np.sin(a)
        along = y * np.cos(a) - x * np.sin(a)
        at = line - rng.uniform(0.3, 0.7) * float(line.max())
        out = lit(out, np.exp(-((at / 2) ** 2)).astype(np.float32), -0.5)
        thread = (np.abs(at - 5) < 1.0) & (along % 7 < 4.5)
        out[thread] = among(rng, "e0d0b0 201c18 a08050")
    return out


def basket(rng: Rng, h: int, w: int, unit: float) -> Colours:
    """Canes woven over and under stakes."""
    y, x = grid(h, w, unit)
    size = log_uniform(rng, 5, 16)
    wander = 0.1 * size * sample(rng, "smooth", h, w, unit)
    a, b = (x + wander) / (size * rng.uniform(1.2, 2.4)), (y + wander) / size
    row, column = np.floor(b).astype(np.int64), np.floor(a).astype(np.int64)
    over = (row + column) % 2 == 0
    across = np.sin(np.pi * (b % 1)) * (0.45 + 0.55 * np.sin(np.pi * (a % 1)))
    up = np.sin(np.pi * (a % 1)) * (0.3 + 0.5 * np.sin(np.pi * (b % 1)))
    height = np.where(over, across, up * 0.7).astype(np.float32)
    base = among(rng, "c09858 a87840 d8b880 8a5c30 e0c898 704828 b88c58")
    streak = np.where(over, sample(rng, "hairs", h, w, unit), sample(rng, "down", h, w, unit)).astype(np.float32)
    out = lit(plain(base, h, w), height - 0.55, float(rng.uniform(0.7, 1.1)))
    return lit(out, streak + 3 * (row % 5 == 0) * 0.05, 0.1)


def pattern(name: str, one: Colours, two: Colours, period: float, turn: float) -> Material:
    """Stripes, dots or checks, as print on paper, as cloth with folds, or as a painted wall in its light."""

    def material(rng: Rng, h: int, w: int, unit: float) -> Colours:
        y, x = grid(h, w, unit)
        bend = sample(rng, "broad", h, w, unit) * rng.uniform(0, 0.25) * rng.integers(0, 2) * period
        x2, y2 = x + bend, y + 0.6 * bend
        u, v = (x2 * np.cos(turn) + y2 * np.sin(turn)) / period, (y2 * np.cos(turn) - x2 * np.sin(turn)) / period
        share = rng.uniform(0.35, 0.6)
        if name == "stripes":
            d = np.abs(u % 1 - 0.5) - share / 2
        elif name == "checks":
            d = np.sin(np.pi * u) * np.sin(np.pi * v) * 0.3
        else:
            d = np.hypot(u % 1 - 0.5, (v + 0.5 * (np.floor(u) % 2)) % 1 - 0.5) - rng.uniform(0.22, 0.36)
        on = np.clip(d * period * unit + 0.5, 0, 1).astype(np.float32)
        out = mix(plain(one, h, w), two, on)
        if rng.random() < 0.6:
            out = lit(out, folds(rng, h, w, unit), float(rng.uniform(0.03, 0.16)))
            out = lit(out, _weave(rng, h, w, unit), float(rng.uniform(0, 0.06)))
        return lit(out, sample(rng, "pink", h, w, unit), float(rng.uniform(0.01, 0.05)))

    return material
