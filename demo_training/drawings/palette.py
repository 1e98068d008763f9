"""Colours and the basic functions of which textures are made.

A material is a function from a generator and a size to colours `[h, w, 3]`, floats 0..255. `unit` is pixels per unit of
a 240-pixel image, so that a scene looks the same at every size it is drawn at.
"""

from __future__ import annotations

import colorsys
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from demo_training.drawings.noise import Field, Kind, Rng, sample

Colours = NDArray[np.floating]
Rgb = tuple[float, float, float]
Material = Callable[[Rng, int, int, float], Colours]


def rgb(code: str) -> Colours:
    return np.array((int(code[:2], 16), int(code[2:4], 16), int(code[4:], 16)), np.float32)


def pick(rng: Rng, palette: Sequence[str], spread: float = 14) -> Colours:
    """A colour `[3]` near one of a palette, written as six hexadecimal digits with spaces between."""
    c = rgb(palette[int(rng.integers(len(palette)))]) * rng.uniform(0.8, 1.12) * (1 + rng.normal(0, spread / 550, 3))
    return np.clip(c, 0, 255).astype(np.float32)


def among(rng: Rng, codes: str, spread: float = 14) -> Colours:
    """`pick` from codes in one string."""
    return pick(rng, codes.split(), spread)


def hue(rng: Rng, least: float, most: float, s: tuple[float, float], v: tuple[float, float]) -> Colours:
    """A colour `[3]` of a hue between two (fractions of the circle), of saturations and values between two."""
    h = float(rng.uniform(least, most)) % 1
    return np.array(colorsys.hsv_to_rgb(h, float(rng.uniform(*s)), float(rng.uniform(*v))), np.float32) * 255


def vivid(rng: Rng) -> Colours:
    """Any clear colour `[3]`, or black, white, gray, brown and the like in 40% of draws."""
    if rng.random() < 0.4:
        return among(rng, "101010 f4f4f2 8a8a8a 6b4020 f6a8bc a87848 e8e4da 2a3550")
    return hue(rng, 0, 1, (0.35, 1), (0.3, 1))


def plain(c: Colours, h: int, w: int) -> Colours:
    return np.broadcast_to(c, (h, w, 3)).copy()


def lit(colours: Colours, field: Field, amount: float = 1.0) -> Colours:
    """Brightness changed by a field `[h, w]`, as light on a surface does: in proportion."""
    out: Colours = colours * np.maximum(0, 1 + amount * field)[..., None]
    return out


def mix(a: Colours, b: Colours, share: Field) -> Colours:
    s = np.clip(share, 0, 1)[..., None]
    out: Colours = a + (b - a) * s
    return out.astype(np.float32, copy=False)


def grid(h: int, w: int, unit: float) -> tuple[Field, Field]:
    """Units down `[h, 1]` and across `[1, w]`."""
    y = np.arange(h, dtype=np.float32)[:, None] / unit
    x = np.arange(w, dtype=np.float32)[None, :] / unit
    return y, x


def table(rng: Rng, spread: float, at: NDArray[np.int64]) -> Field:
    """One random number about 0 for each brick, board or thread; `at` `[h, w]` is the index of each pixel's."""
    numbers = rng.normal(0, spread, 4096).astype(np.float32)
    return numbers[at % 4096]


def tinted(base: Colours, amount: float = 0.04, kind: Kind = "rough", zoom: float = 1.0) -> Material:
    """One colour with a little noise: painted things, paper, walls."""

    def material(rng: Rng, h: int, w: int, unit: float) -> Colours:
        fine = 0.4 * amount * sample(rng, "pink", h, w, unit)
        return lit(plain(base, h, w), amount * sample(rng, kind, h, w, unit * zoom) + fine)

    return material


def dimmed(material: Material, by: Colours | float) -> Material:
    """A material under another light."""
    return lambda rng, h, w, unit: (material(rng, h, w, unit) * by).astype(np.float32)


def log_uniform(rng: Rng, least: float, most: float) -> float:
    return float(least * (most / least) ** rng.random())
