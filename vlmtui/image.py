"""Image reading: from a path, an address or standard input to bytes, and to an upright RGB image, within limits.

Clients read the bytes (`read_source`) and send them; the session and any client that needs pixels decode them
(`decode`). As all use this module, they see the same image.
"""

from __future__ import annotations

import glob
import hashlib
import io
import os
import select
import stat
import sys
import threading
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from vlmtui.errors import ImageError
from vlmtui.files import expand_path
from vlmtui.image_kinds import HEIC, kind_of, reads_heic, register_heic
from vlmtui.image_levels import Levels, bands, colour_levels, grey_levels, is_wide_grey, sixteen_bit_rawmode
from vlmtui.image_paths import images_in, is_address, local_name
from vlmtui.image_profile import profile_note
from vlmtui.image_webp import webp_pixels

MAX_PIXELS = 200_000_000
MAX_BYTES = 1 << 30
OR_RAISE = ", or raise --max-pixels"
"""The end of `decode`'s message for an image that is too large, for clients that have this option."""
PIPE_S = 10.0
"""Seconds that a pipe without a writer is waited for."""
_BLOCK = 1 << 20

Pixels = NDArray[np.uint8]
_T = TypeVar("_T")


@dataclass(frozen=True)
class ImageFile:
    """An image file as read: its source, its bytes, and their sha256 in hex."""

    source: str
    data: bytes
    sha256: str


@dataclass(frozen=True)
class RgbImage:
    """An upright RGB image. `rgb` is uint8 [height, width, 3].

    `notes` are lines about how it was decoded, where that is not the usual way.
    """

    rgb: Pixels
    notes: tuple[str, ...] = ()

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
    elif is_address(source := local_name(source)):
        from vlmtui.image_download import download  # takes half of the import time and is rarely needed

        data = download(source, MAX_BYTES)
    else:
        data = _read_file(Path(expand_path(source)), source)
    return ImageFile(source=encodable_name(source), data=data, sha256=hashlib.sha256(data).hexdigest())


def encodable_name(source: str) -> str:
    """Replace the bytes of a file name that are not UTF-8, so that it can be sent and written."""
    return source.encode("utf-8", "replace").decode("utf-8")


def decode(data: bytes, name: str, max_pixels: int = MAX_PIXELS, levels: Levels = "auto") -> RgbImage:
    """Decode an image file: first frame, EXIF rotation, then RGB.

    Alpha is composited over white, more than 8 bits are scaled by `levels`, palette and CMYK are converted. Raises
    `ImageError` for a file that is not an image, is truncated, or has more than `max_pixels` pixels (checked before
    decoding).
    """
    return _open(data, name, max_pixels, lambda image: _decoded(image, data, levels))


def preview(data: bytes, name: str, size: tuple[int, int], max_pixels: int = MAX_PIXELS) -> Image.Image:
    """An image file as an upright RGB image of at most `size` (width, height), reduced as early as its format allows.

    Raises `ImageError` as `decode` does.
    """

    def reduce(image: Image.Image) -> Image.Image:
        if (webp := webp_pixels(image, data)) is not None:
            found = Image.fromarray(webp)
            found.thumbnail(size)
            return Image.fromarray(_to_rgb(found))
        image.draft("RGB", size)  # a JPEG is decoded at a fraction of its size
        if not is_wide_grey(image) and image.mode not in ("P", "PA", "1"):
            image.thumbnail(size)
        found = Image.fromarray(_decoded(image, data, "auto").rgb)
        found.thumbnail(size)
        return found

    return _open(data, name, max_pixels, reduce)


def _open(data: bytes, name: str, max_pixels: int, use: Callable[[Image.Image], _T]) -> _T:
    """What `use` makes of an image file whose pixels are not decoded yet. Raises `ImageError`."""
    if not data:
        raise ImageError(f"{name} is empty (0 bytes): choose an image file")
    register_heic()
    try:
        with _own_limits:
            image = Image.open(io.BytesIO(data))
            width, height = image.size
            if width * height > max_pixels:
                raise ImageError(
                    f"{name} has {width}×{height} pixels, more than the limit of {max_pixels:,}: make it "
                    f"smaller{OR_RAISE}"
                )
            return use(image)
    except ImageError:
        raise
    except MemoryError as error:
        raise ImageError(f"{name} does not fit in memory: make it smaller") from error
    except Exception as error:  # Pillow's plugins may raise anything for a damaged file
        raise ImageError(_why_not(data, name, error)) from error


def _decoded(image: Image.Image, data: bytes, levels: Levels) -> RgbImage:
    """The pixels of an image that was opened, and what is to be said about them."""
    if (webp := webp_pixels(image, data)) is not None:
        return RgbImage(_to_rgb(webp), tuple(filter(None, [profile_note(image)])))
    deep = sixteen_bit_rawmode(image)
    image.load()
    notes = [profile_note(image)]
    ImageOps.exif_transpose(image, in_place=True)
    rgb = None
    if is_wide_grey(image):
        grey, note = grey_levels(image, data, levels)
        rgb = np.repeat(grey[:, :, None], 3, axis=2)
        notes.append(note)
    elif deep is not None and (found := colour_levels(image, data, levels)) is not None:
        rgb, note = found
        notes.append(note)
    return RgbImage(_to_rgb(image) if rgb is None else rgb, tuple(note for note in notes if note))


def _why_not(data: bytes, name: str, error: Exception) -> str:
    """The sentence about a file that cannot be decoded: what it is, where its first bytes tell."""
    kind = kind_of(data)
    if kind is not None and not (kind is HEIC and reads_heic()):
        return f"{name} is {kind.name}: {kind.advice}"
    if isinstance(error, UnidentifiedImageError) and kind is None:
        return f"{name} is not an image that can be opened: choose one such as PNG, JPEG or WebP"
    return f"{name} is damaged or truncated ({_brief(error)}): download or export it again"


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


def _to_rgb(image: Image.Image | Pixels) -> Pixels:
    """Convert any Pillow mode of 8 bits to uint8 [height, width, 3], in bands: a copy of the whole is never made.

    An array is [height, width, 3 or 4]; of three it is returned as it is.
    """
    if isinstance(image, np.ndarray):
        if image.shape[2] == 3:
            return image
        over_white = np.empty((*image.shape[:2], 3), np.uint8)
        for rows in bands(*image.shape[:2]):
            over_white[rows] = _to_rgb(Image.fromarray(image[rows]))
        return over_white
    width, height = image.size
    rgb = np.empty((height, width, 3), np.uint8)
    has_alpha = image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info
    for rows in bands(height, width):
        part = image if rows == slice(0, height) else image.crop((0, rows.start, width, rows.stop))
        if has_alpha:
            rgba = (part.convert("LA") if part.mode == "La" else part).convert("RGBA")
            part = Image.alpha_composite(Image.new("RGBA", rgba.size, (255, 255, 255, 255)), rgba)
        rgb[rows] = np.asarray(_lab_to_rgb(part) if part.mode == "LAB" else part.convert("RGB"))
    return rgb


def _lab_to_rgb(image: Image.Image) -> Image.Image:
    """Convert CIE L*a*b*, which only a colour profile leads out of."""
    from PIL import ImageCms

    lab, srgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
    converted = ImageCms.profileToProfile(image, lab, srgb, outputMode="RGB")
    assert converted is not None
    return converted


def _read_file(path: Path, name: str) -> bytes:
    try:
        if path.is_dir():
            os.scandir(path).close()  # raises for one that may not be read
            if next(images_in(str(path)), None) is not None:
                raise ImageError(f"{name} is a folder: name one image file in it, or run vlmtui report FOLDER")
            some = "name a folder with PNG, JPEG or WebP files or the like, or name a file directly"
            raise ImageError(f"{name} contains no images: {some}")
        with open(path, "rb", opener=_open_file) as file:
            _check_readable(file.fileno(), name)
            return _read_limited(file.read, name)
    except FileNotFoundError:
        if glob.has_magic(name) and all(map(os.path.isdir, glob.iglob(str(path), recursive=True))):
            raise ImageError(f"{name} matches no file: check the pattern") from None
        raise ImageError(f"{name} does not exist: check the path") from None
    except PermissionError:
        raise ImageError(f"{name} cannot be read: check its permissions") from None
    except (OSError, ValueError) as error:
        raise ImageError(f"{name} cannot be read ({_brief(error)}): check the file") from None


def _open_file(path: str, flags: int) -> int:
    """Open a file; a pipe without a writer is not waited for here."""
    handle = os.open(path, flags | os.O_NONBLOCK)
    os.set_blocking(handle, True)
    return handle


def _check_readable(handle: int, name: str) -> None:
    """Raise `ImageError` for a device, and for a pipe into which nothing is written for a while."""
    kind = os.fstat(handle).st_mode
    if stat.S_ISREG(kind):
        return
    if not stat.S_ISFIFO(kind):
        raise ImageError(f"{name} is a device, not a file: name an image file, or pipe it into vlmtui report -")
    if not select.select([handle], [], [], PIPE_S)[0]:
        raise ImageError(f"{name} is a pipe into which nothing is written: name an image file")


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
