"""Gaussian blur of parts of an image, which removes their content."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

Box = tuple[float, float, float, float]


def blur_boxes(rgb: NDArray[np.uint8], boxes: Sequence[Box]) -> NDArray[np.uint8]:
    """A copy of an image [height, width, 3] with these boxes (x0, y0, x1, y1, in pixels) blurred.

    The radius of the Gaussian is the longer side of a box. Surrounding pixels blend into the box, not the reverse.
    """
    height, width = rgb.shape[:2]
    made = rgb.copy()
    for x0, y0, x1, y1 in boxes:
        left, top = max(0, int(x0)), max(0, int(y0))
        right, bottom = min(width, int(np.ceil(x1))), min(height, int(np.ceil(y1)))
        if right <= left or bottom <= top:
            continue
        radius = max(right - left, bottom - top)
        reach = 3 * radius
        outer = max(0, left - reach), max(0, top - reach), min(width, right + reach), min(height, bottom + reach)
        part = Image.fromarray(rgb[outer[1] : outer[3], outer[0] : outer[2]])
        soft = np.asarray(part.filter(ImageFilter.GaussianBlur(radius)))
        made[top:bottom, left:right] = soft[top - outer[1] : bottom - outer[1], left - outer[0] : right - outer[0]]
    return made
