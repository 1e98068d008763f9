"""Ground, rock and water."""

from __future__ import annotations

import numpy as np

from demo_training.drawings.light import relief, slopes
from demo_training.drawings.noise import Field, Rng, laid, plane, sample, warped
from demo_training.drawings.palette import Colours, among, lit, log_uniform, mix
from demo_training.drawings.piles import cut


def _far_near(rng: Rng) -> float:
    return log_uniform(rng, 1.2, 7)


def sea(rng: Rng, h: int, w: int, unit: float) -> Colours:
    """Open water towards the horizon: waves foreshortened, foam, glitter."""
    palette = "1f5a94 2a7a9c 2f8fa8 1c4870 5a8094 3a6a6a 2f6fc0 48a8b0 64808c 8496a0 203848"
    t = np.linspace(0, 1, h, dtype=np.float32)[:, None]
    out = mix(among(rng, palette), among(rng, palette), np.broadcast_to(t, (h, w)))
    u, v, scale = plane(rng, h, w, unit, _far_near(rng))
    waves = laid(rng, "across", u * 0.7, v * 1.8, scale) + 0.4 * laid(rng, "pink", u, v * 2.5, scale)
    out = lit(out, waves, float(rng.uniform(0.06, 0.22)))
    how = rng.random()
    if how < 0.4:
        foam = (laid(rng, "across", u, v * 2, scale) + 0.4 * waves - rng.uniform(1.4, 2.6)) * 1.5
        out = mix(out, np.full(3, 240, np.float32), foam.astype(np.float32))
    elif how < 0.65:  # the sun's path
        path = np.exp(-(((np.arange(w) / w - rng.uniform(0.1, 0.9)) / rng.uniform(0.08, 0.3)) ** 2)).astype(np.float32)
        glitter = (waves - 0.4) * path[None] * rng.uniform(0.4, 1)
        out = mix(out, among(rng, "fff8e0 ffe0a0 ffffff"), np.clip(glitter, 0, 0.95).astype(np.float32))
    return out


def water(rng: Rng, h: int, w: int, unit: float) -> Colours:
    """Water from near: ripples that mirror a bright sky or show a floor through a net of light."""
    zoom = unit * log_uniform(rng, 0.6, 3)
    how = rng.random()
    if how < 0.35:  # a pool, caustics
        net = 1 - np.abs(warped(rng, "blobs", h, w, zoom * 1.6, 0.0, 0.6)) * 1.3
        net = np.maximum(net, 1 - np.abs(warped(rng, "blobs", h, w, zoom * 1.3, 1.0, 0.6)) * 1.3)
        base = among(rng, "2a9cc8 3ab0c8 1f80b0 48c0c8 2f8f98 5aa8b8")
        return mix(lit(np.broadcast_to(base, (h, w, 3)), sample(rng, "broad", h, w, unit), 0.15),
                   np.array((225, 250, 250), np.float32), np.clip(net, 0, 1) ** 3 * 0.7)  # fmt: skip
    wave = warped(rng, "locks", h, w, zoom, float(rng.normal(0, 0.15)), 0.3) + 0.5 * sample(rng, "smooth", h, w, zoom)
    gy, _ = slopes(wave)
    gy = gy / (float(gy.std()) + 1e-6)
    deep = among(rng, "1c3c48 24505c 3a5048 485440 2a4468 1a2c38 5a6a5a 3c6a88 607080")
    bright = among(rng, "a8c4d8 c8d8e0 88a8c0 d8d0c0 9cb0a8 e8f0f4")
    share = 0.38 + 0.22 * gy + 0.12 * sample(rng, "broad", h, w, unit) + np.linspace(0.2, -0.2, h)[:, None]
    out = mix(deep, bright, share.astype(np.float32))
    return mix(out, np.full(3, 250, np.float32), np.clip((gy - 1.9) * 0.8, 0, 1).astype(np.float32))


def sand(rng: Rng, h: int, w: int, unit: float) -> Colours:
    palette = "e0c890 d8b880 ecd8a8 c8a870 d4c4a4 e4d0b0 c4946a b8a080"
    out = mix(among(rng, palette), among(rng, palette), 0.5 + 0.3 * sample(rng, "broad", h, w, unit))
    u, v, scale = plane(rng, h, w, unit, _far_near(rng))
    out = lit(out, laid(rng, "white", u, v, scale), float(rng.uniform(0.02, 0.08)))
    how = rng.random()
    if how < 0.4:  # ripples
        bend = 5 * laid(rng, "broad", u, v, scale) + laid(rng, "smooth", u, v, scale)
        out = lit(out, np.sin(v * rng.uniform(0.25, 0.5) + bend).astype(np.float32), float(rng.uniform(0.05, 0.16)))
    elif how < 0.8:  # trodden
        out = lit(out, relief(rng, sample(rng, "smooth", h, w, unit * 0.6)), float(rng.uniform(0.04, 0.13)))
    return out


def soil(rng: Rng, h: int, w: int, unit: float) -> Colours:
    """Earth: clods and crumbs, stones and bits of straw, ruts."""
    palette = "5a4030 6e5038 4a3628 80644a 8c5a3c 3c2e26 947050 a0683c"
    zoom = unit * log_uniform(rng, 0.5, 1.6)
    clods = 1.2 * sample(rng, "rough", h, w, zoom) + 0.8 * sample(rng, "pink", h, w, zoom)
    out = mix(among(rng, palette), among(rng, palette), 0.5 + 0.3 * sample(rng, "smooth", h, w, unit))
    out = lit(out, relief(rng, clods), float(rng.uniform(0.12, 0.3)))
    out = lit(out, clods, float(rng.uniform(0.06, 0.16)))
    if rng.random() < 0.5:
        bits = cut(rng, "rounds", h, w, zoom * 0.6)
        some = ((bits.tone > 0.88) & (bits.gap < 0.4)).astype(np.float32)
        grit = lit(np.broadcast_to(among(rng, "a09080 c0b090 70604c 8a8070"), (h, w, 3)), bits.light, 0.3)
        out = mix(out, grit, some * 0.9)
    return out


def grass(rng: Rng, h: int, w: int, unit: float) -> Colours:
    greens = "4f8a2c 6a9a3a 3a7030 86a84a 2f5a26 98a850 5c8c4a a8a058 7a8c3c b0a868 3c6428"
    a, b = among(rng, greens), among(rng, greens)
    if rng.random() < 0.3:  # from near: blades
        blades = cut(rng, "blades", h, w, unit * log_uniform(rng, 0.5, 2))
        out = lit(mix(a, b * 1.15, blades.tone), blades.light, 0.25)
        return lit(out, 0.3 - blades.gap, float(rng.uniform(0.5, 0.95)))
    u, v, scale = plane(rng, h, w, unit, _far_near(rng))
    out = mix(a, b, (0.5 + 0.3 * laid(rng, "smooth", u * 0.6, v, scale)).astype(np.float32))
    lines = laid(rng, "down", u * 1.6, v * 0.5, scale) + 0.5 * laid(rng, "white", u, v, scale)
    tufts = laid(rng, "rough", u, v * 1.4, scale)
    out = lit(out, lines + 0.8 * tufts, float(rng.uniform(0.06, 0.2)))
    if rng.random() < 0.15:  # daisies, dandelions
        dots = np.clip((laid(rng, "blobs", u * 2, v * 3, scale) - 2.2) * 3, 0, 1)
        out = mix(out, among(rng, "f8f8f0 f0d830 f0a0b8 c04040"), dots)
    return out


def mountain(rng: Rng, h: int, w: int, unit: float) -> Colours:
    """Ridges with a lit side and a dark one, scree and woods on them, paler with distance."""
    palette = "6a7080 5a5c60 7a7468 8a90a0 4f5c50 686050 8a7860 9a6a50 58684c 7a8890"
    zoom = unit * log_uniform(rng, 0.8, 3)
    ridges = 1.3 - np.abs(sample(rng, "smooth", h, w, zoom)) + 0.35 * sample(rng, "rough", h, w, zoom)
    out = mix(among(rng, palette), among(rng, palette), 0.5 + 0.4 * sample(rng, "smooth", h, w, unit))
    large = relief(rng, 1 - np.abs(sample(rng, "broad", h, w, zoom * 0.4)))
    out = lit(lit(out, relief(rng, ridges), float(rng.uniform(0.1, 0.28))), large, float(rng.uniform(0, 0.2)))
    out = lit(out, sample(rng, "pink", h, w, unit), 0.07)
    if rng.random() < 0.3:  # snow where it is steep enough to see and flat enough to lie
        t = np.linspace(1, -0.6, h, dtype=np.float32)[:, None]
        out = mix(out, np.array((240, 244, 250), np.float32), (t * 1.5 + 0.7 * ridges - 1.1).astype(np.float32))
    haze = rng.uniform(0, 0.6)
    return mix(out, among(rng, "a8b8cc c0ccd8 98a8c0 d8c8c0"), np.full((h, w), haze, np.float32))


def stone(rng: Rng, h: int, w: int, unit: float) -> Colours:
    palette = "8c8880 a09c94 74706a b4aea0 6a6c70 94908a a89c88 b09878 7a6a5c c4beb4"
    zoom = unit * log_uniform(rng, 0.6, 2.6)
    a, b = among(rng, palette), among(rng, palette)
    rough = sample(rng, "pink", h, w, zoom)
    how = rng.random()
    if how < 0.3:  # cobbles or rubble
        pile = cut(rng, "cells", h, w, zoom * 0.8)
        out = lit(mix(a, b, pile.tone), pile.light, float(rng.uniform(0.2, 0.5)))
        out = lit(lit(out, -pile.gap, float(rng.uniform(0.4, 0.75))), relief(rng, rough), 0.05)
    elif how < 0.52:  # broken rock
        pile = cut(rng, "crystals", h, w, zoom * 1.3)
        out = lit(mix(a, b, 0.5 + 0.5 * rough), pile.light, float(rng.uniform(0.35, 0.7)))
        out = lit(lit(out, pile.tone - pile.gap, 0.25), relief(rng, rough), 0.06)
    elif how < 0.72:  # pebbles
        pile = cut(rng, "rounds", h, w, zoom * 0.8)
        out = lit(mix(a, b, pile.tone), pile.light, float(rng.uniform(0.2, 0.45)))
        out = lit(lit(out, pile.tone - 0.5, 0.6), 0.2 - pile.gap, float(rng.uniform(0.5, 0.9)))
    else:  # one face, weathered; sometimes in layers or veined
        field: Field = sample(rng, "rough", h, w, zoom)
        if how > 0.88:
            field = field + warped(rng, "across", h, w, zoom, float(rng.uniform(-0.4, 0.4)), 0.4)
        out = lit(mix(a, b, 0.5 + 0.3 * field), relief(rng, field + 0.4 * rough), float(rng.uniform(0.08, 0.22)))
        if rng.random() < 0.3:
            veins = np.clip(1 - np.abs(warped(rng, "rough", h, w, zoom, 0.6, 0.5)) * 6, 0, 1)
            out = mix(out, among(rng, "e8e4dc 4a4844 c0a888"), veins * 0.6)
        if rng.random() < 0.25:  # lichen, moss
            spots = np.clip(sample(rng, "smooth", h, w, zoom) * 2 + rough * 0.6 - 2, 0, 0.8)
            out = mix(out, among(rng, "8a8a48 a8a868 5a6a3a c08840"), spots)
    return lit(out, rough, float(rng.uniform(0.04, 0.12)))


def snow(rng: Rng, h: int, w: int, unit: float) -> Colours:
    drift = sample(rng, "broad", h, w, unit * rng.uniform(0.5, 1.2)) + 0.15 * sample(rng, "smooth", h, w, unit)
    out = mix(among(rng, "fafcff f0f4fa f8f4ee", 4), among(rng, "b0c4e4 ccd4e8 c8d0dc a8b8d8", 8), 0.3 + 0.3 * drift)
    out = lit(out, relief(rng, drift), float(rng.uniform(0.01, 0.07)))
    return lit(out, sample(rng, "white", h, w, unit), float(rng.uniform(0.005, 0.04)))
