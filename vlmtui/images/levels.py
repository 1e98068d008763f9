"""Levels of images with more than 8 bits a sample: which range of values becomes 0 to 255.

`auto` takes the bit depth that the file declares, else the smallest of 8, 10, 12, 14 and 16 bits that holds the largest
value; `full` the whole range of the samples; `image` the image's own smallest and largest value.
"""

from __future__ import annotations

import io
import struct
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vlmtui.errors import UsageError
from vlmtui.images.upright import turn_upright

Pixels = NDArray[np.uint8]
Levels = Literal["auto", "full", "image"]
LEVELS: tuple[Levels, ...] = get_args(Levels)
DEPTHS = (8, 10, 12, 14, 16)
"""Bits that sensors and scanners have."""
_WIDE_GREYS = ("I;16", "I;16L", "I;16B", "I;16N", "I", "F")
_WIDE_RAWMODES = ("RGB;16", "RGBA;16", "LA;16")
_BAND = 1 << 18
"""Pixels that are scaled at once."""
_BITS_PER_SAMPLE, _SAMPLE_FORMAT, _MAX_SAMPLE = 258, 339, 281
_PHOTOMETRIC, _PLANAR = 262, 284
_UNSIGNED, _SIGNED, _WHITE_IS_ZERO, _APART = 1, 2, 0, 2


@dataclass(frozen=True)
class LevelScale:
    """The values that become 0 and 255, and one line that says so; "" where a whole range of 16 bits does."""

    low: float
    high: float
    note: str = ""

    def apply(self, values: NDArray[Any]) -> NDArray[np.uint8]:
        """Values of any shape as 0 to 255: what is outside becomes the nearer end, NaN becomes 0."""
        scaled = (values.astype(np.float64) - self.low) * (255.0 / (self.high - self.low))
        return np.rint(np.clip(np.nan_to_num(scaled), 0.0, 255.0)).astype(np.uint8)


def check_levels(levels: str) -> Levels:
    """The levels of this name; `UsageError` for another."""
    known = next((one for one in LEVELS if one == levels), None)
    if known is None:
        raise UsageError(f"--levels {levels!r} is not one of {', '.join(LEVELS)}")
    return known


def is_wide_grey(image: Image.Image) -> bool:
    """Whether an image has one sample a pixel, of more than 8 bits."""
    return image.mode in _WIDE_GREYS


def grey_levels(image: Image.Image, data: bytes, levels: Levels) -> tuple[Pixels, bool, str]:
    """A wide grey image, loaded from `data`, as uint8 [height, width, 3], and the line that says how it was scaled.

    A value that the file declares transparent becomes white; between the two, whether any is transparent.
    """

    unsigned = _is_unsigned_32(image)

    def bands_of() -> Iterator[_Band]:
        for rows, part in _parts(image):
            values = np.asarray(part)[..., None]
            if unsigned:
                values = values.view(np.uint32)  # Pillow has no mode for them, and reads the upper half as negative
            yield _Band(rows, values, _is_key(values, image))

    scale = (_float_scale if image.mode == "F" else _integer_scale)(image, _extent(bands_of()), data, levels)
    inverted = image.format == "TIFF" and getattr(image, "tag_v2", {}).get(_PHOTOMETRIC) == _WHITE_IS_ZERO
    rgb, see_through, outside = _scaled(image, bands_of(), scale)
    if inverted:
        np.subtract(255, rgb, out=rgb)  # which Pillow heeds up to 8 bits
    return rgb, see_through, scale.note + outside.note(scale, inverted)


def colour_levels(image: Image.Image, rawmode: str, data: bytes, levels: Levels) -> tuple[Pixels, bool, str] | None:
    """A colour image of 16 bits, loaded from `data` and turned, as `grey_levels` returns one.

    Pillow keeps the upper byte of every sample. None where that is right: nothing smaller is declared, the largest
    value needs all 16 bits, and no colour is transparent, which would be told by all its bits. `rawmode` is that of
    `sixteen_bit_rawmode`.
    """
    colours = image.getextrema()[:3]
    largest = max(most for _, most in colours)  # type: ignore[misc]
    is_usual = largest >= 1 << (DEPTHS[-2] - 8) and _png_bits(data) is None
    if "transparency" not in image.info and (levels == "full" or (levels == "auto" and is_usual)):
        return None
    below = Image.open(io.BytesIO(data))
    below.tile = [tile._replace(args=_lower_bytes(tile.args)) for tile in below.tile]
    below.load()
    turn_upright(below)

    def bands_of() -> Iterator[_Band]:
        for (rows, part), (_, lower) in zip(_parts(image), _parts(below), strict=True):
            upper, rest = np.asarray(part), np.asarray(lower)
            # a grey one with alpha was unpacked to the four bytes of both
            samples = rest[..., :1] if rawmode.startswith("LA") else upper[..., :3]
            values = samples.astype(np.uint16) << 8 | (rest[..., 1:2] if rawmode.startswith("LA") else rest[..., :3])
            alpha = upper[..., 3:] / np.float32(255) if upper.shape[2] == 4 else _is_key(values, image)
            yield _Band(rows, values, alpha)

    scale = _integer_scale(image, _extent(bands_of()), data, levels, of=65535)
    rgb, see_through, outside = _scaled(image, bands_of(), scale)
    return rgb, see_through, scale.note + outside.note(scale)


def sixteen_bit_rawmode(image: Image.Image) -> str | None:
    """How Pillow will unpack an image of 16-bit colours that is not loaded yet; None for other images."""
    tiles = getattr(image, "tile", ())
    args = tiles[0].args if tiles else ""
    rawmode = args[0] if isinstance(args, tuple) and args else args
    if image.mode in ("RGB", "RGBA") and isinstance(rawmode, str) and rawmode.startswith(_WIDE_RAWMODES):
        return rawmode
    return None


def planar_problem(image: Image.Image) -> str:
    """Why an image is read wrongly by Pillow, though without an error; "" for others."""
    tags = getattr(image, "tag_v2", {})
    bits = tags.get(_BITS_PER_SAMPLE, (8,))
    if tags.get(_PLANAR) != _APART or not isinstance(bits, tuple) or len(bits) == 1 or max(bits) <= 8:
        return ""
    return "a TIFF whose channels of more than 8 bits are stored apart (planar): save it with its channels together"


def widen_key(image: Image.Image, data: bytes) -> None:
    """Give the grey that a PNG of 2 or 4 bits declares transparent the value that Pillow gives its pixels."""
    key = image.info.get("transparency")
    if image.format == "PNG" and image.mode == "L" and isinstance(key, int) and data[24] in (2, 4):
        image.info["transparency"] = key * 255 // ((1 << data[24]) - 1)


def bands(height: int, width: int) -> Iterator[slice]:
    """Rows of an image in slices of bounded size."""
    step = max(1, _BAND // max(1, width))
    return (slice(top, min(top + step, height)) for top in range(0, height, step))


@dataclass(frozen=True)
class _Band:
    """Rows of an image: their `values` [rows, width, 1 or 3], and how opaque they are, [rows, width, 1] in 0 to 1."""

    rows: slice
    values: NDArray[Any]
    alpha: NDArray[Any] | None


def _parts(image: Image.Image) -> Iterator[tuple[slice, Image.Image]]:
    """An image in bands of rows: a copy of the whole is never made."""
    width, height = image.size
    return ((rows, image.crop((0, rows.start, width, rows.stop))) for rows in bands(height, width))


def _is_key(values: NDArray[Any], image: Image.Image) -> NDArray[Any] | None:
    """0 where the colour is the one that a file declares transparent, 1 elsewhere; None where it declares none."""
    key = image.info.get("transparency")
    return None if key is None else (values != np.asarray(key)).any(axis=-1, keepdims=True)


def _extent(parts: Iterator[_Band]) -> tuple[float, float]:
    """The smallest and the largest finite value, 0 and 1 where there is none."""
    least, most = np.inf, -np.inf
    for part in parts:
        values = part.values
        if values.dtype.kind == "f":
            values = values[np.isfinite(values)]
        if values.size:
            least, most = min(least, values.min()), max(most, values.max())
    return (float(least), float(most)) if least <= most else (0.0, 1.0)


@dataclass
class _Outside:
    """How many samples have no level of their own: they are `below` or `above` the scale, or `not_numbers`."""

    below: int = 0
    above: int = 0
    not_numbers: int = 0

    def add(self, values: NDArray[Any], scale: LevelScale) -> None:
        """Count those of these values."""
        self.below += int(np.count_nonzero(values < scale.low))
        self.above += int(np.count_nonzero(values > scale.high))
        if values.dtype.kind == "f":
            self.not_numbers += int(np.count_nonzero(np.isnan(values)))

    def note(self, scale: LevelScale, inverted: bool = False) -> str:
        """The end of the line about the scale that counts them; "" where there is none."""
        black, white = ("white", "black") if inverted else ("black", "white")
        found = (
            (self.below, f"below {scale.low:,.6g} ({black})"),
            (self.above, f"above {scale.high:,.6g} ({white})"),
            (self.not_numbers, f"NaN ({black})"),
        )
        said = [f"{count:,} {where}" for count, where in found if count]
        return f"; some samples are outside: {', '.join(said)}" if said else ""


def _scaled(image: Image.Image, parts: Iterator[_Band], scale: LevelScale) -> tuple[Pixels, bool, _Outside]:
    """The values of an image as uint8 [height, width, 3], over white, whether any is transparent, and those outside."""
    rgb, see_through, outside = np.empty((image.height, image.width, 3), np.uint8), False, _Outside()
    for part in parts:
        outside.add(part.values, scale)
        found = scale.apply(part.values)
        if part.alpha is not None:
            see_through = see_through or bool((part.alpha < 1).any())
            found = np.rint(found * part.alpha + 255.0 * (1.0 - part.alpha)).astype(np.uint8)
        rgb[part.rows] = found
    return rgb, see_through, outside


def _lower_bytes(args: Any) -> Any:
    """The arguments of a tile, so that the lower byte of every 16-bit sample is unpacked."""
    rawmode = args[0] if isinstance(args, tuple) else args
    if rawmode.startswith("LA"):
        other = "RGBA"  # Pillow has no way to the lower bytes alone
    else:
        native = "L" if sys.byteorder == "little" else "B"
        other = rawmode[:-1] + {"B": "L", "L": "B"}[rawmode[-1].replace("N", native)]
    return (other, *args[1:]) if isinstance(args, tuple) else other


def _integer_scale(
    image: Image.Image, extent: tuple[float, float], data: bytes, levels: Levels, of: int | None = None
) -> LevelScale:
    """The scale of whole numbers; `of` is the largest that the samples hold, by the image where it is None."""
    least, most = map(int, extent)
    whole = of or _whole_range(image)
    if levels == "image":
        return _own_scale(least, most)
    if levels == "full":
        return LevelScale(0, whole, "" if whole == 65535 else _note(0, whole, "its samples' whole range"))
    declared = _declared(image, data)
    if declared is not None and declared >= most:
        top, why = declared, "the bit depth that it declares"
    elif image.format in ("PPM", "JPEG2000") or (declared is not None and whole == 65535):
        # their samples are scaled up when they are read, or were when the file was written
        top, why = 65535, "16 bits"
    else:
        bits = next((bits for bits in DEPTHS if most < 1 << bits), most.bit_length())
        top, why = (1 << bits) - 1, f"{bits} bits hold its largest value"
    return LevelScale(0, top, "" if (top, whole) == (65535, 65535) else _note(0, top, why))


def _float_scale(image: Image.Image, extent: tuple[float, float], data: bytes, levels: Levels) -> LevelScale:
    """The scale of fractions."""
    least, most = extent
    if levels == "image":
        return _own_scale(least, most)
    if levels == "full" or most <= 1.0:
        return LevelScale(0.0, 1.0, _note(0, 1, "the range of fractions"))
    bits = next((bits for bits in DEPTHS if most < 1 << bits), None)
    top, why = ((1 << bits) - 1, f"{bits} bits hold its largest value") if bits else (most, "its largest value")
    return LevelScale(0.0, float(max(top, most)), _note(0, max(top, most), why))


def _own_scale(least: float, most: float) -> LevelScale:
    """From the image's own smallest to its largest value."""
    return LevelScale(least, most if most > least else least + 1, _note(least, most, "its own values"))


def _note(low: float, high: float, why: str) -> str:
    return f"its levels are scaled from {low:,.6g} to {high:,.6g} ({why}): --levels auto, full or image chooses"


def _whole_range(image: Image.Image) -> int:
    """The largest whole number that the samples hold."""
    if image.mode != "I" or image.format == "PPM":
        return 65535
    if _is_unsigned_32(image):
        return (1 << 32) - 1
    tags = getattr(image, "tag_v2", {})
    bits = int(_first(tags.get(_BITS_PER_SAMPLE, 32)))
    signed = int(_first(tags.get(_SAMPLE_FORMAT, _SIGNED))) == _SIGNED
    return (1 << (min(bits, 32) - (signed or bits == 32))) - 1


def _is_unsigned_32(image: Image.Image) -> bool:
    """Whether a TIFF says that its samples are whole numbers of 32 bits without a sign."""
    tags = getattr(image, "tag_v2", {})
    kind = (image.mode, _first(tags.get(_BITS_PER_SAMPLE)), _first(tags.get(_SAMPLE_FORMAT, _UNSIGNED)))
    return kind == ("I", 32, _UNSIGNED)


def _declared(image: Image.Image, data: bytes) -> int | None:
    """The largest value by the bit depth that a file declares, None where it declares nothing below 16 bits."""
    if (bits := _png_bits(data)) is not None:
        return (1 << bits) - 1
    tags = getattr(image, "tag_v2", {})
    if _MAX_SAMPLE in tags:
        return int(_first(tags[_MAX_SAMPLE])) or None
    bits = int(_first(tags.get(_BITS_PER_SAMPLE, 16)))
    return (1 << bits) - 1 if 8 < bits < 16 else None


def _png_bits(data: bytes) -> int | None:
    """The significant bits that a PNG of 16 bits declares (its chunk sBIT); None where they are not fewer."""
    at = 8
    if not data.startswith(b"\x89PNG"):
        return None
    while at + 8 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        if kind == b"sBIT":
            colours = {2: 1, 4: 3}.get(length, length)  # alpha is the last of two or four
            most = max(data[at + 8 : at + 8 + min(colours, 3)], default=16)
            return most if 0 < most < 16 else None
        if kind in (b"IDAT", b"PLTE", b"IEND"):
            return None
        at += 12 + length
    return None


def _first(value: Any) -> Any:
    return value[0] if isinstance(value, tuple) else value
