"""What an image processor's last steps did to the levels of a picture, undone."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Levels = NDArray[np.float64]


def denormalised(tile: NDArray[np.float32], processor: Any) -> Levels:
    """The levels (0–255) of what a processor made, normalised, both [3, height, width]; float64."""
    found = tile.astype(np.float64)
    if getattr(processor, "do_normalize", None):
        std, mean = np.asarray(processor.image_std, float), np.asarray(processor.image_mean, float)
        found = found * np.broadcast_to(std, 3)[:, None, None] + np.broadcast_to(mean, 3)[:, None, None]
    if getattr(processor, "do_rescale", None):
        found = found / float(processor.rescale_factor)
    return np.asarray(found)
