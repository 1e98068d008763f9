"""Images of the Python API: paths, bytes, open files, Pillow images, arrays and tensors, as the file that is sent.

A tensor is known by its methods, so that torch is not imported here.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vlmtui.errors import ArgumentTypeError, ImageError, UsageError, one_line, type_name
from vlmtui.images.image_file import ImageFile, read_source

ImageArgument = str | Path | bytes | bytearray | memoryview | BinaryIO | Image.Image | NDArray[Any]
"""What can be read; a torch tensor too."""
_CHANNELS = (1, 3, 4)
_PNG_MODES = frozenset(("1", "L", "LA", "I;16", "P", "RGB", "RGBA"))
_TIFF_MODES = frozenset(("I", "F"))
_WITH_ALPHA = {"La": "LA", "RGBa": "RGBA", "PA": "RGBA"}
_LEVELS = "give uint8, or floats from 0 to 1"


def image_file(image: Any) -> ImageFile:
    """The file of an image; a Pillow image, an array or a tensor is encoded without loss.

    `ArgumentTypeError` for another type, `UsageError` for an array that is no image, or has no numbers.
    """
    if isinstance(image, str):
        return read_source(image)
    if isinstance(image, os.PathLike):
        try:
            path = os.fsdecode(image)
        except TypeError as error:
            raise ArgumentTypeError(f"image is a {type_name(image)} that gives no path ({one_line(error)})") from error
        return read_source(path)
    if isinstance(image, bytes | bytearray | memoryview):
        return _named("bytes", bytes(image))
    if callable(getattr(image, "read", None)):
        return _named("bytes", _whole(image))
    if isinstance(image, Image.Image):
        return _named("image", _encoded(image))
    is_tensor = all(callable(getattr(image, name, None)) for name in ("detach", "cpu", "numpy"))
    if is_tensor or hasattr(image, "__array__"):
        try:
            array = _array(image) if is_tensor else np.asarray(image)
        except Exception as error:  # a sparse tensor, one of the meta device, a lazy array
            why = f"whose numbers cannot be had ({one_line(error)})"
            raise UsageError(f"image is a {type_name(image)} {why}: give a dense tensor or an array") from error
        if np.ma.is_masked(image):
            raise UsageError(
                "image is a masked array, and its masked pixels have no value: fill them with .filled(VALUE)"
            )
        return _named("image", _encoded(Image.fromarray(levels(array, is_tensor))))
    raise ArgumentTypeError(
        "image must be a path, an address, bytes, an open file, a Pillow image, an array or a tensor, "
        f"not {type_name(image)}"
    )


def levels(image: NDArray[Any], channels_first: bool) -> NDArray[np.uint8]:
    """An array as uint8 [height, width] or [height, width, 3 or 4].

    It may be [height, width], [height, width, channels], [channels, height, width], or one of these in a batch of one,
    with 1, 3 or 4 channels. Where both ends could be the channels, the first is with `channels_first`, else the last.
    Booleans and floats are of 0 to 1, 16 bits without a sign of 0 to 65,535, and other whole numbers of 0 to 255.
    """
    shape = tuple(image.shape)
    given = f"an array of {image.dtype} {shape} is not an image"
    if image.ndim == 4 and len(image) == 1:
        image = image[0]
    first, last = (image.ndim == 3 and image.shape[at] in _CHANNELS for at in (0, -1))
    if first and (channels_first or not last):
        image = np.moveaxis(image, 0, -1)
    elif not (image.ndim == 2 or last):
        raise UsageError(f"{given}: give [height, width, 3] or [3, height, width]")
    if not image.size:
        raise UsageError(f"{given}: it is empty; give at least one row and column")
    if image.ndim == 3 and image.shape[-1] == 1:
        image = image[..., 0]
    return np.ascontiguousarray(_scaled(image, given))


def _scaled(image: NDArray[Any], given: str) -> NDArray[np.uint8]:
    kind = image.dtype.kind
    if image.dtype == np.uint8:
        return image
    if kind not in "buif":
        raise UsageError(f"{given}: {_LEVELS}")
    least, most = float(image.min()), float(image.max())
    top = 1.0 if kind in "bf" else 65535.0 if image.dtype == np.uint16 else 255.0
    # interpolation and float16 overshoot by little
    slack = 1e-3 if kind == "f" else 0.0
    if not (-slack <= least and most <= top + slack):
        undo = "undo its normalisation, or " if least < 0 else ""
        raise UsageError(f"{given}: its numbers go from {least:g} to {most:g}: {undo}{_LEVELS}")
    return np.rint(np.clip(image.astype(np.float64) / top, 0.0, 1.0) * 255.0).astype(np.uint8)


def _array(tensor: Any) -> NDArray[Any]:
    """The numbers of a tensor on any device; NumPy has no bfloat16."""
    tensor = tensor.detach().cpu()
    return np.asarray((tensor.float() if "bfloat16" in str(tensor.dtype) else tensor).numpy())


def _whole(file: Any) -> bytes:
    """The bytes of an open file, from its beginning where it can be rewound."""
    with contextlib.suppress(AttributeError, OSError, ValueError):
        if file.seekable():  # one that was just written stands at its end
            file.seek(0)
    try:
        data = file.read()
    except (OSError, ValueError) as error:
        raise ImageError(f"the open file cannot be read ({error}): open it again") from None
    if not isinstance(data, bytes | bytearray | memoryview):
        raise ArgumentTypeError(f"image must be a file that was opened in binary, not one of {type(data).__name__}")
    return bytes(data)


def _encoded(image: Image.Image) -> bytes:
    file = io.BytesIO()
    try:
        turned = image.getexif()
        kind = "TIFF" if image.mode in _TIFF_MODES else "PNG"
        if image.mode not in _PNG_MODES | _TIFF_MODES:
            image = image.convert(_WITH_ALPHA.get(image.mode, "RGB"))
        image.save(file, kind, exif=turned)
    except (OSError, ValueError, SyntaxError) as error:
        raise ImageError(f"the Pillow image cannot be read ({error}): open it again") from error
    return file.getvalue()


def _named(name: str, data: bytes) -> ImageFile:
    return ImageFile(name, data, hashlib.sha256(data).hexdigest())
