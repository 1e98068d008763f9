"""Light on surfaces: shade from heights, highlights from shade, and rounded bodies."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageFilter, ImageOps

from demo_training.drawings.noise import Field, Rng


def slopes(height: Field) -> tuple[Field, Field]:
    """Differences down and across, `[h, w]` each."""
    gy, gx = np.zeros_like(height), np.zeros_like(height)
    gy[:-1] = height[1:] - height[:-1]
    gx[:, :-1] = height[:, 1:] - height[:, :-1]
    return gy, gx


def direction(rng: Rng) -> tuple[float, float]:
    """Random direction of light, down and across, mostly from above."""
    a = float(rng.normal(-np.pi / 2, 0.9))
    return float(np.sin(a)), float(np.cos(a))


def relief(rng: Rng, height: Field, most: float = 2.5) -> Field:
    """Relative light on a height field, `[h, w]`, with a deviation of about 1 (Lambert 1760)."""
    gy, gx = slopes(height)
    ly, lx = direction(rng)
    s = -(gy * ly + gx * lx)
    s /= float(s.std()) + 1e-6
    return np.asarray(np.clip(s, -most, most), np.float32)


def bulged(rng: Rng, mask: Field, radius: float) -> tuple[Field, Field]:
    """Shade -1..1 and highlight 0..1 of a body swollen to `radius` pixels from its outline `mask` `[h, w]` 0..1."""
    radius = max(1.0, radius)
    small = max(1, int(radius / 4))
    h, w = mask.shape
    sheet = Image.fromarray((mask * 255).astype(np.uint8))
    hh, ww = max(2, h // small), max(2, w // small)
    if small > 1:
        sheet = sheet.resize((ww, hh), Image.Resampling.BOX)
    r = radius / small
    edge = int(2 * r) + 2  # empty margin, also where the outline touches its box
    sheet = ImageOps.expand(sheet, edge).filter(ImageFilter.GaussianBlur(r))
    soft = np.asarray(sheet, np.float32)[edge : edge + hh, edge : edge + ww] / 255
    gy, gx = slopes(soft)
    ly, lx = direction(rng)
    shade = np.clip(-(gy * ly + gx * lx) * r * 2.4, -1, 1).astype(np.float32)
    tilt = (gy * r * 2.4 + 0.42 * ly) ** 2 + (gx * r * 2.4 + 0.42 * lx) ** 2
    bright = np.clip(1 - tilt * 9, 0, 1).astype(np.float32)
    if small == 1:
        return shade, bright
    size, up = (w, h), Image.Resampling.BICUBIC
    return np.asarray(Image.fromarray(shade).resize(size, up)), np.asarray(Image.fromarray(bright).resize(size, up))
