"""Reflective surfaces: metal, glass, and glazed things."""

from __future__ import annotations

import numpy as np

from demo_training.drawings.noise import Rng, sample
from demo_training.drawings.palette import Colours, Material, among, grid, lit, log_uniform, mix, plain, vivid


def _surroundings(rng: Rng) -> Colours:
    """A room or street as a mirror shows it, from below to above: `[64, 3]`, with hard edges and lights."""
    low, mid, high = rng.uniform(0.05, 0.35), rng.uniform(0.3, 0.7), rng.uniform(0.75, 1.1)
    t = np.linspace(0, 1, 64, dtype=np.float32)
    e = rng.uniform(0.3, 0.6)
    bright = np.where(t < e, low + (mid - low) * t / e * 0.5, mid + (high - mid) * (t - e) / (1 - e))
    for _ in range(int(rng.integers(1, 4))):
        bright += rng.uniform(-0.5, 0.7) * (np.abs(t - rng.random()) < rng.uniform(0.02, 0.07))
    tint = np.array((1, 1, 1)) + (t[:, None] - 0.5) * np.array((-0.06, 0, 0.1)) * rng.uniform(0, 2)
    return np.asarray(bright[:, None] * tint, np.float32)


def metal(rng: Rng, h: int, w: int, unit: float) -> Colours:
    """Brushed, polished and dented, corrugated, rivetted, or rusting."""
    base = among(rng, "c8ccd0 d8d8d4 b0b4b8 e0c078 d09060 98a0a8 e8e8e8 8c9094")
    y, x = grid(h, w, unit)
    how = rng.random()
    if how < 0.3:
        a = float(rng.uniform(0, 3.1))
        sweep = np.cos((x * np.cos(a) + y * np.sin(a)) * rng.uniform(0.015, 0.06) + rng.uniform(0, 6))
        brushed = sample(rng, "hairs", h, w, unit) if rng.random() < 0.5 else sample(rng, "down", h, w, unit)
        out = lit(plain(base, h, w) * 0.75, (0.35 * sweep + rng.uniform(0.04, 0.12) * brushed).astype(np.float32))
    elif how < 0.7:  # polished
        bumps = sample(rng, "broad", h, w, unit * rng.uniform(0.3, 0.9)) + 0.04 * sample(rng, "smooth", h, w, unit)
        tilt = 0.5 + 0.2 * bumps + (y - h / unit / 2) * rng.uniform(-0.003, 0.003)
        at = np.clip(tilt * 63, 0, 63).astype(np.int32)
        out = _surroundings(rng)[at] * base
    else:  # corrugated, or plates
        period = log_uniform(rng, 5, 40)
        along = x if rng.random() < 0.6 else y
        ridge = np.cos(along * 2 * np.pi / period) + 0 * (x + y)
        out = lit(plain(base, h, w) * 0.7, ridge.astype(np.float32), float(rng.uniform(0.1, 0.3)))
        out = lit(out, sample(rng, "pink", h, w, unit), 0.05)
    if rng.random() < 0.3:
        stain = sample(rng, "smooth", h, w, unit) + 0.5 * sample(rng, "pink", h, w, unit)
        rust = np.clip(stain * rng.uniform(0.5, 1.5) - rng.uniform(0, 1.4), 0, 0.95)
        out = mix(out, among(rng, "8a4a28 a05c30 6a3a24 b87040"), rust)
        out = lit(out, sample(rng, "pink", h, w, unit), 0.07)
    return out.astype(np.float32)


def lacquer(base: Colours) -> Material:
    """Glossy paint, as on a car: sky above, ground below, a hard line between them."""

    def material(rng: Rng, h: int, w: int, unit: float) -> Colours:
        t = np.linspace(0, 1, h, dtype=np.float32)[:, None] + 0.06 * sample(rng, "broad", h, w, unit)
        line = rng.uniform(0.3, 0.6)
        shine = np.where(t < line, 0.45 * (1 - t / line) + 0.1, 0.0)
        out = lit(plain(base, h, w), np.where(t < line, 0.1, -0.25 + 0.3 * (t - line)).astype(np.float32))
        return mix(out, among(rng, "d8e4f0 f0f0f0 a8c0d8"), (shine * rng.uniform(0.3, 1)).astype(np.float32))

    return material


def pane(rng: Rng, h: int, w: int, unit: float) -> Colours:
    """Window glass from outside: dark rooms, sky and trees mirrored in it, a curtain behind."""
    t = np.linspace(0, 1, h, dtype=np.float32)[:, None]
    dark = among(rng, "2c3a4c 18222e 202830 384450 141818 4a5664 34302c")
    how = rng.random()
    out = plain(dark, h, w)
    if how < 0.5:
        skyline = 0.35 + 0.25 * sample(rng, "smooth", h, w, unit) + rng.uniform(-0.2, 0.4)
        bright = among(rng, "88a8c8 c0d4e4 a8c4dc e0e8ec 7090b0 d8d0c0")
        out = mix(out, bright, np.clip((skyline - t) * 5, 0, rng.uniform(0.4, 0.95)))
    elif how < 0.7:
        drape = 0.5 + 0.3 * sample(rng, "down", h, w, unit)
        out = mix(out, among(rng, "e8e4dc d0c8b8 f0e8d8"), (drape * rng.uniform(0.4, 0.9)).astype(np.float32))
    elif how < 0.85:  # seen from inside: bright
        out = mix(plain(among(rng, "f4f8fc e0ecf8 f8f4ec"), h, w), among(rng, "a8c890 c0d8f0 b0c0a0"),
                  np.clip(t - 0.4 + 0.2 * sample(rng, "smooth", h, w, unit), 0, 0.7))  # fmt: skip
    streak = np.linspace(-1, 1, w, dtype=np.float32)[None] + 0.6 * t
    out = mix(out, np.full(3, 240, np.float32), np.clip(0.25 - np.abs(streak - rng.uniform(-0.5, 1)), 0, 0.25))
    return lit(out, sample(rng, "smooth", h, w, unit), 0.05)


def glassware(tint: Colours, clear: float) -> Material:
    """A bottle: dark edges, upright streaks of light, what is in it."""

    def material(rng: Rng, h: int, w: int, unit: float) -> Colours:
        x = np.linspace(-1, 1, w, dtype=np.float32)[None]
        out = plain(tint, h, w)
        out = mix(out, tint * 0.4 + 150 * clear, np.broadcast_to(0.8 - 0.9 * np.abs(x), (h, w)))
        level = int(h * rng.uniform(0.1, 0.6))
        out[level:] *= rng.uniform(0.5, 0.95)
        edge = np.clip((np.abs(x) - 0.72) * 3.5, 0, 0.75)
        out = lit(out, np.broadcast_to(-edge, (h, w)))
        for _ in range(int(rng.integers(1, 4))):
            at, wide = rng.uniform(-0.75, 0.75), rng.uniform(0.03, 0.12)
            out = mix(
                out, np.full(3, 252, np.float32), np.broadcast_to(np.clip(1 - np.abs(x - at) / wide, 0, 0.9), (h, w))
            )
        return lit(out, sample(rng, "smooth", h, w, unit), 0.06)

    return material


def glazed(base: Colours) -> Material:
    """Porcelain and earthenware: smooth, faintly speckled; a ring or figure at times from the caller."""

    def material(rng: Rng, h: int, w: int, unit: float) -> Colours:
        out = lit(plain(base, h, w), sample(rng, "broad", h, w, unit), float(rng.uniform(0.01, 0.05)))
        if rng.random() < 0.2:
            out = mix(out, base * 0.4, np.clip(sample(rng, "white", h, w, unit) - 2.2, 0, 0.6))
        return lit(out, sample(rng, "pink", h, w, unit), 0.012)

    return material


def china(rng: Rng) -> Colours:
    """Colour of a plate or cup."""
    if rng.random() < 0.65:
        return among(rng, "f8f6f0 f0ece4 ffffff e8e4e0 f4f4f8", 6)
    return vivid(rng)
