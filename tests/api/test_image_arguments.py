"""Images as Python has them: arrays, tensors, open files, Pillow images hold the pixels that they were made of."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from vlmtui.api.image_argument import image_file
from vlmtui.errors import ArgumentTypeError, ImageError, UsageError, type_name
from vlmtui.images.decoding import decode

RGB = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)
FLOATS = RGB / 255
CHW = np.moveaxis(RGB, -1, 0)


def pixels(image: Any) -> NDArray[np.uint8]:
    return decode(image_file(image).data, "it").rgb


@pytest.mark.parametrize(
    "image",
    [
        RGB,
        CHW,
        RGB[None],
        CHW[None],
        FLOATS,
        FLOATS.astype(np.float32),
        np.moveaxis(FLOATS, -1, 0).astype(np.float32),
        RGB.astype(np.int64),
        RGB.astype(np.uint16) * 257,
        torch.from_numpy(RGB),
        torch.from_numpy(CHW),
        torch.from_numpy(CHW) / 255,
        (torch.from_numpy(CHW) / 255)[None].requires_grad_(),
        Image.fromarray(RGB),
    ],
    ids=lambda image: f"{type(image).__name__}-{getattr(image, 'dtype', '')}-{tuple(getattr(image, 'shape', ()))}",
)
def test_the_same_pixels_whatever_holds_them(image: Any) -> None:
    assert np.array_equal(pixels(image), RGB)


def test_16_bit_floats_are_exact_within_their_steps() -> None:
    for kind, most in ((torch.float16, 1), (torch.bfloat16, 2)):
        found = pixels((torch.from_numpy(CHW) / 255).to(kind))
        assert np.abs(found.astype(int) - RGB).max() <= most


def test_where_both_ends_could_be_channels_an_array_has_them_last_and_a_tensor_first() -> None:
    array = np.random.default_rng(1).integers(0, 256, (3, 6, 3), dtype=np.uint8)
    assert np.array_equal(pixels(array), array)
    assert np.array_equal(pixels(torch.from_numpy(array)), np.moveaxis(array, 0, -1))


def test_grey_booleans_and_alpha() -> None:
    grey = RGB[..., 0]
    for image in (grey, grey[..., None], grey[None], torch.from_numpy(grey)):
        assert np.array_equal(pixels(image), np.repeat(grey[..., None], 3, axis=-1))
    assert np.array_equal(pixels(grey > 9)[..., 0], np.where(grey > 9, 255, 0))
    clear = np.concatenate([RGB, np.zeros((5, 7, 1), np.uint8)], axis=-1)
    assert (pixels(clear) == 255).all()


def test_open_files_and_buffers(tmp_path: Path) -> None:
    file = io.BytesIO()
    Image.fromarray(RGB).save(file, "PNG")  # which leaves it at its end
    (tmp_path / "it.png").write_bytes(file.getvalue())
    with (tmp_path / "it.png").open("rb") as opened:
        for image in (file, opened, bytearray(file.getvalue()), memoryview(file.getvalue()), tmp_path / "it.png"):
            assert np.array_equal(pixels(image), RGB)
    with pytest.raises(ArgumentTypeError, match="opened in binary, not one of str"):
        image_file(io.StringIO("it"))
    with pytest.raises(ImageError, match=r"the open file cannot be read .*: open it again"):
        image_file(opened)


@pytest.mark.parametrize("mode", ["CMYK", "HSV", "LAB", "YCbCr", "F", "RGBX", "La", "RGBa", "1", "P", "I", "I;16"])
def test_pillow_images_of_every_mode(mode: str) -> None:
    image = Image.new("F", (7, 5), 0.5) if mode == "F" else Image.new(mode, (7, 5))
    assert pixels(image).shape == (5, 7, 3)


def test_a_pillow_image_is_turned_as_its_file_is() -> None:
    file = io.BytesIO()
    turn = Image.Exif()
    turn[0x0112] = 6
    Image.fromarray(RGB).save(file, "PNG", exif=turn)
    assert np.array_equal(pixels(Image.open(file)), pixels(file.getvalue()))
    assert pixels(Image.open(file)).shape == (7, 5, 3)


@pytest.mark.parametrize(
    ("image", "said"),
    [
        (
            FLOATS * 4 - 2,
            r"an array of float64 \(5, 7, 3\) .* from -.* to .*: undo its normalisation, or give uint8, .*",
        ),
        (FLOATS * 255, "its numbers go from .* to .*: give uint8, or floats from 0 to 1"),
        (np.where(FLOATS > 0.5, np.nan, FLOATS), "its numbers go from nan to nan: .*"),
        (RGB.astype(np.int32) * 2, "its numbers go from .*"),
        (RGB.astype(complex), "an array of complex128 .* is not an image: give uint8, or floats from 0 to 1"),
        (np.array([["a"]]), "is not an image"),
        (RGB[0, 0], r"give \[height, width, 3\] or \[3, height, width\]"),
        (np.zeros((2, 5, 7, 3), np.uint8), "give .height, width, 3. or .3, height, width."),
        (np.zeros((0, 7, 3), np.uint8), "it is empty"),
        (np.ma.masked_less(RGB, 99), r"^image is a masked array, and its masked pixels have no value: fill them"),
    ],
    ids=str,
)
def test_what_is_no_image_is_a_sentence(image: Any, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        image_file(image)


class _NoPath:
    def __fspath__(self) -> Any:
        return 7


class _NoNumbers:
    def __array__(self, *_: Any, **__: Any) -> Any:
        raise RuntimeError("not now")


@pytest.mark.parametrize(
    ("image", "said"),
    [
        (torch.empty(3, 4, 4, device="meta"), r"^image is a Tensor whose numbers cannot be had \(.*: give a dense"),
        (torch.zeros(3, 4, 4).to_sparse(), r"^image is a Tensor whose numbers cannot be had \(.*: give a dense"),
        (_NoNumbers(), r"^image is a _NoNumbers whose numbers cannot be had \(not now\): give a dense"),
        (_NoPath(), "^image is a _NoPath that gives no path"),
    ],
    ids=["meta", "sparse", "array", "path"],
)
def test_what_cannot_be_made_an_image_is_a_sentence(image: Any, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        image_file(image)


@pytest.mark.parametrize("image", [7, None, object(), [1, 2], {"bytes": b""}], ids=lambda image: type(image).__name__)
def test_another_type_is_a_type_error(image: Any) -> None:
    with pytest.raises(TypeError, match=f"^image must be a path, .*, not {type_name(image)}$"):
        image_file(image)
