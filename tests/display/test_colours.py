"""Colours against independent arithmetic: WCAG contrast, brute-force nearest colour, the published viridis."""

from __future__ import annotations

import numpy as np
import pytest

from vlmtui.display import colours


def test_viridis_is_the_published_table() -> None:
    assert colours.VIRIDIS.shape == (256, 3)
    assert colours.hex_colour(colours.VIRIDIS[0]) == "#440154"
    assert colours.hex_colour(colours.VIRIDIS[255]) == "#fde725"
    light = colours.luminance(colours.VIRIDIS)
    assert (np.diff(light) > -1e-3).all()


def test_maps_reach_their_ends_and_mark_what_is_not_finite() -> None:
    mapped = colours.magnitude_colours([[-5.0, 0.0], [10.0, np.nan]], 0.0, 10.0)
    assert mapped.shape == (2, 2, 3)
    assert mapped.dtype == np.uint8
    assert mapped[0, 0].tolist() == mapped[0, 1].tolist() == [68, 1, 84]
    assert mapped[1, 0].tolist() == [253, 231, 37]
    assert mapped[1, 1].tolist() == [128, 128, 128]
    low, middle, high = colours.difference_colours([-2.0, 0.0, 2.0], 1.0)
    assert low[2] > low[0]
    assert high[0] > high[2]
    assert (middle > 235).all()


def test_a_range_that_one_outlier_does_not_flatten() -> None:
    low, high = colours.robust_range([*np.linspace(1, 2, 200), 1000.0, np.inf, np.nan])
    assert 1.0 <= low < 1.05
    assert high < 2.01
    assert colours.robust_range([]) == (0.0, 1.0)
    assert colours.robust_range([3.0, 3.0]) == (2.5, 3.5)


def test_blend_and_brightness() -> None:
    assert colours.blend([0, 0, 0], [200, 100, 50], 0.7).tolist() == [140, 70, 35]
    assert colours.brightness([[255, 255, 255], [0, 0, 0]]).tolist() == [[255] * 3, [0] * 3]


def test_ink_has_the_higher_contrast() -> None:
    def contrast(a: float, b: float) -> float:
        return (max(a, b) + 0.05) / (min(a, b) + 0.05)

    for rgb in np.random.default_rng(0).integers(0, 256, (300, 3)):
        light = float(colours.luminance(rgb))
        better = (255, 255, 255) if contrast(1.0, light) > contrast(light, 0.0) else (0, 0, 0)
        assert colours.ink(rgb) == better


def test_the_nearest_of_256_is_the_nearest_in_oklab() -> None:
    rng = np.random.default_rng(1)
    picture = rng.integers(0, 256, (12, 9, 3)).astype(np.uint8)
    numbers = colours.xterm256(picture)
    assert numbers.shape == (12, 9)
    palette = colours.oklab(colours.xterm_palette())
    for rgb, number in zip(picture.reshape(-1, 3), numbers.ravel(), strict=True):
        distance = np.linalg.norm(palette - colours.oklab(rgb), axis=1)
        assert distance[int(number) - 16] == pytest.approx(distance.min())


def test_dark_colours_are_not_crushed() -> None:
    assert colours.xterm_colour((20, 20, 30)) != (0, 0, 0)
    assert colours.xterm_colour((95, 135, 175)) == (95, 135, 175)
    assert colours.xterm_palette().shape == (240, 3)
    assert colours.xterm_palette()[231 - 16].tolist() == [255, 255, 255]


def test_oklab_of_known_colours() -> None:
    # the reference values of Ottosson's page for sRGB white and red
    np.testing.assert_allclose(colours.oklab([255, 255, 255]), [1.0, 0.0, 0.0], atol=1e-3)
    np.testing.assert_allclose(colours.oklab([255, 0, 0]), [0.62796, 0.22486, 0.12585], atol=1e-3)
