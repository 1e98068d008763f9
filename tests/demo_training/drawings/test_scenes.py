"""The generator: the same seed is the same scene, and labels lie where their pixels are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from demo_training.colours import BASE, name_pixels
from demo_training.drawings import palette as p
from demo_training.drawings.canvas import Canvas
from demo_training.drawings.scenes import FIGURES, HELD_OUT, KINDS, make_scene
from demo_training.samples import SAMPLES
from demo_training.train import VALIDATION
from demo_training.training.recipes import RECIPES
from demo_training.vocabulary import CLASS_OF, CLASSES, GLYPHS, INDEX, NAMES


@pytest.mark.parametrize("seed", [0, 3, 7, HELD_OUT + 1])
def test_same_seed_same_scene(seed: int) -> None:
    one, two = make_scene(seed, 96), make_scene(seed, 96)
    assert one.image.tobytes() == two.image.tobytes()
    assert np.array_equal(one.labels, two.labels)
    assert (one.kind, one.glyphs) == (two.kind, two.glyphs)


def test_seeds_differ() -> None:
    assert make_scene(1, 96).image.tobytes() != make_scene(2, 96).image.tobytes()


def test_a_scene_drawn_finer_is_the_same_scene() -> None:
    for seed in range(12):
        small, large = make_scene(seed, 120), make_scene(seed, 240)
        assert small.kind == large.kind
        assert small.glyphs == large.glyphs
        agree = (small.labels == large.labels[::2, ::2]).mean()
        assert agree > 0.9, (seed, small.kind, agree)


def test_every_kind_and_every_class_is_drawn() -> None:
    scenes = [make_scene(seed, 64) for seed in range(400)]
    assert {s.kind for s in scenes} == set(KINDS)
    shares = np.zeros(len(CLASSES))
    for scene in scenes:
        shares += np.bincount(np.array(CLASS_OF)[scene.labels].ravel(), minlength=len(CLASSES)) / scene.labels.size
    shares /= len(scenes)
    assert len(CLASSES) == 75
    assert set(NAMES) == {NAMES[i] for i in np.flatnonzero(shares)}
    assert shares.max() < 0.1
    assert np.median(shares) > 0.005


def test_training_never_sees_held_out_seeds() -> None:
    assert RECIPES["large"].scenes < VALIDATION < HELD_OUT < FIGURES
    assert all(HELD_OUT + 1000 < seed < FIGURES for seed, _ in SAMPLES.values())


def test_labels_lie_on_their_pixels() -> None:
    """A disc painted in one clear colour: its label covers that colour and nothing else."""
    canvas = Canvas(5, 120)
    canvas.paint("paper", p.tinted(np.array((250, 250, 250), np.float32), 0))
    canvas.paint("circle", p.tinted(np.array((200, 20, 20), np.float32), 0), canvas.ellipse(0.4, 0.6, 0.2, 0.2))
    red = canvas.image[..., 1] < 100
    assert np.array_equal(red, canvas.labels == INDEX["circle"])
    assert np.array_equal(~red, canvas.labels == INDEX["paper"])
    assert abs(red.mean() - np.pi * 0.2**2) < 0.01


@pytest.mark.parametrize(
    ("name", "colours"), [("grass", {"green", "brown", "yellow"}), ("night", {"black", "blue", "gray", "purple"})]
)
def test_labelled_pixels_have_the_colours_of_their_class(name: str, colours: set[str]) -> None:
    shares = []
    for seed in range(300):
        scene = make_scene(seed, 64)
        if scene.kind in ("landscape", "town", "river") if name == "grass" else scene.kind == "night":
            mask = scene.labels == INDEX[name]
            if mask.sum() > 200:
                base, _, _ = name_pixels(torch.from_numpy(np.asarray(scene.image)[mask]))
                shares.append(np.isin(base.numpy(), [BASE.index(c) for c in colours]).mean())
    assert len(shares) >= 3
    assert np.mean(shares) > 0.7


def test_glyphs_are_labelled_by_their_own_character() -> None:
    written = [s for s in (make_scene(seed, 160) for seed in range(60)) if s.glyphs]
    assert written
    for scene in written:
        labels = {GLYPHS[int(v) - len(CLASSES)] for v in np.unique(scene.labels) if v >= len(CLASSES)}
        assert labels <= set(scene.glyphs)
        assert labels or INDEX["letter"] in scene.labels
        kinds = {NAMES[CLASS_OF[len(CLASSES) + GLYPHS.index(g)]] for g in labels}
        assert kinds <= {"letter", "digit"}


def test_sample_pictures_are_scenes_of_the_generator() -> None:
    folder = Path(__file__).parents[3] / "sample_images"
    for name, (seed, side) in SAMPLES.items():
        path = folder / name
        assert path.stat().st_size < 200_000
        picture = np.asarray(Image.open(path), np.int16)
        drawn = np.asarray(make_scene(seed, side).image, np.int16)
        # Another Pillow may round a blur the other way.
        assert np.abs(picture - drawn).mean() < 1
