"""What patches are taught."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from demo_training.colours import BASE, lab, name_pixels
from demo_training.evaluation.patch_accuracy import patch_truth
from demo_training.targets import LABELS, patch_signals, target_matrix
from demo_training.tokenizer import word_id
from demo_training.vocabulary import GLYPHS, INDEX, NAMES


def test_colour_names_of_plain_colours() -> None:
    plain = {
        "black": (5, 5, 5),
        "white": (250, 250, 250),
        "red": (200, 25, 25),
        "green": (30, 130, 40),
        "blue": (40, 90, 200),
    }
    for name, rgb in plain.items():
        base, _, _ = name_pixels(torch.tensor([rgb], dtype=torch.uint8))
        assert BASE[int(base[0])] == name


def test_lab_of_white_and_black() -> None:
    assert np.allclose(lab(np.array([[255.0, 255, 255], [0, 0, 0]])), [[100, 0, 0], [0, 0, 0]], atol=0.3)


def test_signals_of_a_patch() -> None:
    rgb = np.full((224, 224, 3), (40, 90, 200), np.uint8)
    labels = np.full((224, 224), INDEX["sea"], np.uint8)
    labels[:16, :8] = INDEX["sand"]
    found = patch_signals(torch.from_numpy(rgb)[None], torch.from_numpy(labels)[None])
    assert found.labels[0, 0, INDEX["sand"]] == found.labels[0, 0, INDEX["sea"]] == 0.5
    assert (found.labels[0, 1:, INDEX["sea"]] == 1).all()
    assert (found.colours[0, :, BASE.index("blue")] == 1).all()
    right = patch_truth(found)
    assert list(right.where) == list(range(1, 196))  # the mixed patch does not count
    target = found.joined()[0, 5].numpy() @ target_matrix()
    assert target.argmax() == word_id("sea")
    assert np.argsort(-target)[1] == word_id("blue")


def test_objects_can_weigh_more() -> None:
    usual, more = target_matrix(), target_matrix(3)
    assert more[INDEX["sea"], word_id("sea")] == pytest.approx(3 * usual[INDEX["sea"], word_id("sea")])
    glyph = usual[LABELS - 1] > 0.1  # the word for its kind, and its own character
    assert glyph.sum() == 2
    assert more[LABELS - 1, glyph] == pytest.approx(3 * usual[LABELS - 1, glyph])
    more[:, [word_id(name) for name in (*NAMES, *GLYPHS)]] = usual[:, [word_id(name) for name in (*NAMES, *GLYPHS)]]
    assert np.array_equal(usual, more)  # nothing else does


def test_every_signal_has_words_and_only_glyphs_have_characters() -> None:
    matrix = target_matrix()
    assert (matrix.sum(1) > 0).all()
    letters = matrix[:, word_id("A")]
    assert letters[INDEX["letter"]] == 0
    assert letters[:LABELS].sum() > 0
