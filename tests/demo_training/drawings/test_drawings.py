"""What the drawings are made of: materials, piles, the camera; and that they have the statistics of photographs."""

from __future__ import annotations

import numpy as np
import pytest

from demo_training.drawings import palette as p
from demo_training.drawings.canvas import Canvas
from demo_training.drawings.noise import bank, sample, warped
from demo_training.drawings.piles import cut, pile
from demo_training.drawings.places.materials import MATERIALS
from demo_training.drawings.scenes import make_scene
from demo_training.vocabulary import INDEX

CYCLES = np.arange(4, 40)


def spectrum(gray: np.ndarray) -> np.ndarray:
    """Share of the power at each of CYCLES a picture, averaged over directions."""
    side = gray.shape[0]
    edge = np.hanning(side)
    power = np.abs(np.fft.fftshift(np.fft.fft2((gray - gray.mean()) * edge[:, None] * edge[None]))) ** 2
    y, x = np.indices(power.shape) - side // 2
    r = np.hypot(y, x).astype(int)
    mean = np.bincount(r.ravel(), power.ravel())[CYCLES] / np.bincount(r.ravel())[CYCLES]
    return mean / mean.sum()


def slope(power: np.ndarray) -> float:
    return float(np.polyfit(np.log(CYCLES), np.log(power + 1e-12), 1)[0])


def test_power_falls_with_frequency_as_in_photographs() -> None:
    """Natural pictures: as 1/f² on average (Field 1987), with wide spread from one to the next."""
    grays = [np.asarray(make_scene(seed, 120).image.convert("L"), np.float64) for seed in range(40)]
    spectra = [spectrum(g) for g in grays]
    assert -3 < slope(np.mean(spectra, 0)) < -1.5
    assert np.std([slope(s) for s in spectra]) > 0.2


@pytest.mark.parametrize("name", MATERIALS)
def test_materials_fill_any_size_and_differ_from_draw_to_draw(name: str) -> None:
    assert name in INDEX
    material = MATERIALS[name][0]
    means = []
    for seed, (h, w) in enumerate(((40, 60), (1, 1), (3, 90), (64, 64))):
        colours = material(np.random.default_rng(seed), h, w, 0.5)
        assert colours.shape == (h, w, 3)
        assert np.isfinite(colours).all()
        means.append(colours.mean())
    assert np.std(means) > 0
    one, two = (material(np.random.default_rng(5), 48, 48, 0.5) for _ in range(2))
    assert np.array_equal(one, two)


def test_noise_has_the_mean_and_spread_it_says() -> None:
    for kind in ("white", "pink", "smooth", "hairs"):
        assert abs(bank(kind).mean()) < 1e-3
        assert bank(kind).std() == pytest.approx(1, abs=1e-3)
    assert sample(np.random.default_rng(0), "pink", 30, 50, 2.0).shape == (30, 50)


def test_grain_lies_along_its_flow() -> None:
    """Strands that run across a picture change less from left to right than from top to bottom."""
    strands = warped(np.random.default_rng(1), "hairs", 120, 120, 1.0, 0.0, 0.0)
    assert np.abs(np.diff(strands, axis=1)).mean() < 0.5 * np.abs(np.diff(strands, axis=0)).mean()


def test_piles_wrap_and_are_lit() -> None:
    whole = pile("rounds")
    half = whole.shape[1] // 2
    assert np.array_equal(whole[:, :half], whole[:, half:])
    part = cut(np.random.default_rng(0), "rounds", 80, 80, 2.0)
    assert part.light.std() > 0.1
    assert 0 <= part.tone.min() <= part.tone.max() <= 1
    assert 0 <= part.gap.min() <= part.gap.max() <= 1


def test_shadows_and_glows_change_colours_and_not_labels() -> None:
    canvas = Canvas(3, 96)
    canvas.paint("paper", p.tinted(np.array((200, 200, 200), np.float32), 0))
    before, labels = canvas.image.copy(), canvas.labels.copy()
    canvas.darken(canvas.ellipse(0.3, 0.3, 0.1, 0.1), 0.5, 1.0)
    assert canvas.image[29, 29].mean() < 0.6 * before[29, 29].mean()
    assert np.array_equal(canvas.image[80, 80], before[80, 80])
    canvas.glow(0.8, 0.8, 0.1, np.array((255, 255, 255), np.float32), 0.5)
    assert canvas.image[77, 77].mean() > before[77, 77].mean()
    assert np.array_equal(canvas.labels, labels)


def test_a_rounded_body_is_lighter_on_one_side() -> None:
    canvas = Canvas(4, 120)
    canvas.paint("paper", p.tinted(np.array((255, 255, 255), np.float32), 0))
    ball = canvas.ellipse(0.5, 0.5, 0.4, 0.4)
    canvas.paint("fruit", p.tinted(np.array((120, 120, 120), np.float32), 0), ball, 0, 0, 0.5)
    inside = canvas.image[..., 0][canvas.labels == INDEX["fruit"]]
    assert inside.max() - inside.min() > 60


def test_what_is_out_of_focus_loses_its_detail_only() -> None:
    canvas = Canvas(6, 120)
    canvas.paint("stripes", p.dimmed(lambda rng, h, w, u: np.indices((h, w))[1][..., None] % 4 * np.full(3, 60.0), 1.0))
    before = canvas.image.copy()
    canvas.defocus(4)
    assert canvas.image.std() < 0.2 * before.std()
    assert canvas.image.mean() == pytest.approx(before.mean(), abs=2)
