"""A bank of periodic noise fields with the spectra of natural pictures, and cheap ways to sample it.

Natural images have amplitude spectra near 1/f (Field 1987). One Fourier transform a field would cost more than
the rest of a scene, so the fields are made once a process from a fixed seed and scenes take windows of them.
"""

from __future__ import annotations

from functools import cache
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Field = NDArray[np.floating]
Rng = np.random.Generator
Kind = Literal["white", "pink", "rough", "smooth", "broad", "across", "down", "blobs", "hairs", "locks", "short"]
SIDE: Final = 512
BANK_SEED: Final = 20240607
# Exponent of 1/f^b and the stretch of the frequency axes (y, x).
_SPECTRA: Final[dict[Kind, tuple[float, float, float]]] = {
    "white": (0.0, 1, 1),
    "pink": (1.0, 1, 1),
    "rough": (1.5, 1, 1),
    "smooth": (2.2, 1, 1),
    "broad": (3.2, 1, 1),
    "across": (1.3, 1, 9),
    "down": (1.3, 9, 1),
    "blobs": (0.0, 1, 1),
    "hairs": (0.8, 1, 16),
    "locks": (1.6, 1, 7),
    "short": (0.9, 1, 5),
}


@cache
def bank(kind: Kind) -> Field:
    """The field twice over, `[2 * SIDE, 2 * SIDE]`, so that windows need not wrap; mean 0, deviation 1."""
    exponent, sy, sx = _SPECTRA[kind]
    rng = np.random.default_rng([BANK_SEED, list(_SPECTRA).index(kind)])
    spectrum = np.fft.rfft2(rng.standard_normal((SIDE, SIDE)))
    fy = np.fft.fftfreq(SIDE)[:, None] * SIDE * sy
    fx = np.fft.rfftfreq(SIDE)[None, :] * SIDE * sx
    f = np.sqrt(fy**2 + fx**2)
    # "blobs" is a band: lumps of one size, for waves and stains.
    gain = np.exp(-(((f - 42) / 16) ** 2)) if kind == "blobs" else np.maximum(f, 1.5) ** -exponent
    gain[0, 0] = 0
    out = np.fft.irfft2(spectrum * gain, s=(SIDE, SIDE))
    out = (out - out.mean()) / out.std()
    twice = np.tile(out.astype(np.float32), (2, 2))
    twice.setflags(write=False)
    return twice


def resized(field: Field, h: int, w: int) -> Field:
    if field.shape == (h, w):
        return np.ascontiguousarray(field)
    return np.asarray(Image.fromarray(np.ascontiguousarray(field)).resize((w, h), Image.Resampling.BILINEAR))


def corner(rng: Rng) -> tuple[int, int]:
    """Random corner of a window of the bank."""
    y, x = rng.integers(0, SIDE, 2)
    return int(y), int(x)


def sample(rng: Rng, kind: Kind, h: int, w: int, zoom: float = 1.0) -> Field:
    """A random window of the bank, `[h, w]`, mean about 0 and deviation about 1; zoom > 1 enlarges the grain."""
    y, x = corner(rng)
    hh, ww = max(2, min(SIDE, round(h / zoom))), max(2, min(SIDE, round(w / zoom)))
    window = bank(kind)[y : y + hh, x : x + ww]
    if rng.random() < 0.5:
        window = window[:, ::-1]
    return resized(window, h, w)


def plane(rng: Rng, h: int, w: int, unit: float, near: float = 3.0) -> tuple[Field, Field, Field]:
    """Ground plane seen towards its horizon.

    The position of each pixel on it, across and away, in units of the ground, `[h, w]` each, and the scale `[h, 1]` at
    which it is seen: small at the top, `near` at the bottom.
    """
    t = (np.arange(h, dtype=np.float32) + 0.5) / h
    scale = (0.18 + t * (near - 0.18)).astype(np.float32)
    away = np.cumsum(1 / scale**1.5).astype(np.float32) / unit + float(rng.uniform(0, SIDE))
    across = (np.arange(w, dtype=np.float32) - w * float(rng.uniform(0.2, 0.8))) / unit
    return across[None, :] / scale[:, None], np.broadcast_to(away[:, None], (h, w)), scale[:, None]


def laid(rng: Rng, kind: Kind, u: Field, v: Field, scale: Field) -> Field:
    """Noise at positions (u, v) of a plane, fading in the distance."""
    y, x = corner(rng)
    out = bank(kind)[(v.astype(np.int32) + y) % SIDE, (u.astype(np.int32) + x) % SIDE]
    faded: Field = out * np.minimum(1, 0.25 + scale)
    return faded


def receding(rng: Rng, kind: Kind, h: int, w: int, unit: float, near: float = 3.0) -> Field:
    """Noise on a plane seen towards its horizon: fine at the top, `near` times coarser at the bottom; `[h, w]`."""
    return laid(rng, kind, *plane(rng, h, w, unit, near))


def warped(rng: Rng, kind: Kind, h: int, w: int, zoom: float, turn: float, bend: float) -> Field:
    """Grain along a flow that varies about the direction `turn` (radians) by `bend`; `[h, w]`."""
    side = int(np.hypot(h, w) * 1.5) + 8
    grain = sample(rng, kind, side, side, zoom)
    y, x = np.mgrid[0:h, 0:w].astype(np.float32)
    x, y = x - w / 2, y - h / 2
    reach = 0.22 * bend * max(h, w)
    one, two = sample(rng, "broad", h, w, max(h, w) / 200), sample(rng, "broad", h, w, max(h, w) / 120)
    u = x * np.cos(turn) + y * np.sin(turn) + 0.4 * reach * two
    v = y * np.cos(turn) - x * np.sin(turn) + 0.5 * reach * one
    out: Field = grain[(v + side / 2).astype(np.int32) % side, (u + side / 2).astype(np.int32) % side]
    return out
