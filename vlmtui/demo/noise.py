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

Field = NDArray[np.float32]
Kind = Literal["white", "pink", "rough", "smooth", "broad", "across", "down", "blobs"]
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
}


@cache
def _field(kind: Kind) -> Field:
    exponent, sy, sx = _SPECTRA[kind]
    rng = np.random.default_rng([BANK_SEED, list(_SPECTRA).index(kind)])
    spectrum = np.fft.rfft2(rng.standard_normal((SIDE, SIDE)))
    fy = np.fft.fftfreq(SIDE)[:, None] * SIDE * sy
    fx = np.fft.rfftfreq(SIDE)[None, :] * SIDE * sx
    f = np.sqrt(fy**2 + fx**2)
    # "blobs" is a band: lumps of one size, for leaves and pebbles.
    gain = np.exp(-(((f - 42) / 16) ** 2)) if kind == "blobs" else np.maximum(f, 1.5) ** -exponent
    gain[0, 0] = 0
    out = np.fft.irfft2(spectrum * gain, s=(SIDE, SIDE))
    out = (out - out.mean()) / out.std()
    twice = np.tile(out.astype(np.float32), (2, 2))
    twice.setflags(write=False)
    return twice


def sample(rng: np.random.Generator, kind: Kind, h: int, w: int, zoom: float = 1.0) -> Field:
    """A random window of the bank, `[h, w]`, mean about 0 and deviation about 1; zoom > 1 enlarges the grain."""
    field = _field(kind)
    y, x = (int(v) for v in rng.integers(0, SIDE, 2))
    hh, ww = max(2, min(SIDE, round(h / zoom))), max(2, min(SIDE, round(w / zoom)))
    window = field[y : y + hh, x : x + ww]
    if rng.random() < 0.5:
        window = window[:, ::-1]
    if (hh, ww) == (h, w):
        return np.ascontiguousarray(window)
    return np.asarray(Image.fromarray(np.ascontiguousarray(window)).resize((w, h), Image.Resampling.BILINEAR))


def receding(rng: np.random.Generator, kind: Kind, h: int, w: int, unit: float, near: float = 3.0) -> Field:
    """Noise on a plane seen towards its horizon: fine at the top, `near` times coarser at the bottom; `[h, w]`."""
    field = _field(kind)
    t = (np.arange(h, dtype=np.float32) + 1) / h
    scale = (0.35 + t * (near - 0.35)) * unit
    rows = np.cumsum(1 / scale**1.3) + float(rng.integers(0, SIDE))
    columns = (np.arange(w, dtype=np.float32) - w * float(rng.uniform(0.2, 0.8)))[None, :] / scale[:, None]
    columns += float(rng.integers(0, SIDE))
    return field[rows.astype(np.int32)[:, None] % SIDE, columns.astype(np.int32) % SIDE]
