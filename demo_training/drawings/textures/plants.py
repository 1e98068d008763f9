"""Leaves near and far, bark, masses of flowers."""

from __future__ import annotations

import numpy as np

from demo_training.drawings.light import relief
from demo_training.drawings.noise import Rng, sample, warped
from demo_training.drawings.palette import Colours, Material, among, grid, hue, lit, log_uniform, mix, vivid
from demo_training.drawings.piles import cut

GREENS = "5a9036 79a848 4a7c3c 8fb058 3f7a50 2f5a2c 6a8c4c 98a850 3c6a3a 527848"


def _green(rng: Rng) -> Colours:
    return among(rng, "c8702c d8a030 b84824 a83828 c09048" if rng.random() < 0.14 else GREENS)


def foliage(rng: Rng, h: int, w: int, unit: float) -> Colours:
    """A crown or hedge: leaves too small to tell apart, in lumps with lit tops and dark gaps."""
    bright = _green(rng)
    deep = bright * rng.uniform(0.12, 0.4)
    if rng.random() < 0.5:
        pile = cut(rng, "leaves", h, w, unit * log_uniform(rng, 0.48, 0.8))
        fine = pile.light * 0.7 + (pile.tone - 1.4 * pile.gap) * 0.9
    else:
        fine = 0.6 * sample(rng, "pink", h, w, unit) + 0.6 * sample(rng, "blobs", h, w, unit * rng.uniform(0.4, 1))
    lumps = sample(rng, "smooth", h, w, unit * rng.uniform(0.4, 1.1))
    share = 0.45 + 0.33 * fine + 0.3 * lumps + 0.12 * relief(rng, lumps)
    out = mix(deep, bright, share.astype(np.float32))
    out = mix(out, bright * 1.35 + 20, np.clip((share - 0.95) * 1.2, 0, 1))
    if rng.random() < 0.2:  # the sky between the leaves
        holes = np.clip((0.3 * fine - lumps - rng.uniform(1.1, 1.8)) * 4, 0, 1)
        out = mix(out, among(rng, "e8f0f8 c0d8f0 f4f4ec", 6), holes.astype(np.float32))
    return out


def needles(rng: Rng, h: int, w: int, unit: float) -> Colours:
    """Firs: dark, in drooping layers."""
    bright = among(rng, "3c5a40 2f4c34 48684c 56704a 2c4440")
    droop = 0.6 * sample(rng, "across", h, w, unit) + 0.6 * sample(rng, "pink", h, w, unit)
    return mix(bright * 0.25, bright * 1.2, (0.5 + 0.35 * droop).astype(np.float32))


def leaves(rng: Rng, h: int, w: int, unit: float) -> Colours:
    """Leaves from near, each with its rib and its own green, some in the shade of others."""
    pile = cut(rng, "leaves", h, w, unit * log_uniform(rng, 0.9, 4))
    a = _green(rng)
    out = mix(a * rng.uniform(0.55, 0.9), a * 1.15, pile.tone)
    out = lit(out, pile.light, float(rng.uniform(0.15, 0.45)))
    out = lit(out, 0.3 - pile.gap, float(rng.uniform(0.7, 1.1)))
    out = mix(out, np.full(3, 240, np.float32), pile.shine * rng.uniform(0, 0.35))
    return lit(out, sample(rng, "pink", h, w, unit), 0.05)


def blade(rng: Rng, h: int, w: int, unit: float) -> Colours:
    """The inside of one leaf: a midrib, side veins, a wavering surface."""
    y, x = grid(h, w, 1.0)
    a = rng.uniform(0, 6.3)
    u, v = (x - w / 2) * np.cos(a) + (y - h / 2) * np.sin(a), (y - h / 2) * np.cos(a) - (x - w / 2) * np.sin(a)
    reach = max(h, w) / 2
    bend = v + 0.1 * u**2 / reach
    veins = np.cos((u - 0.7 * np.abs(bend)) / reach * rng.uniform(18, 34)) ** 8
    rib = np.clip(1 - np.abs(bend) / (0.035 * reach + 0.5), 0, 1)
    base = _green(rng)
    out = lit(np.broadcast_to(base, (h, w, 3)), sample(rng, "smooth", h, w, unit * 0.6), 0.1)
    out = lit(out, relief(rng, sample(rng, "smooth", h, w, unit) + 0.5 * veins.astype(np.float32)), 0.07)
    return mix(out, base * 0.5 + np.array((110, 120, 70), np.float32), (0.35 * veins + 0.8 * rib).astype(np.float32))


def blossom(rng: Rng, h: int, w: int, unit: float) -> Colours:
    """Many flowers, seen as a bed or a meadow, with green between them."""
    pile = cut(rng, "florets", h, w, unit * log_uniform(rng, 0.5, 2.4))
    a = petal_colour(rng)
    b = petal_colour(rng) if rng.random() < 0.4 else a * 0.85
    out = lit(mix(a, b, pile.tone), pile.light, 0.3)
    green = lit(np.broadcast_to(_green(rng) * 0.6, (h, w, 3)), sample(rng, "pink", h, w, unit), 0.25)
    out = mix(out, green, np.clip((pile.gap - rng.uniform(0.45, 0.85)) * 6, 0, 1))
    return lit(out, 0.3 - pile.gap, 0.6)


def petal_colour(rng: Rng) -> Colours:
    if rng.random() < 0.35:
        return among(rng, "f8f6f0 f4e8ec fff4c8")
    c = hue(rng, 0.74, 1.17, (0.35, 0.95), (0.65, 1)) if rng.random() < 0.85 else vivid(rng)
    return c


def petal(base: Colours, n: int, turn: float) -> Material:
    """Rows of petals about a centre: shade falls into the heart and between neighbours."""

    def material(rng: Rng, h: int, w: int, unit: float) -> Colours:
        y, x = np.linspace(-1, 1, h, dtype=np.float32)[:, None], np.linspace(-1, 1, w, dtype=np.float32)[None]
        d, a = np.hypot(y, x), np.arctan2(y, x) - turn
        between = np.abs(np.cos(a * n / 2))
        streak = sample(rng, "pink", h, w, unit) * 0.05 + 0.05 * np.cos(a * n * 5)
        shade = 0.62 + 0.42 * np.clip(d, 0, 1) + 0.28 * (between - 0.6) + streak
        inner = np.clip(1 - d * rng.uniform(1.5, 3), 0, 0.8)
        out = lit(np.broadcast_to(base, (h, w, 3)), (shade - 1).astype(np.float32))
        return mix(out, petal_colour(rng), inner.astype(np.float32))

    return material


def bark(rng: Rng, h: int, w: int, unit: float) -> Colours:
    """Furrows along the trunk, plates between them; smooth and banded on birches."""
    zoom = unit * log_uniform(rng, 0.7, 2.4)
    if rng.random() < 0.15:
        base = among(rng, "d8d4cc c4bcb0 e4e0d8")
        marks = np.clip(sample(rng, "across", h, w, zoom) * 1.2 - rng.uniform(1, 1.6), 0, 1)
        out = lit(np.broadcast_to(base, (h, w, 3)), sample(rng, "pink", h, w, zoom), 0.08)
        return mix(out, among(rng, "302824 4a403a"), marks)
    tilt = np.pi / 2 + float(rng.normal(0, 0.1))
    ridge = np.abs(warped(rng, "locks", h, w, zoom, tilt, 0.25))
    fine = warped(rng, "hairs", h, w, zoom, tilt, 0.2) * 0.3 + 0.4 * sample(rng, "pink", h, w, zoom)
    base = among(rng, "6a5240 54402f 7c6450 8a7866 463830 94806a 706458")
    out = lit(np.broadcast_to(base, (h, w, 3)), (np.minimum(ridge, 1.4) - 0.8).astype(np.float32), 0.5)
    out = lit(out, relief(rng, ridge + 0.25 * fine), float(rng.uniform(0.12, 0.25)))
    out = lit(out, fine, 0.16)
    if rng.random() < 0.3:
        moss = np.clip(sample(rng, "smooth", h, w, unit) + fine - 0.8, 0, 0.8)
        out = mix(out, among(rng, "6a7a3a 8a9a58 54683a"), moss)
    return out
