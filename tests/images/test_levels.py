"""Levels of images with more than 8 bits a sample: by what is declared, by what the values need, or as it is asked."""

from __future__ import annotations

import io
import struct
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms
from PIL.TiffImagePlugin import ImageFileDirectory_v2

from benchmarks.decoding_memory import peak
from tests.images.test_decoding import chunk, encoded, png
from vlmtui.errors import UsageError
from vlmtui.images.decoding import decode
from vlmtui.images.levels import check_levels, planar_problem

TIFF_BLACK, TIFF_WHITE = (struct.pack("<HHII", 262, 3, 1, zero) for zero in (1, 0))
"""The entry of a TIFF that says what a grey of 0 is."""


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


def tiff(kind: int, samples: bytes) -> bytes:
    """A little-endian TIFF of one row of grey samples of 32 bits, whose SampleFormat is `kind`."""
    fields = [(256, len(samples) // 4), (257, 1), (258, 32), (259, 1), (262, 1), (273, 8)]
    fields += [(277, 1), (278, 1), (279, len(samples)), (339, kind)]
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in fields)
    return (
        b"II*\0" + struct.pack("<I", 8 + len(samples)) + samples + struct.pack("<H", len(fields)) + entries + bytes(4)
    )


@pytest.mark.parametrize("levels", ["auto", "full", "image"])
def test_32_bits_without_a_sign_are_not_negative(levels: Any) -> None:
    """Pillow reads the upper half of them as negative numbers."""
    values = [0, 1 << 30, 1 << 31, 3 << 30, (1 << 32) - 1]
    found = decode(tiff(1, np.array(values, "<u4").tobytes()), "x", levels=levels)
    assert found.rgb[0, :, 0].tolist() == [round(value * 255 / ((1 << 32) - 1)) for value in values]
    assert "outside" not in found.notes[0]


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (np.array([[-0.5, -1.0, 0.5]], np.float32), "; some samples are outside: 2 below 0 (black)"),
        (np.array([[np.nan, 0.5, np.inf]], np.float32), "; some samples are outside: 1 above 1 (white), 1 NaN (black)"),
        (np.array([[-7, 20, 200]], np.int32), "; some samples are outside: 1 below 0 (black)"),
    ],
)
def test_samples_without_a_level_are_counted(values: Any, said: str) -> None:
    (note,) = decode(encoded(Image.fromarray(values), "TIFF"), "x").notes
    assert note.endswith(said)


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


@pytest.mark.parametrize("turn", [1, 6])
def test_grey_of_12_bits_with_alpha(turn: int) -> None:
    """Pillow has it as colours of the upper byte alone."""
    values = np.random.default_rng(0).integers(0, 4096, (5, 7, 2)).astype(">u2")
    values[..., 1] *= 16
    exif = Image.Exif()
    exif[274] = turn
    data = png(7, 5, 16, 4, b"".join(b"\x00" + row.tobytes() for row in values), chunk(b"eXIf", exif.tobytes()[6:]))
    grey, alpha = values[..., :1].astype(float) * 255 / 4095, values[..., 1:].astype(float) / 65535
    expected = np.repeat(grey * alpha + 255 * (1 - alpha), 3, axis=2)
    found = decode(data, "x")
    assert np.abs(found.rgb - (expected if turn == 1 else expected[::-1].transpose(1, 0, 2))).max() <= 2
    assert "4,095" in found.notes[0]


def test_alpha_of_colours_whose_levels_are_scaled() -> None:
    rows = b"\x00" + struct.pack(">8H", 4095, 2048, 0, 65535, 100, 100, 100, 0)
    assert decode(png(2, 1, 16, 6, rows), "x").rgb.tolist() == [[[255, 128, 0], [255, 255, 255]]]


@pytest.mark.parametrize("bits", [1, 2, 4, 8, 16])
def test_a_grey_that_is_transparent_is_told_by_all_its_bits(bits: int) -> None:
    top = (1 << bits) - 1
    for key in {0, 1, top - 1}:
        values = [key, key ^ 1, top, 0]
        packed = sum(value << bits * (3 - i) for i, value in enumerate(values)) << (4 if bits == 1 else 0)
        rows = b"\x00" + packed.to_bytes(max(1, bits // 2), "big")
        data = png(4, 1, bits, 0, rows, chunk(b"tRNS", struct.pack(">H", key)))
        expected = [255 if value == key else round(value * 255 / top) for value in values]
        assert np.abs(np.subtract(greys(data), expected)).max() <= 1, (bits, key)


def test_a_colour_of_16_bits_that_is_transparent() -> None:
    rows = b"\x00" + struct.pack(">6H", 30000, 30001, 30002, 30000, 30001, 30003)
    data = png(2, 1, 16, 2, rows, chunk(b"tRNS", struct.pack(">3H", 30000, 30001, 30002)))
    assert decode(data, "x").rgb.tolist() == [[[255] * 3, [117] * 3]]


def test_the_bits_of_alpha_are_not_those_of_grey() -> None:
    rows = b"\x00" + struct.pack(">4H", 1000, 65535, 500, 65535)
    assert greys(png(2, 1, 16, 4, rows, chunk(b"sBIT", bytes([12, 16])))) == [62, 31]


def test_scaling_colours_makes_no_copy_of_the_whole() -> None:
    side = 1500
    row = b"\x00" + (np.arange(side * 3, dtype=">u2") % 4096).tobytes()
    assert peak(png(side, side, 16, 2, row * side), "whole") < 35 * side**2


def test_white_is_zero_of_16_bits_too() -> None:
    tags = ImageFileDirectory_v2()
    tags[262] = 0  # PhotometricInterpretation
    data = encoded(Image.fromarray(np.array([[0, 13107, 65535]], np.uint16)), "TIFF", tiffinfo=tags)
    found = decode(data.replace(TIFF_BLACK, TIFF_WHITE), "x")
    assert found.rgb[0, :, 0].tolist() == [255, 204, 0]


def test_channels_of_16_bits_that_are_stored_apart_are_refused() -> None:
    """Pillow reads them as bytes, which makes another image."""
    data = encoded(Image.fromarray(np.zeros((2, 2, 3), np.uint8)), "TIFF")
    image = Image.open(io.BytesIO(data))
    image.tag_v2[284], image.tag_v2[258] = 2, (16, 16, 16)
    assert "stored apart" in planar_problem(image)
    for planar, bits in ((1, (16, 16, 16)), (2, (8, 8, 8))):
        image.tag_v2[284], image.tag_v2[258] = planar, bits
        assert planar_problem(image) == ""
