"""Dithering for terminals with 256 colours: neighbouring pixels differ so that together they look like the image.

Ordered, two by two pixels: a pixel is the same wherever it is seen, so that an image that is moved stays as it is.
"""

from __future__ import annotations

import numpy as np

from vlmtui.display.canvas import Pixels
from vlmtui.display.colours import oklab, xterm256, xterm_palette

SIDE = 2
ORDER = np.array([[0, 2], [3, 1]])
"""Which of the colours found for a pixel it takes, from dark to light, by its row and column."""
CORRECTION = 0.5
"""The share of the error so far that the next colour makes good: with all of it, colours become gaudy."""


def dithered(pixels: Pixels, corner: tuple[int, int] = (0, 0)) -> Pixels:
    """Pixels [height, width, 3] in colours of the xterm palette; `corner` is the column and row of the first."""
    height, width = pixels.shape[:2]
    packed, back = np.unique(pixels.reshape(-1, 3), axis=0, return_inverse=True)
    wanted = packed.astype(np.float64)
    error = np.zeros_like(wanted)
    found = []
    for _ in range(SIDE * SIDE):
        sought = np.clip(np.rint(wanted + CORRECTION * error), 0, 255).astype(np.uint8)
        found.append(xterm_palette()[xterm256(sought) - 16])
        error += wanted - found[-1]
    colours = np.stack(found, axis=1)
    lightness = oklab(colours)[..., 0]
    colours = np.take_along_axis(colours, np.argsort(lightness, axis=1, kind="stable")[..., None], axis=1)
    rows, cols = (np.arange(many) + first for many, first in ((height, corner[1]), (width, corner[0])))
    turn = ORDER[rows[:, None] % SIDE, cols[None, :] % SIDE]
    return np.asarray(colours[back.reshape(height, width), turn])
