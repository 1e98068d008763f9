"""Two lenses that look at the pixels under every patch: one number a patch, and facts about one patch."""

from __future__ import annotations

from typing import Annotated

import msgspec
import numpy as np
from numpy.typing import NDArray

from vlmtui.lenses import Context, Facts, NotHere, Scalars, lens

Share = Annotated[float, msgspec.Meta(ge=0, le=1, description="Darker pixels, 0 black to 1, do not count.")]


@lens(stages=("vision", "tokens"))
def saturation(context: Context, darkest: Share = 0.0) -> Scalars:
    """How saturated the pixels under every patch are, on average: 0 is grey, 1 a pure colour."""
    image = context.image()
    places = context.boxes()
    found = np.full(len(places), np.nan)  # where a patch has no place in the image, or no pixel that counts
    for entry, box in enumerate(places):
        pixels = under(image, box)
        brightest = pixels.max(-1, initial=0)
        counted = brightest > max(darkest, 1e-9)
        if counted.any():
            found[entry] = (1 - pixels.min(-1)[counted] / brightest[counted]).mean()
        elif len(pixels) and darkest == 0:
            found[entry] = 0  # black
        context.progress(entry + 1, len(places))
    return Scalars(found, note=f"of pixels brighter than {darkest:g}" if darkest else "")


@lens(stages=("vision", "tokens"))
def pixel_facts(context: Context) -> Facts:
    """What lies under one patch: how many pixels, their mean colour, how they differ."""
    if len(context.entries) != 1:
        raise NotHere("pixel-facts is about one patch: name it with --patch 3,4")
    (box,) = context.boxes()
    pixels = under(context.image(), box)
    if not len(pixels):
        raise NotHere("this patch has no place in the image: choose another")
    red, green, blue = (round(255 * float(part)) for part in pixels.mean(0))
    contrast = float(pixels.mean(-1).std())
    return Facts({"pixels": len(pixels), "mean colour": f"#{red:02x}{green:02x}{blue:02x}", "contrast": contrast})


def under(image: NDArray[np.uint8], box: NDArray[np.float64]) -> NDArray[np.float64]:
    """The pixels that a box covers, each in 0 … 1 [pixels, 3]; none for a patch without a place."""
    if not np.isfinite(box).all():
        return np.zeros((0, 3))
    left, top, right, bottom = (int(edge) for edge in (*np.floor(box[:2]), *np.ceil(box[2:])))
    return image[max(0, top) : bottom, max(0, left) : right].reshape(-1, 3) / 255
