"""WebP decoded straight into an array: the same pixels as Pillow's, in less memory."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image

from benchmarks.decoding_memory import made, peak, webp
from tests.images.test_decoding import encoded
from vlmtui.images import webp as webp_module
from vlmtui.images.decoding import decode, preview
from vlmtui.images.webp import webp_pixels

NOISE = np.random.default_rng(0).integers(0, 256, (37, 53, 4), np.uint8)


@pytest.mark.parametrize("options", [{"lossless": True}, {"quality": 60}], ids=str)
@pytest.mark.parametrize("channels", [3, 4])
def test_the_pixels_are_those_of_pillow(
    options: dict[str, Any], channels: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = encoded(Image.fromarray(NOISE[..., :channels]), "WEBP", **options)
    direct = webp_pixels(Image.open(io.BytesIO(data)), data, 1)
    if webp_module._library() is not None:
        assert direct is not None
        np.testing.assert_array_equal(direct, np.asarray(Image.open(io.BytesIO(data))))
    found = decode(data, "x").rgb
    monkeypatch.setattr(webp_module, "_library", lambda: None)
    np.testing.assert_array_equal(decode(data, "x").rgb, found)


def test_a_turned_one_and_an_animation_are_pillows() -> None:
    exif = Image.Exif()
    exif[274] = 6
    turned = decode(encoded(Image.fromarray(NOISE[..., :3]), "WEBP", lossless=True, exif=exif.tobytes()), "x")
    np.testing.assert_array_equal(turned.rgb, NOISE[::-1, :, :3].transpose(1, 0, 2))
    frames = [Image.fromarray(part) for part in (NOISE[..., :3], NOISE[..., 1:])]
    animated = encoded(frames[0], "WEBP", save_all=True, append_images=frames[1:], lossless=True)
    np.testing.assert_array_equal(decode(animated, "x").rgb, NOISE[..., :3])


def test_a_large_image_takes_at_most_nine_bytes_a_pixel() -> None:
    side = 3000
    assert len(webp(16383, 12000)) <= 34
    for data in (webp(side, side), made("PNG", side, side)):
        assert peak(data, "whole") < 9 * side**2
        assert peak(data, "preview") < 9 * side**2
    assert peak(made("JPEG", side, side), "preview") < side**2
    assert preview(webp(90, 60), "x", (48, 24)).size == (36, 24)
