"""Notes about what was done with an image: turned, one of several frames, over white; nothing where nothing was."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.images.test_decoding import chunk, encoded, gradient, png
from vlmtui.images.decoding import decode

RGB = Image.fromarray(gradient(16, 12))
BLUE = Image.new("RGB", RGB.size, (0, 0, 250))
FRAMES = ("GIF", "TIFF", "WEBP", "PNG", "AVIF")


def oriented(number: int) -> bytes:
    exif = Image.Exif()
    exif[274] = number
    return exif.tobytes()


def notes(image: Image.Image, format: str, **options: Any) -> tuple[str, ...]:
    return decode(encoded(image, format, **options), "x").notes


@pytest.mark.parametrize("format", [*FRAMES, "JPEG", "BMP", "ICO", "MPO"])
def test_nothing_is_said_of_an_image_as_it_is(format: str) -> None:
    assert notes(RGB, format) == ()


@pytest.mark.parametrize("format", ["JPEG", "PNG", "TIFF", "WEBP", "AVIF"])
def test_a_turn_is_said(format: str) -> None:
    (note,) = notes(RGB, format, exif=oriented(6))
    assert note.startswith("it is turned upright by its EXIF orientation")
    for number in (1, 0, 9):
        assert notes(RGB, format, exif=oriented(number)) == ()


@pytest.mark.parametrize("format", FRAMES)
def test_the_first_of_several_frames_is_said(format: str) -> None:
    (note,) = notes(RGB, format, save_all=True, append_images=[BLUE])
    assert note.startswith("only its first frame or page is read")


def test_a_photo_with_its_preview_is_one_image() -> None:
    """What cameras put beside a photo (MPO) are previews and gain maps."""
    assert notes(RGB, "MPO", save_all=True, append_images=[BLUE]) == ()


def test_the_preview_of_a_raw_file_is_said() -> None:
    """Cameras' raw files (DNG, NEF, ARW) are TIFFs whose first image is a small one."""
    (note,) = notes(RGB, "TIFF", tiffinfo={254: 1})
    assert note.startswith("only a reduced preview is read")


def test_what_is_transparent_is_said() -> None:
    alpha = np.full((12, 16, 1), 255, np.uint8)
    for kind in ("PNG", "WEBP", "TIFF"):
        assert notes(Image.fromarray(np.dstack([RGB, alpha])), kind) == ()
    alpha[3, 4] = 254
    for kind in ("PNG", "WEBP", "TIFF"):
        (note,) = notes(Image.fromarray(np.dstack([RGB, alpha])), kind)
        assert note.startswith("it is transparent in places, which are put over white")
    keyed = Image.new("P", (4, 4))
    keyed.putpalette([0, 0, 0, 255, 255, 255])
    assert notes(keyed, "GIF", transparency=1) == ()
    assert "over white" in notes(keyed, "GIF", transparency=0)[0]
    deep = b"\x00" + bytes(6) + b"\xff\xff" * 5
    assert "over white" in decode(png(2, 1, 16, 6, deep[:15] + b"\0\0"), "x").notes[-1]


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP"])
def test_exif_that_cannot_be_read_is_said_and_the_image_read(format: str) -> None:
    damaged = bytearray(oriented(6))
    damaged[6:8] = b"XX"
    if format == "PNG":
        data = png(2, 1, 8, 0, b"\0\x10\x20", chunk(b"eXIf", bytes(damaged[6:])))
    else:
        data = encoded(RGB, format, exif=bytes(damaged))
    found = decode(data, "x")
    assert found.width in (2, 16)
    assert [note for note in found.notes if note.startswith("its EXIF cannot be read")] == list(found.notes)
    assert found.notes or format == "JPEG"  # Pillow passes over it there
