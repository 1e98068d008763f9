"""Embedded image of a page: no larger than a screen shows, and without the file's metadata."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass

from PIL import Image

from vlmtui.display.colours import Rgb

LONG_SIDE = 1400
"""Maximum of the longer side in pixels."""
MOST_BYTES = 900_000
"""Maximum size. Noisy images compress badly: above this, quality is reduced to keep the page small enough to send."""
_LOSSLESS_PIXELS = 1 << 16
_QUALITIES = 85, 70, 50, 30


@dataclass(frozen=True)
class EmbeddedImage:
    """An image as a `data:` URL, and its size in pixels."""

    address: str
    width: int
    height: int


def embed_image(rgb: Rgb) -> EmbeddedImage:
    """Encode an image [height, width, 3] uint8 as WebP: small ones lossless, larger ones at quality 85 or less."""
    picture = Image.fromarray(rgb)
    scale = min(1.0, LONG_SIDE / max(picture.size))
    if scale < 1:
        size = max(1, round(picture.width * scale)), max(1, round(picture.height * scale))
        picture = picture.resize(size, Image.Resampling.LANCZOS)
    if picture.width * picture.height <= _LOSSLESS_PIXELS:
        data = _webp(picture, lossless=True)
    else:
        for quality in _QUALITIES:
            data = _webp(picture, quality=quality)
            if len(data) <= MOST_BYTES:
                break
    return EmbeddedImage(f"data:image/webp;base64,{base64.b64encode(data).decode()}", picture.width, picture.height)


def _webp(picture: Image.Image, **how: object) -> bytes:
    file = io.BytesIO()
    picture.save(file, "WEBP", method=4, **how)
    return file.getvalue()
