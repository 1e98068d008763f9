"""Effects of a camera on a drawn scene: uneven light and shade, stretch, exposure, cast, blur, grain, JPEG."""

from __future__ import annotations

from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from demo_training.drawings.canvas import Canvas
from demo_training.drawings.noise import Field, Rng, sample


def _light(rng: Rng, side: int, unit: float) -> Field:
    """Uneven light, 1/f texture on whatever is flat, a vignette, dappled or straight-edged shade."""
    light = 1 + rng.uniform(0.02, 0.13) * sample(rng, "broad", side, side, unit)
    light += rng.uniform(0.01, 0.05) * sample(rng, "pink", side, side, unit * rng.uniform(0.5, 1.2))
    axis = np.linspace(-1, 1, side, dtype=np.float32)
    a = rng.uniform(0, 6.3)
    light += rng.uniform(0, 0.2) * (axis[:, None] * np.sin(a) + axis[None] * np.cos(a)).astype(np.float32)
    if rng.random() < 0.5:
        light *= 1 - rng.uniform(0, 0.25) * (axis[:, None] ** 2 + axis[None] ** 2)
    how = rng.random()
    if how < 0.08:  # through leaves
        gaps = sample(rng, "smooth", side, side, unit * rng.uniform(0.8, 2)) * rng.uniform(2, 6)
        light *= 1 - rng.uniform(0.25, 0.6) / (1 + np.exp(gaps))
    elif how < 0.18:  # the edge of a building's shadow
        edge = (axis[:, None] * np.sin(a + 2) + axis[None] * np.cos(a + 2) - rng.uniform(-0.6, 0.6)) * rng.uniform(
            4, 60
        )
        light *= 1 - rng.uniform(0.25, 0.6) / (1 + np.exp(np.clip(edge, -30, 30)))
    return light.astype(np.float32)


def _stretched(rng: Rng, picture: Image.Image, labels: NDArray[np.uint8]) -> tuple[Image.Image, NDArray[np.uint8]]:
    """Crop a part of the scene and stretch it, as wide and tall images are when they are made square."""
    side = picture.width
    stretch = float(np.exp(rng.uniform(-0.47, 0.47)))
    zoom = float(rng.uniform(0.8, 1) if rng.random() < 0.8 else rng.uniform(0.45, 0.8))
    w, h = zoom * min(1, stretch) * side, zoom * min(1, 1 / stretch) * side
    x, y = rng.random() * (side - w), rng.random() * (side - h)
    box = (x, y, x + w, y + h)
    out = picture.resize((side, side), Image.Resampling.BICUBIC, box=box)
    map_ = Image.fromarray(labels).resize((side, side), Image.Resampling.NEAREST, box=box)
    return out, np.asarray(map_)


def _swept(rng: Rng, out: NDArray[np.floating], unit: float) -> NDArray[np.floating]:
    """Motion blur along one direction."""
    reach, a = rng.uniform(1, 4) * unit, rng.uniform(0, np.pi)
    steps = [(round(reach * t * np.sin(a)), round(reach * t * np.cos(a))) for t in (-1, -0.5, 0, 0.5, 1)]
    moved = [np.roll(out, step, (0, 1)) for step in steps]
    return np.asarray(sum(moved) / np.float32(len(moved)), np.float32)


def photograph(canvas: Canvas, whole: bool) -> tuple[Image.Image, NDArray[np.uint8]]:
    """Photograph a canvas: the image and its labels; `whole` keeps all of it in view."""
    rng, side, unit = canvas.surface_rng(), canvas.side, canvas.unit
    out: NDArray[np.floating] = canvas.image * _light(rng, side, unit)[..., None]
    warmth, contrast, clear = rng.normal(0, 0.05), rng.uniform(0.8, 1.18), rng.uniform(0.65, 1.15)
    if rng.random() < 0.04:
        clear = 0.0  # black and white
    # Partial metering: dark scenes are exposed longer, bright ones shorter.
    metered = (112 / float(np.clip(out[::4, ::4].mean(), 70, 200))) ** rng.uniform(0.1, 0.75)
    cast = np.array((1 + warmth, 1 + rng.normal(0, 0.02), 1 - warmth)) * metered * np.exp(rng.normal(0, 0.14))
    # One matrix for cast, saturation and contrast.
    blend = cast[:, None] * (clear * np.eye(3) + (1 - clear) / 3) * contrast
    out = out @ blend.astype(np.float32) + np.float32(118 * (1 - contrast) + rng.uniform(-6, 14))
    if rng.random() < 0.06:
        out = _swept(rng, out, unit)
    picture, labels = Image.fromarray(np.clip(out, 0, 255).astype(np.uint8)), canvas.labels
    blur = float(rng.choice((0.0, 0.4, 0.7, 1.2, 2.2), p=(0.5, 0.22, 0.14, 0.1, 0.04)))
    if blur:
        picture = picture.filter(ImageFilter.GaussianBlur(blur * unit))
    elif rng.random() < 0.6:  # cameras sharpen
        picture = picture.filter(ImageFilter.UnsharpMask(1.2 * unit, int(rng.integers(60, 190)), 0))
    if rng.random() < 0.65 and not whole:
        picture, labels = _stretched(rng, picture, labels)
    grain = rng.uniform(0, 6) * rng.integers(0, 2)
    colour = rng.uniform(0, 0.6) * grain
    if grain:
        out = np.asarray(picture, np.float32)
        out = out + grain * sample(rng, "white", side, side)[..., None]
        for k in range(3):
            out[..., k] += colour * sample(rng, "white", side, side, rng.uniform(1, 2))
        picture = Image.fromarray(np.clip(out, 0, 255).astype(np.uint8))
    if rng.random() < 0.7:
        store = BytesIO()
        picture.save(store, "JPEG", quality=int(rng.integers(28, 95)))
        picture = Image.open(store).convert("RGB")
    return picture, labels
