"""What surfaces look like: each material is a function from a generator and a size to colours `[h, w, 3]`.

Colours are floats 0..255. `unit` is pixels per unit of a 240-pixel picture, so that a scene looks the same at
every size it is drawn at. Materials mix noise of several spectra, and vary in hue as widely as the real ones.
"""

from __future__ import annotations

import colorsys
from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vlmtui.demo.noise import Kind, receding, sample

Colours = NDArray[np.float32]
Rgb = tuple[float, float, float]
Rng = np.random.Generator
Material = Callable[[Rng, int, int, float], Colours]


def pick(rng: Rng, palette: Sequence[str | Rgb], spread: float = 14) -> Colours:
    """A colour `[3]` near one of a palette."""
    chosen = palette[int(rng.integers(len(palette)))]
    if isinstance(chosen, str):
        chosen = (int(chosen[:2], 16), int(chosen[2:4], 16), int(chosen[4:], 16))
    c = np.array(chosen, np.float32) * rng.uniform(0.85, 1.12) + rng.normal(0, spread / 2, 3)
    return np.clip(c, 0, 255).astype(np.float32)


def vivid(rng: Rng) -> Colours:
    """Any clear colour `[3]`, with black, white, gray and brown at their share of the names."""
    if rng.random() < 0.34:
        return pick(rng, ("101010", "f4f4f2", "8a8a8a", "6b4020", "f6a8bc", "a87848"))
    h, s, v = rng.random(), rng.uniform(0.55, 1), rng.uniform(0.45, 1)
    return np.array(colorsys.hsv_to_rgb(h, s, v), np.float32) * 255


def _plain(c: Colours, h: int, w: int) -> Colours:
    return np.broadcast_to(c, (h, w, 3)).copy()


def _lit(colours: Colours, field: NDArray[np.float32], amount: float) -> Colours:
    """Brightness changed by a field `[h, w]`, as light on a surface does: in proportion."""
    out: Colours = colours * (1 + amount * field)[..., None]
    return out


def _mix(a: Colours, b: Colours, share: NDArray[np.float32]) -> Colours:
    s = np.clip(share, 0, 1)[..., None]
    out: Colours = a + (b - a) * s
    return out


def _mottled(palette: Sequence[str], kinds: Sequence[tuple[Kind, float, float]], second: float = 0.3) -> Material:
    """Two colours of a palette mixed by smooth noise, lit by several noises (kind, amount, zoom)."""

    def material(rng: Rng, h: int, w: int, unit: float) -> Colours:
        share = 0.5 + second * sample(rng, "smooth", h, w, unit * rng.uniform(0.6, 2))
        out = _mix(pick(rng, palette), pick(rng, palette), share.astype(np.float32))
        light = np.zeros((h, w), np.float32)
        strength = rng.uniform(0.5, 1.4)
        for kind, amount, zoom in kinds:
            light += amount * sample(rng, kind, h, w, unit * zoom * rng.uniform(0.7, 1.6))
        return _lit(out, light, float(strength))

    return material


def sky(rng: Rng, h: int, w: int, unit: float) -> Colours:
    t = np.linspace(0, 1, h, dtype=np.float32)[:, None, None]
    day = ("4a86d0", "6aaae8", "2f6fc0", "88b8e4", "5c9ad8")
    pairs = ((day, ("c8def2", "a8ccf0", "dfe8f0", "8fc0ec")), (("8a96a6", "a4abb4"), ("c6cace", "b4bac2")),
             (("5a5c90", "3f6aa8", "a05a80"), ("f0a060", "f0b890", "e87850", "f4c8a0")))  # fmt: skip
    top, low = pairs[int(rng.choice(3, p=(0.68, 0.17, 0.15)))]
    out = pick(rng, top) * (1 - t) + pick(rng, low) * t
    haze = sample(rng, "broad", h, w, unit)
    return _lit(np.broadcast_to(out, (h, w, 3)), haze, float(rng.uniform(0, 0.05)))


def cloud(rng: Rng, h: int, w: int, unit: float) -> Colours:
    lit, shade = pick(rng, ("ffffff", "f6f4f2", "f4ece4", "e4e6ea"), 6), pick(rng, ("b4bcc8", "9aa2ae", "d0d2d8"), 8)
    t = np.linspace(-0.2, 0.7, h, dtype=np.float32)[:, None]
    return _mix(lit[None, None], shade[None, None], t + 0.25 * sample(rng, "smooth", h, w, unit))


def sea(rng: Rng, h: int, w: int, unit: float) -> Colours:
    palette = ("1f5a94", "2a7a9c", "2f8fa8", "1c4870", "5a8094", "3a6a6a", "2f6fc0", "48a8b0")
    t = np.linspace(0, 1, h, dtype=np.float32)[:, None, None]
    out = np.broadcast_to(pick(rng, palette) * (1 - t) + pick(rng, palette) * t, (h, w, 3))
    waves = receding(rng, "across", h, w, unit, float(rng.uniform(1.5, 5)))
    out = _lit(out, waves, float(rng.uniform(0.05, 0.2)))
    if rng.random() < 0.5:
        foam = np.clip(receding(rng, "across", h, w, unit, 3) - rng.uniform(1.4, 2.4), 0, 1)
        out = _mix(out, np.full(3, 240, np.float32), foam.astype(np.float32))
    return out


def grass(rng: Rng, h: int, w: int, unit: float) -> Colours:
    greens = ("4f8a2c", "6a9a3a", "3a7030", "86a84a", "2f5a26", "98a850", "5c8c4a", "a8a058")
    share = 0.5 + 0.35 * receding(rng, "smooth", h, w, unit, 2)
    out = _mix(pick(rng, greens), pick(rng, greens), share.astype(np.float32))
    blades = receding(rng, "down", h, w, unit, float(rng.uniform(1, 4))) + 0.5 * receding(rng, "white", h, w, unit, 2)
    return _lit(out, blades, float(rng.uniform(0.08, 0.24)))


def sand(rng: Rng, h: int, w: int, unit: float) -> Colours:
    palette = ("e0c890", "d8b880", "ecd8a8", "c8a870", "d4c4a4", "e4d0b0")
    out = _mix(pick(rng, palette), pick(rng, palette), 0.5 + 0.3 * sample(rng, "broad", h, w, unit))
    out = _lit(out, receding(rng, "white", h, w, unit, 2), float(rng.uniform(0.02, 0.08)))
    return _lit(out, receding(rng, "across", h, w, unit, 4), float(rng.uniform(0, 0.08)))


def foliage(rng: Rng, h: int, w: int, unit: float) -> Colours:
    autumn = rng.random() < 0.15
    bright = pick(rng, ("c8702c", "d8a030", "b84824") if autumn else ("5a9036", "79a848", "4a7c3c", "8fb058", "3f7a50"))
    deep = bright * rng.uniform(0.2, 0.5)
    lumps = sample(rng, "blobs", h, w, unit * rng.uniform(0.5, 1.8)) + 0.8 * sample(rng, "pink", h, w, unit)
    return _mix(deep, bright, (0.5 + 0.4 * lumps).astype(np.float32))


def _grid(h: int, w: int, unit: float) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    y = np.arange(h, dtype=np.float32)[:, None] / unit
    x = np.arange(w, dtype=np.float32)[None, :] / unit
    return y, x


def brick(rng: Rng, h: int, w: int, unit: float) -> Colours:
    y, x = _grid(h, w, unit)
    height = rng.uniform(5, 14)
    width, gap = height * rng.uniform(1.9, 3), rng.uniform(0.7, 1.8)
    down = (y + rng.uniform(0, 20)) / height
    row = np.floor(down)
    along = (x + rng.uniform(0, 20)) / width + 0.5 * (row % 2)
    joint = ((down - row) * height < gap) | (np.mod(along, 1) * width < gap)
    table = rng.normal(0, rng.uniform(0.04, 0.16), 4096).astype(np.float32)
    each = table[(row.astype(np.int64) * 131 + np.floor(along).astype(np.int64) * 17) % 4096]
    base = pick(rng, ("a44a34", "b85c40", "8c3c30", "c07050", "9a5844", "7a3a2c", "b08060", "c49a80"))
    out = _lit(_plain(base, h, w), each + 0.1 * sample(rng, "pink", h, w, unit), 1.0)
    out[joint] = pick(rng, ("d0c8bc", "b0a89c", "8a8480", "e0dcd4")) * rng.uniform(0.8, 1.05)
    return out


def wood(rng: Rng, h: int, w: int, unit: float) -> Colours:
    base = pick(rng, ("a06a38", "7a4a26", "c08c54", "5c3a20", "b47c48", "d0a870", "8a6a50"))
    down = rng.random() < 0.5
    a, b = (w, h) if down else (h, w)
    y, x = _grid(a, b, unit)
    plank = rng.uniform(14, 50)
    row = np.floor((y + rng.uniform(0, 50)) / plank)
    table = rng.normal(0, 0.12, 64).astype(np.float32)
    bend = sample(rng, "broad", a, b, unit)
    grain = np.sin((y + 5 * bend + row * 37 + 0 * x) * rng.uniform(0.4, 1.6)) * 0.5 + sample(rng, "across", a, b, unit)
    out = _lit(_plain(base, a, b), table[row.astype(np.int64) % 64] + rng.uniform(0.06, 0.16) * grain, 1.0)
    seam = np.broadcast_to(np.mod(y, plank) < rng.uniform(0.6, 1.5), (a, b))
    if rng.random() < 0.8:
        out[seam] *= 0.45
    return np.ascontiguousarray(out.swapaxes(0, 1)) if down else out


def stone(rng: Rng, h: int, w: int, unit: float) -> Colours:
    palette = ("8c8880", "a09c94", "74706a", "b4aea0", "6a6c70", "94908a", "a89c88")
    out = _mix(pick(rng, palette), pick(rng, palette), 0.5 + 0.3 * sample(rng, "rough", h, w, unit))
    out = _lit(out, sample(rng, "pink", h, w, unit * rng.uniform(0.8, 2)), float(rng.uniform(0.08, 0.2)))
    if rng.random() < 0.65:  # cobbles or rubble: cells around scattered seeds, dark joints
        hh, ww = max(2, round(h / unit / 2)), max(2, round(w / unit / 2))
        cell = rng.uniform(8, 22)
        count = int(min(160, max(3, hh * ww / cell**2)))
        yy, xx = rng.uniform(0, hh, count), rng.uniform(0, ww, count)
        gy, gx = np.mgrid[0:hh, 0:ww].astype(np.float32)
        d = (gy[..., None] - yy.astype(np.float32)) ** 2 + (gx[..., None] - xx.astype(np.float32)) ** 2
        two = np.sqrt(np.partition(d, 1, -1)[..., :2])
        tone = rng.normal(1, 0.12, count).astype(np.float32)[d.argmin(-1)]
        joint = np.clip((two[..., 1] - two[..., 0]) / 1.6, 0, 1) * 0.6 + 0.4
        light = Image.fromarray((joint * tone).astype(np.float32)).resize((w, h), Image.Resampling.BILINEAR)
        out = out * np.asarray(light)[..., None]
    return out


def fur(rng: Rng, h: int, w: int, unit: float) -> Colours:
    palette = ("b07840", "d8b080", "5a4030", "e8e0d4", "30282a", "8a8078", "c89058", "a89888")
    side = int(np.hypot(h, w)) + 2
    hairs = sample(rng, "down", side, side, unit * rng.uniform(0.5, 1.3))
    turned = Image.fromarray(hairs).rotate(float(rng.uniform(-80, 80)), Image.Resampling.BILINEAR)
    top, left = (side - h) // 2, (side - w) // 2
    strands = np.asarray(turned)[top : top + h, left : left + w]
    bands = sample(rng, "smooth", h, w, unit * rng.uniform(0.5, 1.2))
    out = _mix(pick(rng, palette), pick(rng, palette), (0.5 + rng.uniform(0.1, 0.9) * bands).astype(np.float32))
    return _lit(out, strands + 0.4 * bands, float(rng.uniform(0.12, 0.26)))


def cloth(rng: Rng, h: int, w: int, unit: float) -> Colours:
    y, x = _grid(h, w, unit)
    out = _plain(vivid(rng), h, w)
    if rng.random() < 0.35:  # tartan
        period, other = rng.uniform(14, 40), vivid(rng)
        bars = (np.mod(y, period) < period * 0.4).astype(np.float32) + (np.mod(x, period) < period * 0.4)
        out = _mix(out, other, (bars * 0.4).astype(np.float32))
    weave = np.sin(y * 2.1) * np.sin(x * 2.1) if rng.random() < 0.6 else np.sin((x + y) * 1.7)
    folds = sample(rng, "broad", h, w, unit * rng.uniform(0.4, 0.9))
    return _lit(out, (rng.uniform(0.04, 0.12) * weave + rng.uniform(0.1, 0.26) * folds).astype(np.float32), 1.0)


def metal(rng: Rng, h: int, w: int, unit: float) -> Colours:
    base = pick(rng, ("b0b4b8", "8c9094", "c8ccd0", "c0a060", "b07850", "70767c"))
    y, x = _grid(h, w, unit)
    shine = np.cos((x * np.cos(a := rng.uniform(0, 3.1)) + y * np.sin(a)) * rng.uniform(0.02, 0.07) + rng.uniform(0, 6))
    brushed = sample(rng, "across", h, w, unit)
    return _lit(_plain(base, h, w), (0.3 * shine + rng.uniform(0.02, 0.1) * brushed).astype(np.float32), 1.0)


def asphalt(rng: Rng, h: int, w: int, unit: float) -> Colours:
    palette = ("5a5a5c", "6c6c6e", "48484c", "84827e", "3c3c40")
    out = _mix(pick(rng, palette, 6), pick(rng, palette, 6), 0.5 + 0.3 * sample(rng, "smooth", h, w, unit))
    return _lit(out, receding(rng, "white", h, w, unit, 2), float(rng.uniform(0.03, 0.12)))


def snow(rng: Rng, h: int, w: int, unit: float) -> Colours:
    drift = 0.3 + 0.35 * sample(rng, "broad", h, w, unit)
    out = _mix(pick(rng, ("fafcff", "f0f4fa"), 4), pick(rng, ("bccce4", "d0d8e8", "c8d0dc"), 8), drift)
    return _lit(out, sample(rng, "white", h, w, unit), float(rng.uniform(0.005, 0.03)))


def night(rng: Rng, h: int, w: int, unit: float) -> Colours:
    t = np.linspace(0, 1, h, dtype=np.float32)[:, None, None]
    dark = ("070a18", "0c1230", "10102a", "050508", "14182c")
    out = pick(rng, dark, 5) * (1 - t) + pick(rng, (*dark, "28305a", "2c2840"), 6) * t
    return _lit(np.broadcast_to(out, (h, w, 3)), sample(rng, "broad", h, w, unit), float(rng.uniform(0, 0.15)))


def tinted(base: Colours, amount: float = 0.04, kind: Kind = "rough") -> Material:
    """One colour with a little noise: painted things, paper, walls."""

    def material(rng: Rng, h: int, w: int, unit: float) -> Colours:
        return _lit(_plain(base, h, w), sample(rng, kind, h, w, unit), amount)

    return material


mountain: Final = _mottled(
    ("6a7080", "5a5c60", "7a7468", "8a90a0", "4f5c50", "686050", "9aa4b8"),
    (("rough", 0.22, 1.4), ("pink", 0.08, 1)),
    0.4,
)
plaster: Final = _mottled(
    ("e4dcc8", "d8d4cc", "c8b898", "b0b8bc", "d8a888", "9cb0a0", "8494a8", "c8c4c0", "a86858"),
    (("smooth", 0.06, 1), ("white", 0.015, 1)),
    0.15,
)
paper: Final = _mottled(("f4f2ea", "ece8dc", "ffffff", "e8e0c8", "dfe6ec", "f0dcd0"), (("pink", 0.012, 1),), 0.05)
tiles: Final = _mottled(
    ("a04838", "8a3c30", "5c5a60", "7a5040", "4a4a54", "b46a48", "6a7480"),
    (("across", 0.14, 1), ("pink", 0.06, 1)),
    0.1,
)
skin: Final = _mottled(
    ("f0c8a8", "d8a480", "b07c58", "8a5a3c", "5c3a28", "f4d4bc", "e4b494"),
    (("smooth", 0.07, 1.5), ("white", 0.012, 1)),
    0.12,
)
hair: Final = _mottled(
    ("201814", "3c2818", "6a4424", "a87c40", "d8b870", "8a8480", "8c3c1c", "141416"), (("down", 0.26, 0.8),), 0.2
)
