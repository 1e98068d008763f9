"""The picture as a page carries it: no larger than a screen shows it, and without what else its file says."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass

from PIL import Image

from vlmtui.display.colours import Rgb

LONG_SIDE = 1400
"""The most pixels along the longer side."""
MOST_BYTES = 900_000
"""Noise does not shrink: beyond this it loses quality, that the page stays one that can be sent."""
_LOSSLESS_PIXELS = 1 << 16
_QUALITIES = 85, 70, 50, 30


@dataclass(frozen=True)
class EmbeddedImage:
    """A picture as an address that holds it whole, and its size in pixels there."""

    address: str
    width: int
    height: int


def embed_image(rgb: Rgb) -> EmbeddedImage:
    """The picture [height, width, 3] uint8 as WebP: small ones exactly, larger ones at quality 85 or less."""
    image = Image.fromarray(rgb)
    scale = min(1.0, LONG_SIDE / max(image.size))
    if scale < 1:
        size = max(1, round(image.width * scale)), max(1, round(image.height * scale))
        image = image.resize(size, Image.Resampling.LANCZOS)
    if image.width * image.height <= _LOSSLESS_PIXELS:
        data = _webp(image, lossless=True)
    else:
        for quality in _QUALITIES:
            data = _webp(image, quality=quality)
            if len(data) <= MOST_BYTES:
                break
    return EmbeddedImage(f"data:image/webp;base64,{base64.b64encode(data).decode()}", image.width, image.height)


def _webp(image: Image.Image, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, "WEBP", method=4, **options)
    return file.getvalue()
