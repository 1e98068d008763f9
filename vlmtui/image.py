"""Image reading: from a path, an address or standard input to bytes, and to an upright RGB image, within limits.

Clients read the bytes (`read_source`) and send them; the session and any client that needs pixels decode them
(`decode`). As all use this module, they see the same image.
"""

from __future__ import annotations

import glob
import hashlib
import io
import os
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from vlmtui.errors import ImageError
from vlmtui.files import expand_path

MAX_PIXELS = 200_000_000
MAX_BYTES = 1 << 30
OR_RAISE = ", or raise --max-pixels"
"""The end of `decode`'s message for an image that is too large, for clients that have this option."""
ENDINGS = frozenset(
    ".avif .bmp .gif .j2k .jfif .jp2 .jpe .jpeg .jpg .pbm .pgm .png .pnm .ppm .tga .tif .tiff .webp".split()
)
"""The endings of image files in a folder; a file named explicitly or by a pattern may have any ending."""
_BLOCK = 1 << 20

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class ImageFile:
    """An image file as read: its source, its bytes, and their sha256 in hex."""

    source: str
    data: bytes
    sha256: str


@dataclass(frozen=True)
class RgbImage:
    """An upright RGB image. `rgb` is uint8 [height, width, 3]."""

    rgb: Pixels

    @property
    def width(self) -> int:
        """Width in pixels, after the EXIF rotation."""
        return int(self.rgb.shape[1])

    @property
    def height(self) -> int:
        """Height in pixels, after the EXIF rotation."""
        return int(self.rgb.shape[0])


Picture = RgbImage
"""The former name of `RgbImage`."""


def read_source(source: str) -> ImageFile:
    """Read a path, an http(s) address, or `-` for standard input.

    Raises `ImageError` with one sentence when there is nothing to read.
    """
    if not source:
        raise ImageError("the name of the image is empty: give a path, an http(s) address, or -")
    if source == "-":
        if sys.stdin is None:
            raise ImageError("standard input is closed: pipe an image's bytes into it, or name a file")
        data = _read_limited(sys.stdin.buffer.read, "standard input")
        if not data:
            raise ImageError("standard input is empty: pipe an image's bytes into it, or name a file")
    elif is_address(source):
        from vlmtui.image_download import download  # takes half of the import time and is rarely needed

        data = download(source, MAX_BYTES)
    else:
        data = _read_file(Path(expand_path(source)), source)
    return ImageFile(source=encodable_name(source), data=data, sha256=hashlib.sha256(data).hexdigest())


def encodable_name(source: str) -> str:
    """Replace the bytes of a file name that are not UTF-8, so that it can be sent and written."""
    return source.encode("utf-8", "replace").decode("utf-8")


def decode(data: bytes, name: str, max_pixels: int = MAX_PIXELS) -> RgbImage:
    """Decode an image file: first frame, EXIF rotation, then RGB.

    Alpha is composited over white, 16 bits are scaled to 8, palette and CMYK are converted. Raises `ImageError` for a
    file that is not an image, is truncated, or has more than `max_pixels` pixels (checked before decoding).
    """
    if not data:
        raise ImageError(f"{name} is empty (0 bytes): choose an image file")
    try:
        with _own_limits:
            image = Image.open(io.BytesIO(data))
            width, height = image.size
            if width * height > max_pixels:
                raise ImageError(
                    f"{name} has {width}×{height} pixels, more than the limit of {max_pixels:,}: make it "
                    f"smaller{OR_RAISE}"
                )
            image.load()
            return RgbImage(_to_rgb(ImageOps.exif_transpose(image)))
    except ImageError:
        raise
    except UnidentifiedImageError as error:
        raise ImageError(f"{name} is not an image that can be opened: choose one such as PNG, JPEG or WebP") from error
    except MemoryError as error:
        raise ImageError(f"{name} does not fit in memory: make it smaller") from error
    except Exception as error:  # Pillow's plugins may raise anything for a damaged file
        raise ImageError(f"{name} is damaged or truncated ({_brief(error)}): download or export it again") from error


class _OwnLimits:
    """Context manager that lifts Pillow's own pixel limit, which is lower than ours and does not mention --max-pixels.

    The limit and warnings are global: they stay lifted as long as any thread decodes.
    """

    def __init__(self) -> None:
        self._lock, self._inside = threading.Lock(), 0
        self._before: int | None = None
        self._quiet = warnings.catch_warnings()

    def __enter__(self) -> None:
        with self._lock:
            if not self._inside:
                self._quiet = warnings.catch_warnings()
                self._quiet.__enter__()
                warnings.simplefilter("ignore")
                self._before, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
            self._inside += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._inside -= 1
            if not self._inside:
                Image.MAX_IMAGE_PIXELS = self._before
                self._quiet.__exit__(None, None, None)


_own_limits = _OwnLimits()


def _to_rgb(image: Image.Image) -> Pixels:
    """Convert any Pillow mode to uint8 [height, width, 3]."""
    if image.mode in ("I;16", "I;16L", "I;16B", "I;16N", "I", "F"):
        return _grey_to_rgb(image)
    if image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
        rgba = image.convert("RGBA")
        white = Image.new("RGBA", rgba.size, (255, 255, 255, 255))
        image = Image.alpha_composite(white, rgba)
    return np.asarray(image.convert("RGB"), dtype=np.uint8)


def _grey_to_rgb(image: Image.Image) -> Pixels:
    """Scale 16-bit and wider greys to 8 bits; `convert("RGB")` would clip them to white."""
    values = np.asarray(image)
    if values.dtype == bool or image.mode.startswith("I;16"):
        top = 65535.0
    elif image.mode == "I":
        # 32-bit values may hold 8-bit or 16-bit data; the file does not say which
        most = int(values.max())
        top = 255.0 if most <= 255 else 65535.0 if most <= 65535 else float(np.iinfo(np.int32).max)
    else:
        finite = values[np.isfinite(values)]
        largest = float(finite.max()) if finite.size else 1.0
        top = 1.0 if largest <= 1.0 else (255.0 if largest <= 255.0 else largest)
    scaled = np.clip(np.nan_to_num(values.astype(np.float64)) / top, 0.0, 1.0) * 255.0
    grey = np.rint(scaled).astype(np.uint8)
    return np.repeat(grey[:, :, None], 3, axis=2)


def is_address(source: str) -> bool:
    """Whether an image source is an address: a scheme, `://`, and more."""
    scheme, mark, _ = source.partition("://")
    return bool(mark) and scheme.replace("+", "").replace(".", "").replace("-", "").isalnum()


def images_in(folder: str) -> Iterator[str]:
    """The image files (by `ENDINGS`) in a folder and its subfolders, except hidden ones.

    Sorted by name, a folder's files before those of its subfolders; links to folders are not followed.
    """
    for above, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            if not name.startswith(".") and os.path.splitext(name)[1].lower() in ENDINGS:
                yield os.path.join(above, name)


def _read_file(path: Path, name: str) -> bytes:
    try:
        if path.is_dir():
            os.scandir(path).close()  # raises for one that may not be read
            if next(images_in(str(path)), None) is not None:
                raise ImageError(f"{name} is a folder: name one image file in it, or run vlmtui report FOLDER")
            some = "name a folder with PNG, JPEG or WebP files or the like, or name a file directly"
            raise ImageError(f"{name} contains no images: {some}")
        with path.open("rb") as file:
            return _read_limited(file.read, name)
    except FileNotFoundError:
        if glob.has_magic(name) and all(map(os.path.isdir, glob.iglob(str(path), recursive=True))):
            raise ImageError(f"{name} matches no file: check the pattern") from None
        raise ImageError(f"{name} does not exist: check the path") from None
    except PermissionError:
        raise ImageError(f"{name} cannot be read: check its permissions") from None
    except (OSError, ValueError) as error:
        raise ImageError(f"{name} cannot be read ({_brief(error)}): check the file") from None


def _read_limited(read: Callable[[int], bytes], name: str) -> bytes:
    """Read to the end. `ImageError` past `MAX_BYTES`, without keeping more than that in memory."""
    parts: list[bytes] = []
    size = 0
    while block := read(_BLOCK):
        size += len(block)
        if size > MAX_BYTES:
            raise ImageError(f"{name} is larger than the limit of {MAX_BYTES >> 20} MiB: make it smaller")
        parts.append(block)
    return b"".join(parts)


def _brief(error: object) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= 120 else text[:117] + "..."
