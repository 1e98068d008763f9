"""The sheet a scene is drawn on: colours and, for every pixel, the class that was drawn there last.

Coordinates are fractions of the side, so a scene is the same at every size. Layout and surfaces draw from
separate random streams: `layout` is shared, each surface gets its own, numbered by the order of painting.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from vlmtui.demo.materials import Material
from vlmtui.demo.noise import sample
from vlmtui.demo.words import INDEX

Points = Sequence[tuple[float, float]]
BASE_SIDE: Final = 240


class Canvas:
    """`image` is `[side, side, 3]` float 0..255, `labels` `[side, side]` uint8 (see `words.CLASS_OF`)."""

    def __init__(self, seed: int, side: int) -> None:
        self.side, self.unit = side, side / BASE_SIDE
        self.layout = np.random.default_rng([seed, 0])
        self.image: NDArray[np.float32] = np.zeros((side, side, 3), np.float32)
        self.labels: NDArray[np.uint8] = np.zeros((side, side), np.uint8)
        self._seed, self._count = seed, 0

    def surface_rng(self) -> np.random.Generator:
        self._count += 1
        return np.random.default_rng([self._seed, self._count])

    def paint(self, name: str | int, material: Material, draw: Callable[[ImageDraw.ImageDraw], None] | None = None,
              soft: float = 0.0, shade: float = 0.0) -> None:  # fmt: skip
        """Cover what `draw` fills (everything without it) with a material, and label it.

        soft: blur of the edge, in units; shade: how much darker the lower right is than the upper left.
        """
        label = INDEX[name] if isinstance(name, str) else name
        if draw is None:
            box, alpha = (0, 0, self.side, self.side), None
        else:
            sheet = Image.new("L", (self.side, self.side))
            draw(ImageDraw.Draw(sheet))
            hard = sheet.getbbox()
            if hard is None:
                return
            grow = int(2 * soft * self.unit) + 1
            box = (
                max(0, hard[0] - grow),
                max(0, hard[1] - grow),
                min(self.side, hard[2] + grow),
                min(self.side, hard[3] + grow),
            )
            sheet = sheet.crop(box)
            if soft:
                sheet = sheet.filter(ImageFilter.GaussianBlur(soft * self.unit))
            alpha = np.asarray(sheet, np.float32) / 255
        x0, y0, x1, y1 = box
        h, w = y1 - y0, x1 - x0
        colours = material(self.surface_rng(), h, w, self.unit)
        if shade:
            fall = np.linspace(0.5, -0.5, h, dtype=np.float32)[:, None] + np.linspace(0.5, -0.5, w, dtype=np.float32)
            colours = colours * (1 + shade * fall)[..., None]
        if alpha is None:
            self.image[...] = colours
            self.labels[...] = label
            return
        part = self.image[y0:y1, x0:x1]
        part += (colours - part) * alpha[..., None]
        self.labels[y0:y1, x0:x1][alpha > 0.5] = label

    def darken(self, draw: Callable[[ImageDraw.ImageDraw], None], amount: float, soft: float) -> None:
        """A shadow: colours change, labels do not."""
        sheet = Image.new("L", (self.side, self.side))
        draw(ImageDraw.Draw(sheet))
        alpha = np.asarray(sheet.filter(ImageFilter.GaussianBlur(soft * self.unit)), np.float32) / 255
        self.image *= (1 - amount * alpha)[..., None]

    # Shapes, as functions that fill them on a sheet.
    def polygon(self, points: Points) -> Callable[[ImageDraw.ImageDraw], None]:
        scaled = [(x * self.side, y * self.side) for x, y in points]
        return lambda d: d.polygon(scaled, fill=255)

    def ellipse(self, cx: float, cy: float, rx: float, ry: float) -> Callable[[ImageDraw.ImageDraw], None]:
        box = [v * self.side for v in (cx - rx, cy - ry, cx + rx, cy + ry)]
        return lambda d: d.ellipse(box, fill=255)

    def rectangle(self, x0: float, y0: float, x1: float, y1: float) -> Callable[[ImageDraw.ImageDraw], None]:
        return self.polygon([(x0, y0), (x1, y0), (x1, y1), (x0, y1)])

    def below(self, y: float, rough: float = 0.0) -> Callable[[ImageDraw.ImageDraw], None]:
        """Everything under a horizon at height y that wanders by `rough`."""
        steps = np.cumsum(self.layout.normal(0, 1, 25))
        steps = (steps - steps.mean()) / (np.abs(steps - steps.mean()).max() + 1e-6)
        line = [(i / 24, y + rough * float(s)) for i, s in enumerate(steps)]
        return self.polygon([(0.0, 1.01), *line, (1.0, 1.01), (1.01, 1.01)])


def photograph(canvas: Canvas) -> Image.Image:
    """What a camera does to the drawn light: exposure, cast, vignette, uneven light, defocus, grain, JPEG."""
    rng, image = canvas.surface_rng(), canvas.image
    side, unit = canvas.side, canvas.unit
    light = 1 + rng.uniform(0, 0.09) * sample(rng, "broad", side, side, unit)
    axis = np.linspace(-1, 1, side, dtype=np.float32) ** 2
    light = light * (1 - rng.uniform(0, 0.25) * rng.integers(0, 2) * (axis[:, None] + axis[None]))
    out = image * light.astype(np.float32)[..., None]
    out *= rng.uniform(0.82, 1.15) * (1 + rng.normal(0, 0.035, 3)).astype(np.float32)
    contrast = rng.uniform(0.8, 1.1)
    out = 118 + (out - 118) * contrast
    blur = float(rng.choice((0.0, 0.6, 1.1, 1.8), p=(0.35, 0.35, 0.2, 0.1)))
    if blur:
        picture = Image.fromarray(np.clip(out, 0, 255).astype(np.uint8)).filter(ImageFilter.GaussianBlur(blur * unit))
        out = np.asarray(picture, np.float32)
    grain = rng.uniform(0, 5) * sample(rng, "white", side, side)
    return Image.fromarray(np.clip(out + grain[..., None], 0, 255).astype(np.uint8))
