"""Sky, clouds, smoke, fire and night, which have no surface."""

from __future__ import annotations

import numpy as np

from demo_training.drawings.noise import Field, Rng, sample
from demo_training.drawings.palette import Colours, among, lit, mix, pick, plain, rgb


def _down(h: int, start: float = 0.0, stop: float = 1.0) -> Field:
    return np.linspace(start, stop, h, dtype=np.float32)[:, None]


def sky(rng: Rng, h: int, w: int, unit: float) -> Colours:
    day = ("4a86d0", "6aaae8", "2f6fc0", "88b8e4", "5c9ad8", "1f58a8", "7fb0d8")
    pairs = ((day, ("c8def2", "a8ccf0", "dfe8f0", "8fc0ec", "6aa4dc")), (("8a96a6", "a4abb4", "c8ccd2", "dde0e4"),
             ("c6cace", "b4bac2", "e6e8ea", "d4d8dc")), (("5a5c90", "3f6aa8", "a05a80", "384878", "c88878"),
             ("f0a060", "f0b890", "e87850", "f4c8a0", "e8a0a0")))  # fmt: skip
    top, low = pairs[int(rng.choice(3, p=(0.66, 0.2, 0.14)))]
    t = _down(h) ** rng.uniform(0.7, 1.8)
    out = pick(rng, top) * (1 - t)[..., None] + pick(rng, low) * t[..., None]
    out = lit(np.broadcast_to(out, (h, w, 3)), sample(rng, "broad", h, w, unit), float(rng.uniform(0, 0.05)))
    if rng.random() < 0.35:  # thin high cloud
        veil = np.clip(sample(rng, "locks", h, w, unit * rng.uniform(1, 3)) * 0.5 - rng.uniform(0, 0.6), 0, 0.8)
        out = mix(out, np.full(3, 238, np.float32), veil.astype(np.float32))
    return out


def cloud(rng: Rng, h: int, w: int, unit: float) -> Colours:
    light, shade = among(rng, "ffffff f6f4f2 f4ece4 e4e6ea f8e0d0", 6), among(rng, "a4acb8 8a929e c8cad0 b0a8b0", 8)
    lumps = sample(rng, "smooth", h, w, unit * rng.uniform(0.6, 1.6)) + 0.3 * sample(rng, "rough", h, w, unit)
    return mix(light, shade, _down(h, -0.3, 0.8) + 0.28 * lumps)


def smoke(rng: Rng, h: int, w: int, unit: float) -> Colours:
    palette = "f0eeea dcdad6 b8b4b0 8a8682 585452 e8ddd0"
    billow = sample(rng, "smooth", h, w, unit * rng.uniform(0.5, 1.2))
    curl = 1 - np.abs(sample(rng, "smooth", h, w, unit * rng.uniform(0.4, 0.9)))
    a = among(rng, palette)
    return mix(a, a * rng.uniform(0.45, 0.8), (0.45 + 0.3 * billow + 0.3 * curl * (1 - _down(h))).astype(np.float32))


def fire(rng: Rng, h: int, w: int, unit: float) -> Colours:
    """Heat that rises and thins, through the colours of glowing soot."""
    tongues = sample(rng, "down", h, w, unit * rng.uniform(1, 2)) * 0.35
    tongues += 0.5 * sample(rng, "smooth", h, w, unit * rng.uniform(0.5, 1))
    heat = np.clip(0.58 + 0.3 * tongues + _down(h, -0.3, 0.35), 0, 0.999)
    ramp = np.stack([rgb(c) for c in ("1c0804", "5a1206", "b83208", "f06a10", "fcae28", "ffe680", "fffbe8")])
    at = heat * (len(ramp) - 1)
    low = at.astype(np.int32)
    part = (at - low)[..., None]
    out: Colours = ramp[low] * (1 - part) + ramp[low + 1] * part
    return out.astype(np.float32)


def night(rng: Rng, h: int, w: int, unit: float) -> Colours:
    t = _down(h)[..., None]
    dark = "070a18 0c1230 10102a 050508 14182c 000000"
    out = among(rng, dark, 5) * (1 - t) + among(rng, dark + " 28305a 2c2840 3a3440", 6) * t
    return lit(np.broadcast_to(out, (h, w, 3)), sample(rng, "broad", h, w, unit), float(rng.uniform(0, 0.2)))


def glow(rng: Rng, h: int, w: int, unit: float) -> Colours:
    """A lit shade or bulb: brightest in its middle."""
    y, x = np.linspace(-1, 1, h, dtype=np.float32)[:, None], np.linspace(-1, 1, w, dtype=np.float32)[None]
    warm = among(rng, "ffd890 ffc060 ffe8b8 fff4e0 f0f4ff ffb070", 8)
    return mix(np.full(3, 255, np.float32), warm * rng.uniform(0.7, 1), 0.15 + 0.7 * (y**2 + x**2))


def lights(rng: Rng, h: int, w: int, unit: float) -> Colours:
    """Lamps far out of focus at night: discs of light on darkness."""
    out = plain(among(rng, "0c0a10 181418 201818 0a1018", 4), h, w)
    y, x = np.mgrid[0:h, 0:w].astype(np.float32)
    for _ in range(int(rng.integers(4, 16))):
        r, cy, cx = rng.uniform(4, 18) * unit, rng.random() * h, rng.random() * w
        c = among(rng, "ffd890 ff9040 ffe8b8 f04030 80b0ff 60e090 ffffff", 10)
        out += c * (rng.uniform(0.3, 0.9) * (((y - cy) ** 2 + (x - cx) ** 2) < r * r))[..., None]
    return np.minimum(out, 255).astype(np.float32)
