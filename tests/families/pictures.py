"""Pictures to look at."""

from __future__ import annotations

import numpy as np

from vlmtui.image import Picture


def picture(width: int, height: int) -> Picture:
    """Noise without the ends of the scale, so that any pixel can be changed by much."""
    rng = np.random.default_rng(width)
    return Picture(rng.integers(70, 186, (height, width, 3), dtype=np.uint8))
