"""What may be given as a picture, made into the bytes of a file."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vlmtui.errors import UsageError
from vlmtui.image import ImageFile, read_source

Picture = str | Path | bytes | Image.Image | NDArray[np.uint8]


def source_of(image: Any) -> ImageFile:
    """The bytes of a picture; `UsageError` for what is none. A Pillow image or an array becomes a PNG."""
    if isinstance(image, str | Path):
        return read_source(str(image))
    if isinstance(image, bytes):
        return ImageFile("bytes", image, hashlib.sha256(image).hexdigest())
    if isinstance(image, np.ndarray):
        if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
            raise UsageError(f"an array of {image.dtype} {image.shape} is no picture: give uint8 [height, width, 3]")
        image = Image.fromarray(image)
    if not isinstance(image, Image.Image):
        raise UsageError(
            f"{type(image).__name__} is no picture: give a path, an address, bytes, a Pillow image or an array"
        )
    file = io.BytesIO()
    image.save(file, "PNG")
    data = file.getvalue()
    return ImageFile("image", data, hashlib.sha256(data).hexdigest())
