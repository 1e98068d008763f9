"""Orientation by EXIF, and frames: how an image is turned, and what is said of that and of the frames left out."""

from __future__ import annotations

from PIL import Image, ImageOps

TURNED = "it is turned upright by its EXIF orientation: sizes and places are those of the turned image"
DAMAGED_EXIF = "its EXIF cannot be read: it is not turned"
FIRST_FRAME = "only its first frame or page is read: save another one as a file of its own to read that"
PREVIEW = "only a reduced preview is read, which comes first in it: export the whole image as PNG, TIFF or JPEG"
_ORIENTATION, _SUBFILE, _REDUCED = 274, 254, 1
_TURNS = range(2, 9)
_NOT_FRAMES = ("PSD", "MPO")
"""Formats whose frames are layers of the image that is read, or previews and gain maps of it."""


def orientation(image: Image.Image) -> int | None:
    """How an image that is not loaded yet is turned, 1 to 8, by the table of EXIF; None where that cannot be read."""
    try:
        found = image.getexif().get(_ORIENTATION, 1)
    except MemoryError:
        raise
    except Exception:  # Pillow may raise anything for a damaged one
        return None
    return found if found in _TURNS else 1


def turn_upright(image: Image.Image) -> None:
    """Turn an image, in its place; one whose EXIF cannot be read or written is left as far as that went."""
    try:
        ImageOps.exif_transpose(image, in_place=True)
    except MemoryError:
        raise
    except Exception:
        image.load()  # what is damaged elsewhere is said


def orientation_note(found: int | None) -> str:
    """One line about the orientation of `orientation`; "" for one as it is."""
    return DAMAGED_EXIF if found is None else TURNED if found in _TURNS else ""


def frames_note(image: Image.Image) -> str:
    """One line about an image that is not loaded yet and holds more than what is read; "" for others."""
    if int(getattr(image, "tag_v2", {}).get(_SUBFILE, 0)) & _REDUCED:
        return PREVIEW
    return FIRST_FRAME if image.format not in _NOT_FRAMES and getattr(image, "is_animated", False) else ""
