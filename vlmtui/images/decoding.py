"""Decoding: an image file's bytes to an upright RGB image, within limits.

The session and any client that needs pixels decode by this module, so that they see the same image.
"""

from __future__ import annotations

import io
import re
import struct
import threading
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image, PngImagePlugin, UnidentifiedImageError

from vlmtui.errors import ImageError, one_line
from vlmtui.images.colour_profile import profile_note
from vlmtui.images.file_kinds import HEIC, image_kind, kind_of, register_heic
from vlmtui.images.levels import (
    Levels,
    bands,
    colour_levels,
    grey_levels,
    is_wide_grey,
    planar_problem,
    sixteen_bit_rawmode,
    widen_key,
)
from vlmtui.images.upright import frames_note, orientation, orientation_note, turn_upright
from vlmtui.images.webp import webp_pixels

MAX_PIXELS = 200_000_000
OR_RAISE = ", or raise --max-pixels"
"""The end of `decode`'s message for an image that is too large, for clients that have this option."""
OVER_WHITE = "it is transparent in places, which are put over white"

_OF_PYTHON = (LookupError, TypeError, AttributeError, ArithmeticError, AssertionError, struct.error)
"""Errors of a plugin that ran into damage: unlike its own, they say nothing of the file."""
_JARGON = re.compile(r"\bat 0x|\bb['\"]|literal for int|string to float|codec can't")

Pixels = NDArray[np.uint8]
_T = TypeVar("_T")


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
        if (webp := webp_pixels(image, data, orientation(image))) is not None:
            found = Image.fromarray(webp)
            found.thumbnail(size)
            return Image.fromarray(_to_rgb(found)[0])
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
            if problem := planar_problem(image):
                raise ImageError(f"{name} is {problem}")
            return use(image)
    except ImageError:
        raise
    except MemoryError as error:
        raise ImageError(f"{name} does not fit in memory: make it smaller") from error
    except Exception as error:  # Pillow's plugins may raise anything for a damaged file
        raise ImageError(_why_not(data, name, error)) from error


def _decoded(image: Image.Image, data: bytes, levels: Levels) -> RgbImage:
    """The pixels of an image that was opened, and what is to be said about them."""
    # before anything is loaded, which asking a PNG for its EXIF does, and counting frames afterwards would do again
    deep, frames, turn = sixteen_bit_rawmode(image), frames_note(image), orientation(image)
    if (webp := webp_pixels(image, data, turn)) is not None:
        rgb, see_through = _to_rgb(webp)
        return _noted(rgb, see_through, profile_note(image))
    image.load()
    widen_key(image, data)
    notes = (frames, orientation_note(turn), profile_note(image))
    turn_upright(image)
    if is_wide_grey(image):
        rgb, see_through, note = grey_levels(image, data, levels)
    elif deep is not None and (found := colour_levels(image, deep, data, levels)) is not None:
        rgb, see_through, note = found
    else:
        (rgb, see_through), note = _to_rgb(image), ""
    return _noted(rgb, see_through, note, *notes)


def _noted(rgb: Pixels, see_through: bool, *notes: str) -> RgbImage:
    """An image and what is to be said of it, transparency included."""
    return RgbImage(rgb, tuple(note for note in (*notes, OVER_WHITE if see_through else "") if note))


def _why_not(data: bytes, name: str, error: Exception) -> str:
    """The sentence about a file that cannot be decoded: what it is, where its first bytes tell."""
    kind = kind_of(data)
    if kind is not None and not (kind is HEIC and register_heic()):
        return f"{name} is {kind.name}: {kind.advice}"
    if isinstance(error, UnidentifiedImageError):
        if begins_as := "HEIC" if kind is HEIC else image_kind(data):
            damaged = "is damaged or truncated, or of a variant that is not read"
            return f"{name} begins as {begins_as} and {damaged}: download or export it again"
        return f"{name} is not an image that can be opened: choose one such as PNG, JPEG or WebP"
    reason = one_line(error)
    plain = not (isinstance(error, _OF_PYTHON) or _JARGON.search(reason))
    return f"{name} is damaged or truncated{f' ({reason})' if plain else ''}: download or export it again"


class _OwnLimits:
    """Context manager that lifts Pillow's own pixel limit, which is lower than ours and does not mention --max-pixels.

    That of one text or profile of a PNG becomes what all of them may have together (64 MB). Limits and warnings are
    global: they stay lifted as long as any thread decodes.
    """

    def __init__(self) -> None:
        self._lock, self._inside = threading.Lock(), 0
        self._before: int | None = None
        self._text = PngImagePlugin.MAX_TEXT_CHUNK
        self._quiet = warnings.catch_warnings()

    def __enter__(self) -> None:
        with self._lock:
            if not self._inside:
                self._quiet = warnings.catch_warnings()
                self._quiet.__enter__()
                warnings.simplefilter("ignore")
                self._before, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
                self._text, PngImagePlugin.MAX_TEXT_CHUNK = (
                    PngImagePlugin.MAX_TEXT_CHUNK,
                    PngImagePlugin.MAX_TEXT_MEMORY,
                )
            self._inside += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._inside -= 1
            if not self._inside:
                Image.MAX_IMAGE_PIXELS, PngImagePlugin.MAX_TEXT_CHUNK = self._before, self._text
                self._quiet.__exit__(None, None, None)


_own_limits = _OwnLimits()


def _to_rgb(image: Image.Image | Pixels) -> tuple[Pixels, bool]:
    """Any Pillow mode of 8 bits as uint8 [height, width, 3] over white, and whether it is transparent anywhere.

    Converted in bands: a copy of the whole is never made. An array is [height, width, 3 or 4]; of three it is returned
    as it is.
    """
    if isinstance(image, np.ndarray) and image.shape[2] == 3:
        return image, False
    width, height = image.size if isinstance(image, Image.Image) else (image.shape[1], image.shape[0])
    rgb = np.empty((height, width, 3), np.uint8)
    see_through = False
    for rows in bands(height, width):
        if isinstance(image, np.ndarray):
            part = Image.fromarray(image[rows])
        else:
            part = image if rows == slice(0, height) else image.crop((0, rows.start, width, rows.stop))
        if part.has_transparency_data:
            rgba = (part.convert("LA") if part.mode == "La" else part).convert("RGBA")
            see_through = see_through or rgba.getextrema()[3] != (255, 255)  # type: ignore[misc]
            part = Image.alpha_composite(Image.new("RGBA", rgba.size, (255, 255, 255, 255)), rgba)
        rgb[rows] = np.asarray(_lab_to_rgb(part) if part.mode == "LAB" else part.convert("RGB"))
    return rgb, see_through


def _lab_to_rgb(image: Image.Image) -> Image.Image:
    """Convert CIE L*a*b*, which only a colour profile leads out of."""
    from PIL import ImageCms

    lab, srgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
    converted = ImageCms.profileToProfile(image, lab, srgb, outputMode="RGB")
    assert converted is not None
    return converted
