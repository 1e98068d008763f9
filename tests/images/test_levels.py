"""Levels of images with more than 8 bits a sample: by what is declared, by what the values need, or as it is asked."""

from __future__ import annotations

import io
import struct
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms
from PIL.TiffImagePlugin import ImageFileDirectory_v2

from tests.images.test_decoding import chunk, encoded, png
from vlmtui.errors import UsageError
from vlmtui.images.decoding import decode
from vlmtui.images.levels import check_levels


def grey_png(values: list[int], bits: int | None = None) -> bytes:
    """A grey PNG of 16 bits; `bits` are those that it declares."""
    rows = b"\x00" + b"".join(struct.pack(">H", value) for value in values)
    return png(len(values), 1, 16, 0, rows, chunk(b"sBIT", bytes([bits])) if bits else b"")


def greys(data: bytes, **options: Any) -> list[int]:
    """The grey of every pixel of the first row."""
    found: list[int] = decode(data, "x", **options).rgb[0, :, 0].tolist()
    return found


@pytest.mark.parametrize(("most", "bits"), [(255, 8), (256, 10), (1023, 10), (1024, 12), (4095, 12), (9000, 14)])
def test_the_smallest_depth_that_holds_the_maximum(most: int, bits: int) -> None:
    data, top = grey_png([0, most // 3, most]), (1 << bits) - 1
    assert greys(data) == [round(value * 255 / top) for value in (0, most // 3, most)]
    (note,) = decode(data, "x").notes
    assert f"from 0 to {top:,} ({bits} bits" in note
    assert "--levels" in note


def test_sixteen_bits_are_as_ever_and_nothing_is_said() -> None:
    data = grey_png([0, 257, 30000, 65535])
    assert greys(data) == [0, 1, round(30000 / 257), 255]
    assert decode(data, "x").notes == ()


def test_the_declared_depth_goes_first() -> None:
    # a dark image of 14 bits, whose values would fit into 10
    assert greys(grey_png([0, 1000], 14)) == [0, round(1000 * 255 / 16383)]
    # the standard has samples scaled up to 16 bits
    assert greys(grey_png([0, 65535], 12)) == [0, 255]
    tags = ImageFileDirectory_v2()
    tags[281] = 4095  # MaxSampleValue
    tiff = encoded(Image.fromarray(np.array([[0, 200]], np.uint16)), "TIFF", tiffinfo=tags)
    assert greys(tiff) == [0, round(200 * 255 / 4095)]


def test_levels_as_asked() -> None:
    data = grey_png([1000, 2000, 3000])
    assert greys(data, levels="full") == [round(value / 257) for value in (1000, 2000, 3000)]
    assert greys(data, levels="image") == [0, 128, 255]
    assert greys(grey_png([7, 7]), levels="image") == [0, 0]
    with pytest.raises(UsageError, match="auto, full, image"):
        check_levels("widest")


@pytest.mark.parametrize(
    ("values", "levels", "expected"),
    [
        ([0.0, 0.5, 1.0], "auto", [0, 128, 255]),
        ([0.0, 100.0, 255.0], "auto", [0, 100, 255]),
        ([0.0, 2000.0, 4000.0], "auto", [0, round(2000 * 255 / 4095), round(4000 * 255 / 4095)]),
        ([0.0, 5e5, 1e6], "auto", [0, 128, 255]),
        ([-5.0, np.nan, np.inf, 1.0], "auto", [0, 0, 255, 255]),
        ([270.0, 280.0, 290.0], "image", [0, 128, 255]),
        ([0.25, 2.0, -1.0], "full", [64, 255, 0]),
    ],
)
def test_fractions(values: list[float], levels: Any, expected: list[int]) -> None:
    data = encoded(Image.fromarray(np.array([values], np.float32)), "TIFF")
    found = decode(data, "x", levels=levels)
    assert found.rgb[0, :, 0].tolist() == expected
    assert len(found.notes) == 1


def test_whole_numbers_of_32_bits() -> None:
    data = encoded(Image.fromarray(np.array([[0, 1000, 4000]], np.int32)), "TIFF")
    assert greys(data) == [0, round(1000 * 255 / 4095), round(4000 * 255 / 4095)]


@pytest.mark.parametrize("alpha", [False, True])
@pytest.mark.parametrize("turn", [1, 6])
def test_colours_of_12_bits_in_16(alpha: bool, turn: int) -> None:
    """Pillow keeps the upper byte alone, which leaves 4 of 12 bits."""
    values = np.random.default_rng(0).integers(0, 4096, (5, 7, 4 if alpha else 3)).astype(">u2")
    if alpha:
        values[..., 3] = 65535
    rows = b"".join(b"\x00" + row.tobytes() for row in values)
    exif = Image.Exif()
    exif[274] = turn
    data = png(7, 5, 16, 6 if alpha else 2, rows, chunk(b"eXIf", exif.tobytes()[6:]))
    expected = np.rint(values[..., :3].astype(float) * 255 / 4095)
    found = decode(data, "x")
    np.testing.assert_array_equal(found.rgb, expected if turn == 1 else expected[::-1].transpose(1, 0, 2))
    assert "4,095" in found.notes[0]
    assert decode(data, "x", levels="full").rgb.max() <= 15


def test_a_colour_profile_is_said() -> None:
    image = Image.new("RGB", (2, 2), (9, 8, 7))

    def notes(kind: Any) -> tuple[str, ...]:
        profile = ImageCms.ImageCmsProfile(ImageCms.createProfile(kind)).tobytes()
        return decode(encoded(image, icc_profile=profile), "x").notes

    assert notes("sRGB") == ()
    assert "colour profile" in notes("XYZ")[0]
    assert "is not applied" in decode(encoded(image, icc_profile=b"damaged"), "x").notes[0]


def test_lab_is_converted() -> None:
    file = io.BytesIO()
    Image.new("LAB", (2, 2), (255, 128, 128)).save(file, "TIFF")
    assert decode(file.getvalue(), "x").rgb.min() >= 250
