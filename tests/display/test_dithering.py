"""Dithering: colours of the palette that together are nearer to the image than single ones, wherever they are seen."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vlmtui.display.colours import xterm_colour
from vlmtui.display.dithering import dithered

SAMPLES = Path(__file__).parents[2] / "sample_images"


def means(pixels: np.ndarray) -> np.ndarray:
    """The means of four by four pixels."""
    height, width = (size // 4 for size in pixels.shape[:2])
    return pixels[: 4 * height, : 4 * width].astype(float).reshape(height, 4, width, 4, 3).mean(axis=(1, 3))


@pytest.mark.parametrize("name", ["china.jpg", "chelsea.png", "coffee.png"])
def test_four_by_four_pixels_are_nearer_to_the_image(name: str) -> None:
    """Than the nearest colour of each pixel, by a quarter at least; every colour is one of the palette's."""
    with Image.open(SAMPLES / name) as file:
        image = np.asarray(file.convert("RGB").resize((48, 32), Image.Resampling.BOX))
    nearest = np.array([[xterm_colour(tuple(map(int, pixel))) for pixel in row] for row in image])
    made = dithered(image)
    assert all(xterm_colour(tuple(map(int, pixel))) == tuple(pixel) for pixel in made.reshape(-1, 3))
    errors = [np.abs(means(one) - means(image)).mean() for one in (made, nearest)]
    assert errors[0] < 0.75 * errors[1], errors


def test_a_pixel_is_the_same_wherever_it_is_seen() -> None:
    image = np.random.default_rng(3).integers(0, 256, (12, 15, 3), dtype=np.uint8)
    whole = dithered(image)
    for x, y in ((0, 0), (1, 0), (4, 3), (7, 2)):
        np.testing.assert_array_equal(dithered(image[y:, x:], (x, y)), whole[y:, x:])


def test_a_colour_of_the_palette_stays_as_it_is() -> None:
    image = np.full((5, 7, 3), (95, 135, 215), np.uint8)
    np.testing.assert_array_equal(dithered(image), image)
