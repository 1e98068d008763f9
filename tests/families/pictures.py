"""Pictures to look at."""

from __future__ import annotations

import numpy as np

from vlmtui.images.decoding import RgbImage


def picture(width: int, height: int) -> RgbImage:
    """Noise without the ends of the scale, so that any pixel can be changed by much."""
    rng = np.random.default_rng(width)
    return RgbImage(rng.integers(70, 186, (height, width, 3), dtype=np.uint8))
