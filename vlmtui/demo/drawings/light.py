"""Light on surfaces: heights become shade, shade becomes highlights, and things are seen mirrored in metal."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageFilter

from vlmtui.demo.drawings.noise import Field, Rng


def slopes(height: Field) -> tuple[Field, Field]:
    """Differences down and across, `[h, w]` each."""
    gy, gx = np.zeros_like(height), np.zeros_like(height)
    gy[:-1] = height[1:] - height[:-1]
    gx[:, :-1] = height[:, 1:] - height[:, :-1]
    return gy, gx


def direction(rng: Rng) -> tuple[float, float]:
    """Where light comes from, down and across: mostly from above."""
    a = float(rng.normal(-np.pi / 2, 0.9))
    return float(np.sin(a)), float(np.cos(a))


def relief(rng: Rng, height: Field, most: float = 2.5) -> Field:
    """How much more (above 0) or less light falls on a height field, `[h, w]`, deviation about 1 (Lambert 1760)."""
    gy, gx = slopes(height)
    ly, lx = direction(rng)
    s = -(gy * ly + gx * lx)
    s /= float(s.std()) + 1e-6
    return np.asarray(np.clip(s, -most, most), np.float32)


def blurred(field: Field, radius: float) -> Field:
    """A field 0..1 blurred by a Gaussian."""
    sheet = Image.fromarray((np.clip(field, 0, 1) * 255).astype(np.uint8))
    return np.asarray(sheet.filter(ImageFilter.GaussianBlur(radius)), np.float32) / 255


def bulged(rng: Rng, mask: Field, radius: float) -> tuple[Field, Field]:
    """Shade -1..1 and highlight 0..1 of a body swollen to `radius` pixels from its outline `mask` `[h, w]` 0..1."""
    radius = max(1.0, radius)
    small = max(1, int(radius / 4))
    h, w = mask.shape
    sheet = Image.fromarray((mask * 255).astype(np.uint8))
    if small > 1:
        sheet = sheet.resize((max(2, w // small), max(2, h // small)), Image.Resampling.BOX)
    r = radius / small
    soft = np.asarray(sheet.filter(ImageFilter.GaussianBlur(r)), np.float32) / 255
    gy, gx = slopes(soft)
    ly, lx = direction(rng)
    shade = np.clip(-(gy * ly + gx * lx) * r * 2.6, -1, 1)
    bright = np.clip(1 - ((gy * r * 2.6 + 0.42 * ly) ** 2 + (gx * r * 2.6 + 0.42 * lx) ** 2) * 9, 0, 1)
    if small == 1:
        return shade, bright
    size = (w, h)
    up = Image.Resampling.BICUBIC
    return (np.asarray(Image.fromarray(shade).resize(size, up)), np.asarray(Image.fromarray(bright).resize(size, up)))
