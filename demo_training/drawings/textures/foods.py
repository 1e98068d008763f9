"""Food close up: crumb and crust, flesh and fat, skins with gloss, salad, coffee."""

from __future__ import annotations

import numpy as np

from demo_training.drawings.light import relief
from demo_training.drawings.noise import Rng, sample, warped
from demo_training.drawings.palette import Colours, among, lit, log_uniform, mix, plain
from demo_training.drawings.piles import cut

FRUITS = "d83020 e88020 a8c030 e8c830 8c2040 68a030 c84838 f0a030 b01828 4a2858 f0d060 98b840 e06048 382848"
VEGETABLES = "d02818 e87020 4a8a2c 2f6a28 6aa040 7a3060 a8c060 d84020 88b048 c8d898"


def crumb(rng: Rng, h: int, w: int, unit: float) -> Colours:
    """The inside of a loaf: holes of many sizes in a pale sponge."""
    pile = cut(rng, "rounds", h, w, unit * log_uniform(rng, 0.48, 0.8))
    base = among(rng, "f0e0b8 e8d0a0 d8bc88 f4ead0 c8a478 b08858")
    fine = sample(rng, "pink", h, w, unit)
    out = lit(plain(base, h, w), relief(rng, fine + sample(rng, "rough", h, w, unit)), 0.07)
    holes = np.clip((pile.tone - 0.62) * 4, 0, 1) * np.clip(1 - pile.gap - 0.5 * pile.light, 0, 1)
    return mix(out, base * np.array((0.68, 0.56, 0.42), np.float32), (holes * 0.75 + 0.1 * fine).astype(np.float32))


def crust(rng: Rng, h: int, w: int, unit: float) -> Colours:
    """Baked skin: golden to dark brown where it swelled, cracked, floured or seeded."""
    pale, dark = among(rng, "d8a050 e0b068 c88840 d09850"), among(rng, "8a4a1c 6a3414 a05c24 7a4420")
    swell = sample(rng, "smooth", h, w, unit * rng.uniform(0.5, 1.3))
    fine = sample(rng, "pink", h, w, unit)
    out = mix(pale, dark, 0.45 + 0.3 * swell + 0.12 * fine)
    out = lit(out, relief(rng, swell + 0.15 * fine), float(rng.uniform(0.08, 0.18)))
    how = rng.random()
    if how < 0.3:
        cracks = np.clip(1 - np.abs(warped(rng, "smooth", h, w, unit, 0.4, 0.4)) * 8, 0, 1)
        out = mix(out, np.array((238, 218, 170), np.float32), cracks * 0.8)
    elif how < 0.5:
        seeds = cut(rng, "rounds", h, w, unit * 0.5)
        out = mix(
            out, among(rng, "f0e4c0 302820 d8c890"), ((seeds.tone > 0.75) & (seeds.gap < 0.35)).astype(np.float32) * 0.9
        )
    elif how < 0.65:
        out = mix(out, np.full(3, 244, np.float32), np.clip(0.5 * swell + 0.3 * fine - 0.2, 0, 0.8))
    return out


def bread(rng: Rng, h: int, w: int, unit: float) -> Colours:
    return crumb(rng, h, w, unit) if rng.random() < 0.5 else crust(rng, h, w, unit)


def meat(rng: Rng, h: int, w: int, unit: float) -> Colours:
    """Raw: red fibre with veins of fat, wet. Cooked: brown, seared in bars or glazed."""
    zoom = unit * log_uniform(rng, 0.7, 1.8)
    fibre = warped(rng, "locks", h, w, zoom, float(rng.uniform(0, 3.1)), 0.5)
    soft = sample(rng, "smooth", h, w, zoom)
    if rng.random() < 0.6:
        base = among(rng, "b02c34 c8444c 8c2028 d86a64 e08c80 a83c3c")
        out = lit(plain(base, h, w), 0.5 * fibre + 0.5 * soft, 0.14)
        fat = np.clip(1 - np.abs(warped(rng, "smooth", h, w, zoom * 0.8, 0.8, 0.6)) * rng.uniform(3, 7), 0, 1)
        fat = fat + np.clip(sample(rng, "smooth", h, w, zoom) - rng.uniform(1, 1.8), 0, 1)
        out = mix(out, among(rng, "f4dcd0 f0e4d8 f0c8b8"), np.clip(fat, 0, 0.9))
    else:
        base = among(rng, "7a4424 8c5430 5c3018 a86838 986040")
        out = lit(plain(base, h, w), 0.6 * fibre + 0.5 * soft + 0.4 * sample(rng, "pink", h, w, unit), 0.2)
        if rng.random() < 0.5:
            y, x = np.mgrid[0:h, 0:w].astype(np.float32) / unit
            bars = np.cos((x + 0.5 * y + 2 * soft) * 2 * np.pi / rng.uniform(18, 34))
            out = lit(out, np.clip(bars * 3 - 2, 0, 1).astype(np.float32), -0.6)
    light = relief(rng, soft + 0.1 * fibre)
    out = lit(out, light, 0.1)
    return mix(out, np.full(3, 250, np.float32), np.clip((light - 1.5) * 0.7, 0, 0.8))


def vegetables(rng: Rng, h: int, w: int, unit: float) -> Colours:
    """Salad leaves, or cut and heaped vegetables of several colours."""
    how = rng.random()
    if how < 0.45:  # frilled leaves
        zoom = unit * log_uniform(rng, 0.6, 1.8)
        frill = np.abs(warped(rng, "smooth", h, w, zoom, float(rng.uniform(0, 3)), 1.0))
        frill = frill + 0.5 * np.abs(sample(rng, "smooth", h, w, zoom * 0.5))
        pale, deep = among(rng, "c8dc88 a8cc60 d8e4a8 90c050"), among(rng, "3c7a28 5a9838 2f6428 6a3048")
        out = mix(pale, deep, np.clip(frill * 0.6, 0, 1).astype(np.float32))
        out = lit(out, relief(rng, frill), 0.16)
        return mix(out, deep * 0.3, np.clip(sample(rng, "smooth", h, w, unit) - 0.9, 0, 0.9))
    pile = cut(rng, "chips" if how < 0.75 else "rounds", h, w, unit * log_uniform(rng, 0.7, 2.4))
    colours = np.stack([among(rng, VEGETABLES) for _ in range(int(rng.integers(2, 6)))])
    out = colours[np.clip((pile.tone * len(colours)).astype(np.int32), 0, len(colours) - 1)].astype(np.float32)
    out = lit(lit(out, pile.light, 0.4), 0.3 - pile.gap, 0.95)
    out = lit(out, sample(rng, "pink", h, w, unit), 0.07)
    return mix(out, np.full(3, 250, np.float32), pile.shine**2 * rng.uniform(0.1, 0.8))


def fruits(rng: Rng, h: int, w: int, unit: float) -> Colours:
    """A heap of one or two kinds: berries, cherries, oranges, each a glossy ball."""
    pile = cut(rng, "rounds", h, w, unit * log_uniform(rng, 0.8, 4))
    one = among(rng, FRUITS)
    two = among(rng, FRUITS) if rng.random() < 0.3 else one * rng.uniform(0.7, 1.2)
    out = lit(mix(one, two, pile.tone), sample(rng, "pink", h, w, unit), 0.05)
    out = lit(lit(out, pile.light, float(rng.uniform(0.35, 0.6))), 0.3 - pile.gap, 1.0)
    return mix(out, np.full(3, 252, np.float32), pile.shine**3 * rng.uniform(0.3, 0.95))


def coffee(rng: Rng, h: int, w: int, unit: float) -> Colours:
    """Black with a mirrored light, or with foam: cream, swirls, bubbles at the rim."""
    dark, foam = among(rng, "2a1408 3c1c0c 1c0e08 4a2814"), among(rng, "c89058 d8b080 e8d0a8 b07c48 f0e4d0")
    swirl = warped(rng, "smooth", h, w, unit * rng.uniform(0.6, 1.4), float(rng.uniform(0, 3)), 1.6)
    fine = sample(rng, "pink", h, w, unit)
    how = rng.random()
    if how < 0.35:
        out = lit(plain(dark, h, w), 0.5 * fine + swirl, 0.08)
        light = np.clip(sample(rng, "broad", h, w, unit) - rng.uniform(0.6, 1.3), 0, 0.8)
        return mix(out, among(rng, "f0ece4 c8a078"), light)
    out = mix(foam, dark * 0.5 + foam * 0.5, (0.3 + 0.4 * swirl).astype(np.float32))
    if how < 0.7:  # drawn on in milk
        y, x = np.linspace(-1, 1, h, dtype=np.float32)[:, None], np.linspace(-1, 1, w, dtype=np.float32)[None]
        fern = np.cos(9 * (y + 0.8 * np.abs(x)) + swirl) - 2.2 * np.abs(x) - 0.5 * y**2 + 0.2
        out = mix(out, np.array((246, 236, 216), np.float32), np.clip(fern * 3, 0, 0.95))
    froth = cut(rng, "rounds", h, w, unit * 0.5)
    bubbles = ((froth.tone > 0.8) & (froth.gap < 0.4)).astype(np.float32) * (swirl > 0.3)
    return lit(lit(out, bubbles, 0.12), fine, 0.03)
