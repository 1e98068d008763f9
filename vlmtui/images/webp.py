"""WebP decoded straight into an array: Pillow's decoder, which is for animations, takes 16 bytes a pixel on the way."""

from __future__ import annotations

import ctypes
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image


def webp_pixels(image: Image.Image, data: bytes, turn: int | None) -> NDArray[np.uint8] | None:
    """The pixels of a still WebP that Pillow has opened and not loaded, uint8 [height, width, 3 or 4].

    None where Pillow has to decode it: an animation, a turned or a damaged one, a library that is not reachable.
    `turn` is its `orientation`.
    """
    if image.format != "WEBP" or getattr(image, "is_animated", False) or turn != 1:
        return None
    library = _library()
    if library is None:
        return None
    width, height = ctypes.c_int(), ctypes.c_int()
    known = library.WebPGetInfo(data, ctypes.c_size_t(len(data)), ctypes.byref(width), ctypes.byref(height))
    if not known or (width.value, height.value) != image.size:
        return None
    has_alpha = image.mode == "RGBA"
    pixels = np.empty((height.value, width.value, 4 if has_alpha else 3), np.uint8)
    decode = library.WebPDecodeRGBAInto if has_alpha else library.WebPDecodeRGBInto
    decode.restype = ctypes.c_void_p
    into = pixels.ctypes.data_as(ctypes.c_void_p)
    stride = ctypes.c_int(pixels.strides[0])
    decoded = decode(data, ctypes.c_size_t(len(data)), into, ctypes.c_size_t(pixels.nbytes), stride)
    return pixels if decoded else None


@cache
def _library() -> Any:
    """The library that Pillow's WebP plugin is linked with, None where its functions are not to be found."""
    try:
        from PIL import _webp

        library = ctypes.CDLL(_webp.__file__)
        found = (library.WebPGetInfo, library.WebPDecodeRGBInto, library.WebPDecodeRGBAInto)
    except (ImportError, OSError, AttributeError):
        return None
    return library if all(found) else None
