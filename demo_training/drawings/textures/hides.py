"""Skin, hair, fur and feathers."""

from __future__ import annotations

import numpy as np

from demo_training.drawings.light import relief
from demo_training.drawings.noise import Field, Rng, sample, warped
from demo_training.drawings.palette import Colours, Material, among, grid, lit, log_uniform, mix, plain, vivid

SKINS = "f0c8a8 d8a480 b07c58 8a5a3c 5c3a28 f4d4bc e4b494 c89070 e8bc9c a06848 70482f f0cfc0"
FURS = "b07840 d8b080 5a4030 e8e0d4 30282a 8a8078 c89058 a89888 1c1a1a f0ece4 7a5c44 a0673a 5c5854"


def flesh(tone: Colours) -> Material:
    """Skin of one tone: blood under it, pores and creases in it, a little oil on it."""

    def material(rng: Rng, h: int, w: int, unit: float) -> Colours:
        blush = sample(rng, "broad", h, w, unit * rng.uniform(0.5, 1.2)) + 0.12 * sample(rng, "smooth", h, w, unit)
        out = mix(plain(tone, h, w), tone * np.array((1.05, 0.82, 0.78), np.float32), 0.3 + 0.3 * blush)
        pores = sample(rng, "pink", h, w, unit * rng.uniform(0.6, 2))
        out = lit(out, relief(rng, blush, 2), float(rng.uniform(0.02, 0.09)))
        out = lit(out, pores, float(rng.uniform(0.008, 0.035)))
        return mix(out, np.full(3, 248, np.float32), np.clip((blush - 1.3) * rng.uniform(0, 0.25), 0, 0.4))

    return material


def skin(rng: Rng, h: int, w: int, unit: float) -> Colours:
    """Skin filling the view: rounded, lit from a side, with creases, freckles or hairs."""
    tone = among(rng, SKINS)
    out = flesh(tone)(rng, h, w, unit)
    swell = sample(rng, "broad", h, w, unit * rng.uniform(0.8, 1.6))
    out = lit(out, relief(rng, swell, 2), float(rng.uniform(0.03, 0.12)))
    y, x = np.linspace(-1, 1, h, dtype=np.float32)[:, None], np.linspace(-1, 1, w, dtype=np.float32)[None]
    round_ = np.sin(float(rng.uniform(0, 3)) * (x * np.cos(a := rng.uniform(0,
            6.3)) + y * np.sin(a)) + rng.uniform(0, 6))  # fmt: skip
    out = lit(out, round_.astype(np.float32), float(rng.uniform(0.03, 0.25)))
    how = rng.random()
    if how < 0.15:
        crease = np.clip(1 - np.abs(warped(rng, "smooth", h, w, unit * 1.3, float(rng.uniform(0, 3)), 0.4)) * 9, 0, 1)
        out = mix(out, tone * np.array((0.7, 0.5, 0.45), np.float32), crease * 0.3)
    elif how < 0.45:
        spots = np.clip(sample(rng, "blobs", h, w, unit * 0.7) * 1.5 - 2.6, 0, 0.6)
        out = mix(out, tone * 0.6, spots)
    return out


def hair(rng: Rng, h: int, w: int, unit: float) -> Colours:
    """Strands in locks, with a band where they shine; straight, waved or curled."""
    palette = "201814 3c2818 6a4424 a87c40 d8b870 8a8480 8c3c1c 141416 4a3020 c8c0b8 2a1c14 5c3420"
    base = among(rng, palette) if rng.random() < 0.97 else vivid(rng)
    zoom = unit * log_uniform(rng, 0.6, 1.8)
    turn = float(np.pi / 2 + rng.normal(0, 0.4))
    bend = float(rng.choice((0.25, 0.7, 1.8), p=(0.5, 0.35, 0.15)))
    shared = int(rng.integers(2**31))
    fine = warped(np.random.default_rng(shared), "hairs", h, w, zoom, turn, bend)
    locks = warped(np.random.default_rng(shared), "locks", h, w, zoom * 1.6, turn, bend)
    shine = np.clip(sample(rng, "across", h, w, unit * 3) * 0.5 + 0.3 * locks, 0, 1)
    out = lit(plain(base, h, w), 0.5 * fine + 0.6 * locks, float(rng.uniform(0.18, 0.4)))
    return mix(out, base * 0.6 + 115, np.clip(shine * (0.5 + 0.3 * fine), 0, 0.6))


def coat(rng: Rng) -> Material:
    """An animal's fur, of one colour, shaded, banded as a tabby's, spotted or patched."""
    one, two, how = among(rng, FURS), among(rng, FURS), float(rng.random())
    if how < 0.3:
        two = one * 0.55
    turn, length = float(rng.uniform(0, 3.1)), log_uniform(rng, 0.55, 2.0)

    def material(rng: Rng, h: int, w: int, unit: float) -> Colours:
        zoom = unit * length * rng.uniform(0.8, 1.25)
        shared = int(rng.integers(2**31))
        fine = warped(np.random.default_rng(shared), "short", h, w, zoom * 0.9, turn, 0.9)
        tufts = warped(np.random.default_rng(shared), "short", h, w, zoom * 3, turn, 0.9)
        soft = sample(rng, "broad", h, w, unit * 0.8)
        share: Field
        if how < 0.3:  # tabby: bands across the lie of the hair, their edges broken by it
            band = warped(rng, "across", h, w, zoom * 2.6, turn + np.pi / 2, 0.6)
            share = 0.45 + 0.55 * band + 0.25 * tufts
        elif how < 0.45:  # patches
            share = (sample(rng, "smooth", h, w, unit * rng.uniform(0.7, 1.5)) + 0.15 * tufts) * 3
        elif how < 0.52:  # spots
            share = (sample(rng, "blobs", h, w, unit * rng.uniform(0.6, 1.4)) - 0.7) * 2 + 0.4 * tufts
        else:
            share = 0.4 + 0.25 * soft + 0.15 * tufts
        out = mix(plain(one, h, w), two, share.astype(np.float32))
        out = lit(out, 0.7 * fine + 0.55 * tufts, float(rng.uniform(0.13, 0.27)))
        out = lit(out, soft, 0.08)
        return mix(out, one * 0.5 + 130, np.clip((fine + 0.5 * tufts - 1.3) * 0.25, 0, 0.5))

    return material


def fur(rng: Rng, h: int, w: int, unit: float) -> Colours:
    return coat(rng)(rng, h, w, unit)


def plumage(rng: Rng) -> Material:
    """Feathers like shingles, each with its shaft and its pale rim."""
    base = among(rng, "8a7050 5a5048 303440 b08858 e8e4dc 4a6a8a 7a3c28 c8a030 3c6a4a 6a6c74 1c1c20 c04830")
    rim = base * 0.5 + 100 if rng.random() < 0.6 else base * 0.4
    size, turn = log_uniform(rng, 6, 26), float(rng.normal(np.pi / 2, 0.5))

    def material(rng: Rng, h: int, w: int, unit: float) -> Colours:
        y, x = grid(h, w, unit)
        wander = sample(rng, "smooth", h, w, unit) * 0.18 * size
        u = (x * np.sin(turn) - y * np.cos(turn) + wander) / size
        v = (x * np.cos(turn) + y * np.sin(turn) + wander) / (size * 1.3)
        row = np.floor(v)
        a = (u + 0.5 * (row % 2)) % 1 - 0.5
        tip = v - row - 0.75 + 2.2 * a**2  # rounded end
        row = np.where(tip > 0, row + 1, row)
        depth = np.where(tip > 0, tip, tip + 0.75)
        barbs = np.sin((np.abs(a) * 30 + depth * 26) * 1.0)
        at = row.astype(np.int64) * 131 + np.floor(u + 0.5 * (row % 2)).astype(np.int64) * 17
        shade = 0.3 * depth - 0.2 + 0.1 * barbs + 0.1 * np.random.default_rng(7).normal(0, 1, 512)[at % 512]
        out = lit(plain(base, h, w), shade.astype(np.float32))
        out = mix(out, rim, np.clip((np.abs(tip) < 0.1) * 0.6, 0, 1).astype(np.float32))
        out = mix(out, rim, np.clip(1 - np.abs(a) * 30, 0, 1).astype(np.float32) * 0.3)
        return lit(out, sample(rng, "pink", h, w, unit), 0.07)

    return material


def feathers(rng: Rng, h: int, w: int, unit: float) -> Colours:
    return plumage(rng)(rng, h, w, unit)
