"""Canvas of a scene: colours, and for every pixel the class that was drawn there last.

Coordinates are fractions of the side, so a scene is the same at every size. Layout and surfaces draw from separate
random streams: `layout` is shared, each surface gets its own, numbered by the order of painting.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from demo_training.drawings.light import bulged
from demo_training.drawings.noise import Field, resized, sample
from demo_training.drawings.palette import Material
from demo_training.vocabulary import INDEX

Points = Sequence[tuple[float, float]]
Draw = Callable[[ImageDraw.ImageDraw], None]
BASE_SIDE: Final = 240


def together(*parts: Draw) -> Draw:
    """Combine shapes into one."""

    def draw(d: ImageDraw.ImageDraw) -> None:
        for part in parts:
            part(d)

    return draw


class Canvas:
    """Colours `image` `[side, side, 3]`, float 0..255, and `labels` `[side, side]` uint8 (`vocabulary.CLASS_OF`)."""

    def __init__(self, seed: int, side: int) -> None:
        self.side, self.unit = side, side / BASE_SIDE
        self.layout = np.random.default_rng([seed, 0])
        self.image: NDArray[np.float32] = np.zeros((side, side, 3), np.float32)
        self.labels: NDArray[np.uint8] = np.zeros((side, side), np.uint8)
        self._seed, self._count = seed, 0

    def surface_rng(self) -> np.random.Generator:
        """Generator of the next surface."""
        self._count += 1
        return np.random.default_rng([self._seed, self._count])

    def paint(self, name: str | int, material: Material, draw: Draw | None = None, soft: float = 0.0,
              shade: float = 0.0, bulge: float = 0.0, gloss: float = 0.0, reach: float = 0.35) -> None:  # fmt: skip
        """Cover what `draw` fills (everything without it) with a material, and label it.

        soft: blur of the edge, in units; shade: how much darker the lower right is than the upper left; bulge: how
        strongly light models it as a rounded body, gloss: its highlight, reach: how far in from its edge it curves,
        as a share of its smaller extent.
        """
        label = INDEX[name] if isinstance(name, str) else name
        if draw is None:
            rng = self.surface_rng()
            self.image[...] = material(rng, self.side, self.side, self.unit)
            self.labels[...] = label
            return
        sheet = Image.new("L", (self.side, self.side))
        draw(ImageDraw.Draw(sheet))
        hard = sheet.getbbox()
        rng = self.surface_rng()
        if hard is None:
            return
        grow = int(2 * soft * self.unit) + 1
        x0, y0 = max(0, hard[0] - grow), max(0, hard[1] - grow)
        x1, y1 = min(self.side, hard[2] + grow), min(self.side, hard[3] + grow)
        sheet = sheet.crop((x0, y0, x1, y1))
        if soft:
            sheet = sheet.filter(ImageFilter.BoxBlur(1.2 * soft * self.unit))
        alpha = np.asarray(sheet, np.float32) / 255
        h, w = y1 - y0, x1 - x0
        colours = material(rng, h, w, self.unit)
        if shade:
            fall = np.linspace(0.5, -0.5, h, dtype=np.float32)[:, None] + np.linspace(0.5, -0.5, w, dtype=np.float32)
            colours = colours * (1 + shade * fall)[..., None]
        if bulge or gloss:
            lit, bright = bulged(rng, alpha, reach * min(h, w))
            colours = colours * (1 + bulge * lit)[..., None]
            if gloss:
                colours = colours + (250 - colours) * (gloss * bright * bright)[..., None]
        self._lay(label, colours, alpha, y0, x0)

    def spread(self, name: str, material: Material, mask: Field) -> None:
        """Blend a material over the whole canvas by `mask` `[side, side]`, 0..1."""
        self._lay(INDEX[name], material(self.surface_rng(), self.side, self.side, self.unit), np.clip(mask, 0, 1), 0, 0)

    def _lay(self, label: int, colours: NDArray[np.float32], alpha: Field, y0: int, x0: int) -> None:
        h, w = alpha.shape
        part = self.image[y0 : y0 + h, x0 : x0 + w]
        part += (colours - part) * alpha[..., None]
        self.labels[y0 : y0 + h, x0 : x0 + w][alpha > 0.5] = label

    def darken(self, draw: Draw, amount: float, soft: float) -> None:
        """Add a shadow: colours change, labels do not."""
        sheet = Image.new("L", (self.side, self.side))
        draw(ImageDraw.Draw(sheet))
        hard = sheet.getbbox()
        if hard is None:
            return
        grow, r = int(3 * soft * self.unit) + 1, soft * self.unit
        x0, y0, x1, y1 = hard[0] - grow, hard[1] - grow, hard[2] + grow, hard[3] + grow
        x0, y0, x1, y1 = max(0, x0), max(0, y0), min(self.side, x1), min(self.side, y1)
        part = sheet.crop((x0, y0, x1, y1))
        if r > 2.5:
            part = part.reduce(2).filter(ImageFilter.GaussianBlur(r / 2)).resize((x1 - x0, y1 - y0))
        else:
            part = part.filter(ImageFilter.BoxBlur(1.2 * r))
        self.image[y0:y1, x0:x1] *= (1 - amount / 255 * np.asarray(part, np.float32))[..., None]

    def glow(self, x: float, y: float, r: float, colour: NDArray[np.float32], amount: float) -> None:
        """Scatter light about a source: colours change, labels do not."""
        axis = (np.arange(self.side, dtype=np.float32) + 0.5) / self.side
        d = ((axis[:, None] - y) ** 2 + (axis[None, :] - x) ** 2) / r**2
        self.image += (colour - self.image * 0.3) * (amount / (1 + 3 * d + d**2))[..., None]

    def defocus(self, radius: float) -> None:
        """Blur what is drawn so far, as a lens that is focused on nearer things; radius in units."""
        r = radius * self.unit
        small = max(1, int(r / 1.5))
        picture = Image.fromarray(np.clip(self.image, 0, 255).astype(np.uint8))
        size = (max(8, self.side // small), max(8, self.side // small))
        if small > 1:
            picture = picture.resize(size, Image.Resampling.BOX)
        picture = picture.filter(ImageFilter.GaussianBlur(r / small))
        if small > 1:
            picture = picture.resize((self.side, self.side), Image.Resampling.BICUBIC)
        self.image[...] = np.asarray(picture, np.float32)

    def texture(self, kind: str, zoom: float) -> Field:
        """Noise `[side, side]` for the masks of `spread`."""
        return sample(self.surface_rng(), kind, self.side, self.side, zoom * self.unit)  # type: ignore[arg-type]

    # Shapes, as functions that fill them on a sheet.
    def polygon(self, points: Points) -> Draw:
        scaled = [(x * self.side, y * self.side) for x, y in points]
        return lambda d: d.polygon(scaled, fill=255)

    def curve(self, points: Points, steps: int = 6) -> Draw:
        """A smooth closed outline through points (Catmull and Rom 1974)."""
        p = np.array(points, np.float64)
        t = (np.arange(steps) / steps)[:, None, None]
        a, b, c, d = np.roll(p, 1, 0), p, np.roll(p, -1, 0), np.roll(p, -2, 0)
        out = 0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3)
        smooth = out.transpose(1, 0, 2).reshape(-1, 2)
        return self.polygon([(float(x), float(y)) for x, y in smooth])

    def ellipse(self, cx: float, cy: float, rx: float, ry: float) -> Draw:
        box = [v * self.side for v in (cx - rx, cy - ry, cx + rx, cy + ry)]
        return lambda d: d.ellipse(box, fill=255)

    def rectangle(self, x0: float, y0: float, x1: float, y1: float) -> Draw:
        return self.polygon([(x0, y0), (x1, y0), (x1, y1), (x0, y1)])

    def line(self, points: Points, width: float) -> Draw:
        scaled = [(x * self.side, y * self.side) for x, y in points]
        thick = max(1, round(width * self.side))
        return lambda d: d.line(scaled, fill=255, width=thick, joint="curve")

    def band(self, x: float, y: float, r: float, hole: float, flat: float = 1.0) -> Draw:
        """A disc with a hole in it, `flat` times as high as it is wide."""

        def draw(d: ImageDraw.ImageDraw) -> None:
            self.ellipse(x, y, r, r * flat)(d)
            d.ellipse([v * self.side for v in (x - hole, y - hole * flat, x + hole, y + hole * flat)], fill=0)

        return draw

    def below(self, y: float, rough: float = 0.0) -> Draw:
        """Everything below a horizon at height y that varies by `rough`."""
        steps = np.cumsum(self.layout.normal(0, 1, 49))
        steps = (steps - steps.mean()) / (np.abs(steps - steps.mean()).max() + 1e-6)
        line = [(i / 48, y + rough * float(s)) for i, s in enumerate(steps)]
        return self.polygon([(0.0, 1.01), *line, (1.0, 1.01), (1.01, 1.01)])

    def mirror(self, y: float, strength: float) -> None:
        """Mirror what is above height y in the water below it, distorted by waves."""
        top = round(y * self.side)
        depth = self.side - top
        if depth < 4:
            return
        rows = np.clip(top - 1 - np.arange(depth) * 1.1, 0, top - 1)[:, None]
        wave = resized(sample(self.surface_rng(), "across", depth, self.side, self.unit * 1.5), depth, self.side)
        shift = wave * np.linspace(0.5, 6, depth, dtype=np.float32)[:, None] * self.unit
        at = np.clip(rows + shift, 0, top - 1).astype(np.int32)
        seen = self.image[at, np.arange(self.side)[None, :]]
        self.image[top:] += (seen * 0.85 - self.image[top:]) * strength
